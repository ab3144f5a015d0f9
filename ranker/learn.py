"""Learning from judged papers and ticks: fitted heads, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker import evaluate
from ranker.errors import InputError
from ranker.heads.combine import HeadsPrediction, apply, fit_combination
from ranker.heads.data import TICK_WEIGHT, Columns, ids_hash, without_duplicates
from ranker.heads.fit import Inputs, fit
from ranker.heads.model import Heads, HeadsMeta
from ranker.heads.weights import Signals
from ranker.types import JudgedPaper

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_PICKS = 3
_POOLED = ("field_accuracy", "spearman_pooled", "ece")
_SHOWN = ("ap", "r_precision", "field_accuracy", "spearman_pooled", "ece", "recall_60")
_WHY_NOT = {
    "field_accuracy": "no recommended paper has a field of the profile",
    "spearman_pooled": "the recommended papers have no two different scores (ticks carry none)",
}
_METHOD = "cross-validated: each fold of whole days is judged by models of the other days"
_METHOD_FEW = "cross-validated over papers: too few days to keep whole days apart"


@dataclass(frozen=True, slots=True)
class Learned:
    """Heads with their cross-validated quality. ``gain``: AP per day over description centroids, paired by day."""

    heads: Heads
    quality: Mapping[str, evaluate.Interval]
    gain: evaluate.Interval

    def figures(self) -> list[str]:
        """The quality for a person, a line each: with an interval over days, or why there is none."""
        return [f"{name:>16} {self._told(name)}" for name in _SHOWN if name in self.quality]

    def _told(self, name: str) -> str:
        found = self.quality[name]
        if math.isnan(found.mean):
            return f"not measurable: {_WHY_NOT.get(name, 'no day has a recommended paper')}"
        if name in _POOLED:
            return f"{found.mean:.3f} (of all papers at once, no interval)"
        return str(found) if found.days > 1 else f"{found.mean:.3f} (one day, so no interval)"

    def sureness(self) -> str:
        """One or two sentences for a person."""
        meta, ap = self.heads.meta, self._told("ap")
        text = (
            f"{meta.papers} papers of {len(meta.days)} day(s), {meta.picks} recommended. "
            f"AP per day {ap}, {self.gain.mean:+.3f} against description centroids"
        )
        if len(meta.days) < 4:
            return f"{text}; with so few days this is a guess, and the centroids still weigh most."
        sure = "surely better" if self.gain.low > 0 else "not surely better" if self.gain.high > 0 else "worse"
        return f"{text} [{self.gain.low:+.3f}, {self.gain.high:+.3f}]: {sure}."


def prepare(papers: Sequence[JudgedPaper]) -> list[JudgedPaper]:
    """One label a paper (ticks win, then the latest), sorted by day and id: what is to be embedded and learned from.

    Raises InputError where there is nothing to learn from.
    """
    kept = without_duplicates(papers)
    picks = sum(p.recommended for p in kept)
    if picks < MIN_PICKS or len(kept) - picks < MIN_PICKS:
        raise InputError(
            f"learning needs at least {MIN_PICKS} recommended and {MIN_PICKS} other papers, "
            f"got {picks} and {len(kept) - picks}",
            todo="give more judged days, or tick more papers (down as well as up)",
        )
    return kept


def learn(
    papers: Sequence[JudgedPaper],
    vectors: NDArray[np.float32],
    cold: NDArray[np.float64],
    *,
    profile: str,
    fields: Sequence[str],
    encoder_sha256: str,
    min_papers: int | None = None,
    note: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Learned:
    """Fit heads from papers as ``prepare`` gives them.

    Args:
        vectors: (n, d) unit rows, float32, of ``text.document_text``.
        cold: (n, F + 4) float64, rows of ``heads.features.cold_row``.
        min_papers: n-grams must occur in as many papers; by default 2 to 10, growing with the number of papers.
        progress: called with (steps done, steps in all).
    """
    least = min_papers if min_papers is not None else max(2, min(10, len(papers) // 1000))
    inputs = Inputs.of(papers, vectors, cold, fields)
    vocabulary, components, combination, found, fold = fit(inputs, min_papers=least, progress=progress)
    judged = _held_out(found, fold, inputs.columns)
    quality = measure(papers, judged, fields)
    gain = evaluate.paired_difference(
        per_day(papers, judged.relevance)["ap"], per_day(papers, np.asarray(cold)[:, len(fields)])["ap"]
    )
    meta = HeadsMeta(
        profile=profile,
        fields=tuple(fields),
        encoder_sha256=encoder_sha256,
        dimension=int(vectors.shape[1]),
        days=inputs.columns.days,
        papers=len(papers),
        picks=int(inputs.columns.recommended.sum()),
        ids_sha256=ids_hash([p.arxiv_id for p in papers]),
        min_papers=least,
        method=_METHOD if len(inputs.columns.days) > int(fold.max()) else _METHOD_FEW,
        quality={k: {"mean": v.mean, "low": v.low, "high": v.high, "days": v.days} for k, v in quality.items()},
        note=note,
    )
    return Learned(Heads(meta, vocabulary, components, combination), quality, gain)


def _held_out(found: Signals, fold: NDArray[np.int64], columns: Columns) -> HeadsPrediction:
    """Out-of-fold predictions, the combination's few weights fitted on the other folds too."""
    count, fields = len(fold), found.field.shape[2]
    result = HeadsPrediction(np.zeros(count), np.zeros((count, fields)), np.zeros(count), np.zeros(count))
    for k in range(int(fold.max()) + 1):
        inside, out = fold != k, np.flatnonzero(fold == k)
        weight = columns.weight[inside] / columns.weight[inside].mean()
        combination = fit_combination(
            Signals(found.recommended[inside], found.field[inside], found.score[inside]),
            columns.recommended[inside],
            columns.field[inside],
            columns.score[inside],
            weight,
        )
        part = apply(combination, Signals(found.recommended[out], found.field[out], found.score[out]))
        for name in ("p_recommended", "p_field", "expected_score", "relevance"):
            getattr(result, name)[out] = getattr(part, name)
    return result


