"""From a model's relevance to the reader's scale: a strictly increasing map fitted on judged papers, saved as JSON.

A small model uses a narrow part of the scale; a map through isotonic means (pool adjacent violators: Ayer et al. 1955)
spreads it without changing the order. Applied after the store: a stored judgment holds what the model said.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ranker.errors import ConfigError
from ranker.files import write_whole
from ranker.types import Judgment

FEW = 50
"""Papers under which a map is not to be relied on: with groups of five, fewer make not even ten points."""
_FORMAT = 1
_LEAST_SLOPE = 1e-3
"""Relevance per unit of the model's relevance at the least: order is kept where the fit is flat, so no ties arise."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Piecewise linear through (``xs``, ``ys``), both strictly increasing, inside 1-10; beyond them straight
    lines to (1, 1) and (10, 10).

    ``judge``: who it was fitted for (``Judgment.judge``); ``papers``: how many it was fitted on.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    judge: str
    papers: int

    def __post_init__(self) -> None:
        if len(self.xs) != len(self.ys) or not self.xs:
            raise ValueError("xs and ys must hold equally many points, one at least")
        for name, values in (("xs", self.xs), ("ys", self.ys)):
            rising = all(a < b for a, b in itertools.pairwise(values))
            if not rising or not all(math.isfinite(v) and 1.0 < v < 10.0 for v in values):
                raise ValueError(f"{name} must rise strictly inside 1..10")

    def __call__(self, relevance: float) -> float:
        """The reader's scale (1-10) for a model's relevance (1-10)."""
        xs, ys = (1.0, *self.xs, 10.0), (1.0, *self.ys, 10.0)
        i = min(max(bisect.bisect_right(xs, relevance) - 1, 0), len(xs) - 2)
        share = (relevance - xs[i]) / (xs[i + 1] - xs[i])
        return ys[i] + share * (ys[i + 1] - ys[i])

    def rests(self, relevance: float) -> bool:
        """Whether judged papers lie on both sides; else the map is a mere line to (1, 1) or (10, 10) there."""
        return self.xs[0] <= relevance <= self.xs[-1]

    def save(self, path: Path) -> None:
        row = {"format": _FORMAT, **dataclasses.asdict(self)}
        write_whole(path, json.dumps(row, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read a saved map.

        Raises:
            ConfigError: not there, not a calibration, or one that this version does not know.
        """
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            if row["format"] != _FORMAT:
                raise ValueError(f"format {row['format']} is not known, only {_FORMAT}")
            return cls(
                tuple(map(float, row["xs"])), tuple(map(float, row["ys"])), str(row["judge"]), int(row["papers"])
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"is no calibration ({error})", where=str(path), todo="fit it again or leave judging.calibration empty"
            ) from error


def fit(relevance: Sequence[float], target: Sequence[float], judge: str, *, points: int = 20) -> Calibration:
    """A map from ``relevance`` (what the model said, 1-10) to ``target`` (the reader's scale, 1-10) of judged papers.

    Isotonic means over at most ``points`` groups of equally many papers, so that one odd paper bends nothing.

    Raises:
        ValueError: fewer than 10 papers, or relevance that never differs.
    """
    if len(relevance) != len(target) or len(relevance) < 10:
        raise ValueError("a calibration needs 10 judged papers at least")
    pairs = sorted(zip(relevance, target, strict=True))
    if pairs[0][0] == pairs[-1][0]:
        raise ValueError("the model gave all papers the same relevance")
    groups: list[tuple[float, float, int]] = []  # mean relevance, mean target, papers
    size = max(5, math.ceil(len(pairs) / points))
    for start in range(0, len(pairs), size):
        part = pairs[start : start + size]
        groups.append((_mean([x for x, _ in part]), _mean([y for _, y in part]), len(part)))
    means = pool_adjacent_violators([y for _, y, _ in groups], [n for _, _, n in groups])
    xs: list[float] = []
    ys: list[float] = []
    for (x, _, _), y in zip(groups, means, strict=True):
        if xs and x - xs[-1] < 1e-9:
            continue
        ys.append(y if not ys else max(y, ys[-1] + _LEAST_SLOPE * (x - xs[-1])))
        xs.append(x)
    inside = [(x, y) for x, y in zip(xs, ys, strict=True) if 1.0 < x < 10.0 and 1.0 < y < 10.0]
    return Calibration(tuple(x for x, _ in inside), tuple(y for _, y in inside), judge, len(pairs))


def pool_adjacent_violators(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing sequence nearest to ``values`` in weighted squares."""
    blocks: list[list[float]] = []  # mean, weight, members
    for value, weight in zip(values, weights, strict=True):
        blocks.append([value, weight, 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, total, members = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * total) / (last[1] + total)
            last[1] += total
            last[2] += members
    return [mean for mean, _, members in blocks for _ in range(int(members))]


def adjust(
    judgment: Judgment, calibration: Calibration | None, blend: float = 0.0, built_in: float | None = None
) -> Judgment:
    """The judgment as it is ordered: calibrated, then moved towards the built-in judge's relevance.

    ``blend``: weight (0-1) of ``built_in`` (1-10); without one the language model stands alone. The spread follows:
    half the mapped distance between one spread above and below, and the model's share of it.
    """
    relevance, spread = judgment.relevance, judgment.spread
    if calibration is not None:
        if spread is not None:
            low, high = max(1.0, relevance - spread), min(10.0, relevance + spread)
            spread = (calibration(high) - calibration(low)) / 2.0
        relevance = calibration(relevance)
    if blend and built_in is not None:
        relevance = (1.0 - blend) * relevance + blend * built_in
        spread = None if spread is None else (1.0 - blend) * spread
    if (relevance, spread) == (judgment.relevance, judgment.spread):
        return judgment
    return dataclasses.replace(judgment, relevance=relevance, spread=spread)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
