"""The history page's calendar and chart, as numbers for the template."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ranker.digest.site.records import DaySummary
from ranker.digest.text import clean

CHART_WIDTH, CHART_HEIGHT, _LEFT, _BOTTOM = 960, 240, 34, 20
_MOST_WEEKS = 110


@dataclass(frozen=True, slots=True)
class Cell:
    """A day in the calendar: its number, and its page where there is one. ``shade`` 0-4 by recommended papers."""

    number: int
    day: str | None
    recommended: int
    read: int
    shade: int


@dataclass(frozen=True, slots=True)
class Month:
    year: int
    month: int
    weeks: tuple[tuple[Cell | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column: its rectangle, the field's hue and what it says."""

    x: float
    y: float
    width: float
    height: float
    hue: int
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Recommended papers per field and period, stacked. ``rows``: (period, numbers per field, total), newest first."""

    fields: tuple[str, ...]
    weekly: bool
    bars: tuple[Bar, ...]
    grid: tuple[tuple[float, int], ...]
    labels: tuple[tuple[float, str], ...]
    rows: tuple[tuple[str, tuple[int, ...], int], ...]


def months_of(history: Sequence[DaySummary]) -> tuple[Month, ...]:
    """Calendar months that have a day, newest first."""
    by_day = {summary.day: summary for summary in history}
    most = max((summary.counts.get("recommended", 0) for summary in history), default=0)
    months = sorted({(int(day[:4]), int(day[5:7])) for day in by_day}, reverse=True)
    return tuple(
        Month(
            year,
            month,
            tuple(
                tuple(
                    None if number == 0 else _cell(number, by_day.get(f"{year:04}-{month:02}-{number:02}"), most)
                    for number in week
                )
                for week in calendar.Calendar().monthdayscalendar(year, month)
            ),
        )
        for year, month in months
    )


def _cell(number: int, summary: DaySummary | None, most: int) -> Cell:
    if summary is None:
        return Cell(number, None, 0, 0, 0)
    recommended = summary.counts.get("recommended", 0)
    shade = min(4, 1 + recommended * 4 // (most + 1)) if recommended else 0
    return Cell(number, summary.day, recommended, summary.counts.get("read", 0), shade)


def chart_of(history: Sequence[DaySummary], no_field: str) -> Chart:
    """Columns a week (Monday first), or a month where there are more than 110 weeks."""
    fields = tuple(
        dict.fromkeys(total.name for summary in history for total in summary.fields if total.name or total.recommended)
    )
    days = [date.fromisoformat(summary.day) for summary in history]
    weekly = not days or (max(days) - min(days)).days <= _MOST_WEEKS * 7
    periods = _periods(days, weekly)
    totals = {period: dict.fromkeys(fields, 0) for period in periods}
    for summary, day in zip(history, days, strict=True):
        for total in summary.fields:
            if total.recommended:
                totals[_period(day, weekly)][total.name] += total.recommended
    names = tuple(clean(name) or no_field for name in fields)
    top = _nice(max((sum(column.values()) for column in totals.values()), default=0))
    step = (CHART_WIDTH - _LEFT) / max(len(periods), 1)
    scale = (CHART_HEIGHT - _BOTTOM - 8) / top
    floor = CHART_HEIGHT - _BOTTOM
    bars: list[Bar] = []
    labels: list[tuple[float, str]] = []
    width = min(max(step * 0.78, 1.0), 48.0)
    for place, period in enumerate(periods):
        x, y = _LEFT + place * step + (step - width) / 2, float(floor)
        if place % max(1, -(-len(periods) // 12)) == 0:
            labels.append((round(x, 1), period[:7] if len(periods) > 12 else period))
        for hue, field in enumerate(fields):
            number = totals[period][field]
            if number:
                y -= number * scale
                title = f"{period} · {names[hue]} · {number}"
                bars.append(Bar(round(x, 1), round(y, 1), round(width, 1), round(number * scale, 1), hue % 12, title))
    grid = tuple((round(floor - top * part / 4 * scale, 1), top * part // 4) for part in range(5))
    rows = tuple((period, tuple(totals[period].values()), sum(totals[period].values())) for period in reversed(periods))
    return Chart(names, weekly, tuple(bars), grid, tuple(labels), rows)


def _period(day: date, weekly: bool) -> str:
    return (day - timedelta(days=day.weekday())).isoformat() if weekly else day.isoformat()[:7]


def _periods(days: Sequence[date], weekly: bool) -> list[str]:
    """All periods from the first day to the last, empty ones too."""
    if not days:
        return []
    period, last = min(days), max(days)
    found = []
    while period <= last + timedelta(days=6 if weekly else 27):
        name = _period(period, weekly)
        if name > _period(last, weekly):
            break
        found.append(name)
        period = period + timedelta(days=7) if weekly else (period.replace(day=1) + timedelta(days=32)).replace(day=1)
    return found


def _nice(most: int) -> int:
    """The least of 4, 8, 20, 40, 80, 200, ... that is not below ``most``: quarters of it are whole numbers."""
    unit = 1
    while True:
        for step in (4, 8, 20):
            if most <= step * unit:
                return step * unit
        unit *= 10