def per_day(papers: Sequence[JudgedPaper], relevance: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Figures of every day, in the days' order: ``ap``, ``r_precision``, ``recall_60``, ``spearman`` (of relevance with
    the judge's score, over the day's picks). NaN where a day has nothing to measure. Days that only ticks know are left
    out where there are others: a few papers that a reader chose to mark are no day's list.
    """
    at: dict[str, list[int]] = {}
    listed = {p.day for p in papers if p.weight < TICK_WEIGHT} or {p.day for p in papers}
    for i, p in enumerate(papers):
        if p.day in listed:
            at.setdefault(p.day, []).append(i)
    rows = []
    for day in sorted(at):
        index = np.array(at[day])
        ids = [papers[i].arxiv_id for i in index]
        ordered = index[evaluate.order(relevance[index], np.zeros(len(index)), ids)]
        flags = [papers[i].recommended for i in ordered]
        scored = [i for i in index if papers[i].recommended and papers[i].score is not None]
        scores = [papers[i].score or 0.0 for i in scored]
        rows.append(
            (
                evaluate.average_precision(flags),
                evaluate.r_precision(flags),
                evaluate.recall_in_best(flags, 0.6),
                evaluate.spearman(relevance[scored], scores),
            )
        )
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 4).T
    return dict(zip(("ap", "r_precision", "recall_60", "spearman"), columns, strict=True))


def measure(
    papers: Sequence[JudgedPaper], predicted: HeadsPrediction, fields: Sequence[str]
) -> dict[str, evaluate.Interval]:
    """Means over days with 95% bootstrap intervals, and ``field_accuracy`` (picks with a known field), ``ece`` and
    ``spearman_pooled``, which are taken over all days at once (no interval: low = high = mean).
    """
    figures = {k: evaluate.bootstrap(v) for k, v in per_day(papers, predicted.relevance).items()}
    picks = [i for i, p in enumerate(papers) if p.recommended and p.field in fields]
    best = [fields[int(predicted.p_field[i].argmax())] for i in picks]
    scored = [i for i, p in enumerate(papers) if p.recommended and p.score is not None]
    pooled = {
        "field_accuracy": evaluate.accuracy(best, [papers[i].field for i in picks]),
        "ece": evaluate.ece(predicted.p_recommended, [p.recommended for p in papers]),
        "spearman_pooled": evaluate.spearman(predicted.relevance[scored], [papers[i].score or 0.0 for i in scored]),
    }
    days = len({p.day for p in papers})
    return figures | {k: evaluate.Interval(v, v, v, days) for k, v in pooled.items()}
