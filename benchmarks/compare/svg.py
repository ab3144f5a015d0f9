"""The page's plots: plain SVG, drawn from the results' figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 840, 380, 56, 270, 14, 44
COLOURS = (
    "#1d4ed8", "#d92d20", "#067647", "#b54708", "#6938ef", "#0e7090",
    "#c11574", "#697586", "#a15c07", "#669f2a", "#9e77ed", "#36bffa",
)  # fmt: skip


_ALONE = (
    "<style>text{font:12px system-ui,sans-serif;fill:#101828}.soft{fill:#667085}.axis{stroke:#d0d5dd}"
    "@media(prefers-color-scheme:dark){text{fill:#f2f4f7}.soft{fill:#98a2b3}.axis{stroke:#344054}}</style>"
)


def alone(drawing: str) -> str:
    """A plot as a file of its own, with the styles that the page would give it."""
    head, _, rest = drawing.partition(">")
    return f"{head} xmlns='http://www.w3.org/2000/svg'>{_ALONE}{rest}\n"


class _Plot:
    """Axes with a linear y and a linear or logarithmic x; collects shapes."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], *, log: bool, names: tuple[str, str]) -> None:
        self.x, self.y, self.log = x, y, log
        self.parts: list[str] = []
        self._axes(names)

    def px(self, value: float) -> float:
        low, high = (math.log10(v) for v in self.x) if self.log else self.x
        at = math.log10(value) if self.log else value
        return _LEFT + (at - low) / (high - low) * (_WIDE - _LEFT - _RIGHT)

    def py(self, value: float) -> float:
        return _HIGH - _BOTTOM - (value - self.y[0]) / (self.y[1] - self.y[0]) * (_HIGH - _TOP - _BOTTOM)

    def line(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        path = " ".join(f"{self.px(x):.1f},{self.py(y):.1f}" for x, y in points)
        self.parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>")

    def band(self, points: Sequence[tuple[float, float, float]], colour: str) -> None:
        there = [f"{self.px(x):.1f},{self.py(low):.1f}" for x, low, _ in points]
        back = [f"{self.px(x):.1f},{self.py(high):.1f}" for x, _, high in reversed(points)]
        self.parts.append(f"<polygon points='{' '.join(there + back)}' fill='{colour}' opacity='.12'/>")

    def dot(self, x: float, y: float, colour: str, title: str) -> None:
        at = f"cx='{self.px(x):.1f}' cy='{self.py(y):.1f}'"
        self.parts.append(f"<circle {at} r='4' fill='{colour}'><title>{escape(title)}</title></circle>")

    def rule(self, x: float, low: float, high: float, colour: str) -> None:
        at = self.px(x)
        self.parts.append(
            f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{self.py(low):.1f}' y2='{self.py(high):.1f}' stroke='{colour}'/>"
        )

    def legend(self, names: Sequence[tuple[str, str]]) -> None:
        """(colour, name) from top to bottom."""
        for i, (colour, name) in enumerate(names):
            y = _TOP + 10 + 20 * i
            mark = f"<rect x='{_WIDE - _RIGHT + 14}' y='{y - 8}' width='10' height='10' fill='{colour}'/>"
            self.parts.append(f"{mark}<text x='{_WIDE - _RIGHT + 30}' y='{y + 1}'>{escape(name)}</text>")

    def drawn(self, label: str) -> str:
        body = "".join(self.parts)
        return (
            f"<svg viewBox='0 0 {_WIDE} {_HIGH}' width='{_WIDE}' role='img' aria-label='{escape(label)}'>{body}</svg>"
        )

    def _axes(self, names: tuple[str, str]) -> None:
        for value in _ticks(*self.y):
            y = self.py(value)
            self.parts.append(
                f"<line class='axis' x1='{_LEFT}' x2='{_WIDE - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>"
                f"<text x='{_LEFT - 8}' y='{y + 4:.1f}' text-anchor='end'>{value:g}</text>"
            )
        marks = _decades(*self.x) if self.log else _ticks(*self.x)
        for value in marks:
            x = self.px(value)
            self.parts.append(f"<text x='{x:.1f}' y='{_HIGH - _BOTTOM + 18}' text-anchor='middle'>{value:g}</text>")
        middle = (_LEFT + _WIDE - _RIGHT) / 2
        self.parts.append(f"<text class='soft' x='{middle}' y='{_HIGH - 8}' text-anchor='middle'>{names[0]}</text>")
        self.parts.append(
            f"<text class='soft' transform='translate(14 {_HIGH / 2}) rotate(-90)' text-anchor='middle'>"
            f"{names[1]}</text>"
        )


def scatter(rows: Sequence[Mapping[str, Any]]) -> str:
    """AP against papers a second, logarithmic."""
    if not rows:
        return "<p>nothing to show</p>"
    speeds = [max(r["cost"]["papers_s"], 1e-3) for r in rows]
    aps = [r["figures"]["ap"] for r in rows]
    plot = _Plot(
        (min(speeds) / 2, max(speeds) * 2),
        _around([a["low"] for a in aps] + [a["high"] for a in aps]),
        log=True,
        names=("papers a second", "AP per day"),
    )
    for i, (row, speed, ap) in enumerate(zip(rows, speeds, aps, strict=True)):
        plot.rule(speed, ap["low"], ap["high"], _colour(row, i))
        plot.dot(speed, ap["mean"], _colour(row, i), f"{row['name']}: AP {ap['mean']:.3f}, {speed:.1f} papers/s")
    plot.legend([(_colour(r, i), r["name"]) for i, r in enumerate(rows)])
    return plot.drawn("AP per day against papers a second")


def reliability(rows: Sequence[Mapping[str, Any]]) -> str:
    """Share picked against stated probability, one line a contestant that states one."""
    shown = [r for r in rows if r["figures"].get("calibration")]
    if not shown:
        return "<p>no contestant states a probability</p>"
    plot = _Plot((0.0, 1.0), (0.0, 1.0), log=False, names=("P(recommended)", "share picked"))
    plot.parts.append(
        f"<line x1='{plot.px(0):.1f}' y1='{plot.py(0):.1f}' x2='{plot.px(1):.1f}' y2='{plot.py(1):.1f}' "
        "stroke='currentColor' stroke-dasharray='4 4' opacity='.5'/>"
    )
    for i, row in enumerate(shown):
        points = [(p["chance"], p["share"]) for p in row["figures"]["calibration"]]
        plot.line(points, _colour(row, i))
        for x, y in points:
            plot.dot(x, y, _colour(row, i), f"{row['name']}: said {x:.2f}, picked {y:.2f}")
    names = [f"{r['name']} (ECE {r['figures']['ece']['mean']:.3f})" for r in shown]
    plot.legend([(_colour(r, i), name) for i, (r, name) in enumerate(zip(shown, names, strict=True))])
    return plot.drawn("Calibration")


def curves(rows: Sequence[Mapping[str, Any]], all_days: int) -> str:
    """AP against judged days; the last point is the whole fit."""
    shown = [r for r in rows if r.get("curve")]
    if not shown:
        return "<p>no learning curve was measured</p>"
    lines = []
    for row in shown:
        ap = row["figures"]["ap"]["mean"]
        points = [(p["days"], p["ap"], p["low"], p["high"]) for p in row["curve"]]
        lines.append([*points, (all_days, ap, ap, ap)])
    values = [v for points in lines for p in points for v in p[1:]]
    plot = _Plot((0.9, all_days * 1.1), _around(values), log=True, names=("judged days", "AP per day"))
    for i, (row, points) in enumerate(zip(shown, lines, strict=True)):
        plot.band([(d, low, high) for d, _, low, high in points], _colour(row, i))
        plot.line([(d, ap) for d, ap, _, _ in points], _colour(row, i))
    plot.legend([(_colour(r, i), r["name"]) for i, r in enumerate(shown)])
    return plot.drawn("Learning curve")


def matrix(table: Sequence[Sequence[int]], fields: Sequence[str]) -> str:
    """A confusion matrix; darker is a larger share of its row."""
    cell, left, top = 44, 150, 8
    size = len(table)
    parts = []
    for i, row in enumerate(table):
        total = max(sum(row), 1)
        name = fields[i] if i < len(fields) else str(i)
        parts.append(f"<text x='{left - 6}' y='{top + cell * i + 27}' text-anchor='end'>{escape(name)}</text>")
        for j, count in enumerate(row):
            column = fields[j] if j < len(fields) else str(j)
            x, y, share = left + cell * j, top + cell * i, count / total
            parts.append(
                f"<rect x='{x}' y='{y}' width='{cell - 2}' height='{cell - 2}' fill='#1d4ed8' "
                f"fill-opacity='{0.06 + 0.8 * share:.3f}'><title>{escape(name)} → {escape(column)}: {count} "
                f"({share:.0%})</title></rect>"
                f"<text x='{x + cell / 2 - 1}' y='{y + 26}' text-anchor='middle'>{count}</text>"
            )
    wide, high = left + cell * size, top + cell * size
    head = f"<svg viewBox='0 0 {wide} {high}' width='{wide}' role='img' aria-label='Confusion of fields'>"
    return f"{head}{''.join(parts)}</svg>"


def _colour(row: Mapping[str, Any], i: int) -> str:
    """A contestant's own colour, the same in every plot where the page has numbered them."""
    return COLOURS[row.get("colour", i) % len(COLOURS)]


def _around(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return math.floor(low * 20 - 0.2) / 20, math.ceil(high * 20 + 0.2) / 20


def _ticks(low: float, high: float) -> list[float]:
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 50, 1e9) if (high - low) / s <= 8)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 6) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    found = [m * 10.0**e for e in range(-4, 8) for m in (1, 3) if low <= m * 10.0**e <= high]
    return found or [low, high]
