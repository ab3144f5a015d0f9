"""Figures of a contestant from its predictions: per day, then means with paired bootstrap intervals over days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.compare.judged import JudgedPaper
from benchmarks.compare.spec import Scored
from ranker import evaluate
from ranker.evaluate import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 15
DAILY = {
    "ap": "AP per day",
    "r_precision": "R-precision",
    "ndcg10": "nDCG@10",
    "ndcg50": "nDCG@50",
    "recall60": "recall in best 60%",
    "field": "field accuracy",
    "spearman": "Spearman on picks",
    "kendall": "Kendall tau-b on picks",
    "ties": "tie rate",
}
"""Figure -> its name in tables. All but ``ties`` are better when higher."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The judge's word on the test papers: ``rows`` of each day, ids, picks, fields (index, -1: none) and scores."""

    days: tuple[str, ...]
    rows: tuple[NDArray[np.intp], ...]
    ids: tuple[str, ...]
    picked: NDArray[np.bool_]
    field: NDArray[np.int64]
    score: NDArray[np.float64]

    @classmethod
    def of(cls, papers: Sequence[JudgedPaper], fields: Sequence[str]) -> Truth:
        days = tuple(sorted({p.day for p in papers}))
        day = np.array([p.day for p in papers])
        place = {f: i for i, f in enumerate(fields)}
        return cls(
            days,
            tuple(np.flatnonzero(day == d) for d in days),
            tuple(p.paper.arxiv_id for p in papers),
            np.array([p.picked for p in papers]),
            np.array([place[p.field] if p.field else -1 for p in papers]),
            np.array([np.nan if p.score is None else p.score for p in papers]),
        )


def per_day(truth: Truth, said: Scored, among: NDArray[np.bool_] | None = None) -> dict[str, NDArray[np.float64]]:
    """Each figure of ``DAILY`` for every day, NaN where a day has nothing to measure.

    ``among``: papers to measure on (a subsample); all that the contestant was asked about where it is None.
    """
    kept = said.asked if among is None else among & said.asked
    found: dict[str, list[float]] = {name: [] for name in DAILY}
    for rows in truth.rows:
        rows = rows[kept[rows]]
        for name, value in _day(truth, said, rows).items():
            found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def _day(truth: Truth, said: Scored, rows: NDArray[np.intp]) -> dict[str, float]:
    nan = float("nan")
    if not len(rows):
        return dict.fromkeys(DAILY, nan)
    order = rows[evaluate.order(said.score[rows], said.similarity[rows], [truth.ids[i] for i in rows])]
    flags = truth.picked[order]
    gains = np.where(flags, np.nan_to_num(truth.score[order], nan=1.0), 0.0)
    picks = rows[truth.picked[rows] & ~np.isnan(truth.score[rows])]
    worth = said.score[picks]
    # A pick without a score is worth less than all that have one.
    worth = np.where(np.isnan(worth), np.nanmin(worth, initial=0.0) - 1.0, worth)
    known = rows[truth.picked[rows] & (truth.field[rows] >= 0)]
    speaks = bool((said.field >= 0).any())
    return {
        "ap": evaluate.average_precision(flags),
        "r_precision": evaluate.r_precision(flags),
        "ndcg10": evaluate.ndcg(gains, 10),
        "ndcg50": evaluate.ndcg(gains, 50),
        "recall60": evaluate.recall_in_best(flags, 0.6),
        "field": float((said.field[known] == truth.field[known]).mean()) if speaks and len(known) else nan,
        "spearman": evaluate.spearman(worth, truth.score[picks]),
        "kendall": evaluate.kendall_tau_b(worth, truth.score[picks]),
        "ties": evaluate.tie_rate(said.score[rows]),
    }


def summary(truth: Truth, said: Scored) -> dict[str, Any]:
    """Every figure with its interval, as plain numbers for the JSON file; absent where nothing could be measured."""
    result: dict[str, Any] = {}
    for name, values in per_day(truth, said).items():
        interval = evaluate.bootstrap(values)
        if interval.days:
            result[name] = plain(interval)
    scored = said.asked & truth.picked & ~np.isnan(truth.score) & ~np.isnan(said.score)
    if scored.sum() > 2:
        result["spearman_pooled"] = plain(
            _pooled(truth, scored, lambda rows: evaluate.spearman(said.score[rows], truth.score[rows]))
        )
    chances = said.asked & ~np.isnan(said.chance)
    if chances.any():
        result["ece"] = plain(
            _pooled(truth, chances, lambda rows: evaluate.ece(said.chance[rows], truth.picked[rows], BINS))
        )
        result["calibration"] = calibration(said.chance[chances], truth.picked[chances])
    if (said.field >= 0).any():
        result["confusion"] = confusion(truth, said)
    result["failed"] = float(said.failed[said.asked].mean())
    result["papers"] = int(said.asked.sum())
    return result


def differences(truth: Truth, said: Scored, baseline: Scored) -> dict[str, Any]:
    """Mean differences to a baseline, paired by day, on the papers that both were asked about."""
    both = said.asked & baseline.asked
    ours, theirs = per_day(truth, said, both), per_day(truth, baseline, both)
    found = {name: evaluate.paired_difference(ours[name], theirs[name]) for name in DAILY}
    return {name: plain(interval) for name, interval in found.items() if interval.days}


def plain(interval: Interval) -> dict[str, float]:
    return {"mean": round(interval.mean, 5), "low": round(interval.low, 5), "high": round(interval.high, 5)}


def calibration(chance: NDArray[np.float64], picked: NDArray[np.bool_]) -> list[dict[str, float]]:
    """The reliability diagram's points: mean chance, share picked and papers of each equal-mass bin."""
    runs = [r for r in np.array_split(np.argsort(chance, kind="stable"), BINS) if len(r)]
    return [
        {"chance": round(float(chance[r].mean()), 5), "share": round(float(picked[r].mean()), 5), "papers": len(r)}
        for r in runs
    ]


def confusion(truth: Truth, said: Scored) -> list[list[int]]:
    """Picks by the judge's field (row) and the contestant's (column)."""
    fields = int(max(truth.field.max(), said.field.max())) + 1
    table = np.zeros((fields, fields), dtype=np.int64)
    rows = truth.picked & (truth.field >= 0) & (said.field >= 0) & said.asked
    np.add.at(table, (truth.field[rows], said.field[rows]), 1)
    return [[int(n) for n in row] for row in table]


def _pooled(
    truth: Truth, rows: NDArray[np.bool_], figure: Callable[[NDArray[np.intp]], float], draws: int = 500
) -> Interval:
    """A figure over all papers of ``rows`` at once; its interval by drawing days (a mean of days would be noise)."""
    days = [r[rows[r]] for r in truth.rows]
    days = [r for r in days if len(r)]
    rng = np.random.default_rng(0)
    drawn = (np.concatenate([days[i] for i in rng.integers(0, len(days), len(days))]) for _ in range(draws))
    low, high = np.nanquantile([figure(d) for d in drawn], [0.025, 0.975])
    return Interval(figure(np.flatnonzero(rows)), float(low), float(high), len(days))
