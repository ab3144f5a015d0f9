"""Metrics of a ranking against a judge's picks, with paired bootstrap intervals over days.

Ranking metrics take flags *in ranked order*: ``order`` makes that order total (score, similarity, id), so no metric
depends on how a sort breaks ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def order(scores: ArrayLike, similarities: ArrayLike, ids: Sequence[str]) -> NDArray[np.intp]:
    """Positions best first: score down, then similarity down, then id up.

    ``scores`` (n,) float64, NaN where nothing scored the paper (below all scored ones, by similarity, then id);
    ``similarities`` (n,).
    """
    score, similarity = np.asarray(scores, dtype=np.float64), np.asarray(similarities, dtype=np.float64)
    unscored = np.isnan(score)
    return np.lexsort((np.asarray(ids), -similarity, -np.where(unscored, 0.0, score), unscored))


def average_precision(relevant: ArrayLike) -> float:
    """Mean, over the relevant papers, of the precision at each one's rank. NaN where none is relevant."""
    flags = np.asarray(relevant, dtype=bool)
    if not flags.any():
        return float("nan")
    precision = np.cumsum(flags) / np.arange(1, len(flags) + 1)
    return float(precision[flags].mean())


def r_precision(relevant: ArrayLike) -> float:
    """Share of relevant papers among the first R, R being their number. NaN where none is relevant."""
    flags = np.asarray(relevant, dtype=bool)
    count = int(flags.sum())
    return float(flags[:count].mean()) if count else float("nan")


def recall_in_best(relevant: ArrayLike, share: float) -> float:
    """Share of the relevant papers that lie in the best ``share`` (0-1) of the ranking, rounded up to whole papers."""
    flags = np.asarray(relevant, dtype=bool)
    count = int(flags.sum())
    # Without the small slack, 0.6 * 5 = 3.0000000000000004 would take a fourth paper.
    best = int(np.ceil(share * len(flags) - 1e-9))
    return float(flags[:best].sum() / count) if count else float("nan")


def ndcg(gains: ArrayLike, k: int) -> float:
    """Normalised discounted cumulative gain at ``k``: sum of gain / log2(rank + 1), over that of the ideal order.

    ``gains`` (n,) >= 0 in ranked order (a pick's score, 0 for the rest). NaN where all gains are 0.
    Järvelin and Kekäläinen (2002), with linear gains.
    """
    values = np.asarray(gains, dtype=np.float64)
    discount = 1.0 / np.log2(np.arange(2, min(k, len(values)) + 2))
    ideal = float(np.sort(values)[::-1][:k] @ discount)
    return float(values[:k] @ discount) / ideal if ideal > 0 else float("nan")


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """1-based ranks, ascending; equal values share the mean of their ranks."""
    array = np.asarray(values, dtype=np.float64)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts).astype(np.float64)
    return (last - (counts - 1) / 2.0)[inverse]


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson correlation of the ranks [-1, 1]. NaN where a side is constant or has fewer than two values."""
    x, y = ranks(a), ranks(b)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def auc(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Probability that a relevant paper scores above another one, ties half (Mann-Whitney); NaN without one of each."""
    flags = np.asarray(relevant, dtype=bool)
    many, few = int(flags.sum()), int((~flags).sum())
    if not many or not few:
        return float("nan")
    return (float(ranks(scores)[flags].sum()) - many * (many + 1) / 2) / (many * few)


def kendall_tau_b(a: ArrayLike, b: ArrayLike) -> float:
    """(concordant - discordant) / sqrt((pairs - ties in a)(pairs - ties in b)) [-1, 1]; NaN where a side is constant.

    All pairs at once: O(n^2) memory, meant for the few hundred picks of a day.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    upper = np.triu_indices(len(x), 1)
    dx, dy = np.sign(x[:, None] - x[None, :])[upper], np.sign(y[:, None] - y[None, :])[upper]
    scale = np.sqrt(float(np.count_nonzero(dx)) * float(np.count_nonzero(dy)))
    return float((dx * dy).sum() / scale) if scale else float("nan")


def ece(probabilities: ArrayLike, outcomes: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error [0, 1] over equal-mass bins: mean |mean probability - share of positives|.

    Papers in order of probability are cut into ``bins`` runs of sizes that differ by one at most (Nguyen and
    O'Connor, 2015); each run weighs as many papers as it holds.
    """
    p, t = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    runs = [r for r in np.array_split(np.argsort(p, kind="stable"), bins) if len(r)]
    return float(sum(abs(p[r].mean() - t[r].mean()) * len(r) for r in runs) / len(p)) if len(p) else float("nan")


def tie_rate(scores: ArrayLike) -> float:
    """Share [0, 1] of papers whose score another paper has too. NaN (unscored) never ties."""
    array = np.asarray(scores, dtype=np.float64)
    array = array[~np.isnan(array)]
    if not len(array):
        return 0.0
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    return float((counts[inverse] > 1).mean())


def accuracy(predicted: Sequence[str | None], actual: Sequence[str | None]) -> float:
    """Share of equal labels among the papers whose actual label is not None; NaN where there is none."""
    pairs = [(p, a) for p, a in zip(predicted, actual, strict=True) if a is not None]
    return sum(p == a for p, a in pairs) / len(pairs) if pairs else float("nan")


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over days with its bootstrap interval (``level`` two-sided, percentile)."""

    mean: float
    low: float
    high: float
    days: int
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(per_day: ArrayLike, *, level: float = 0.95, draws: int = 2000, seed: int = 0) -> Interval:
    """Percentile bootstrap of the mean over days (Efron, 1979). Days with NaN (nothing to measure) are left out."""
    values = np.asarray(per_day, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), 0, level)
    picks = np.random.default_rng(seed).integers(0, len(values), size=(draws, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high), len(values), level)


def paired_difference(
    per_day: ArrayLike, baseline: ArrayLike, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Interval:
    """Interval of the mean difference ``per_day - baseline`` on the same days, in the same order."""
    a, b = np.asarray(per_day, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"paired days needed: {a.shape} against {b.shape}")
    return bootstrap(a - b, level=level, draws=draws, seed=seed)
