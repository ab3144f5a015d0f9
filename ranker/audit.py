"""Recall audit: how many of the papers that were left out should have been read?

A small seeded sample of the unrouted and of the not recommended papers is judged by another judge, or put before the
reader for ticks. Each kind of left-out paper is a stratum with a Clopper-Pearson interval; what can't be told is said
to be not measurable, with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ranker.types import OUTCOMES, JudgeOutcome, Judgment, OutcomeName, Ranking

STRATA: tuple[OutcomeName, ...] = ("unrouted", "not_recommended")
_WANTED, _UNWANTED = ("up", "move"), ("down",)


class Marked(Protocol):
    """What is read of a reader's tick (``ranker.store.Tick`` has it)."""

    @property
    def arxiv_id(self) -> str: ...
    @property
    def tick(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """``left_out``: stratum -> its sampled rankings; ``sizes``: papers of each stratum in the run; ``recommended``:
    a sample of the recommended papers, which tells how the other judge speaks of papers worth reading.
    """

    left_out: Mapping[OutcomeName, tuple[Ranking, ...]]
    sizes: Mapping[OutcomeName, int]
    recommended: tuple[Ranking, ...]
    recommended_size: int

    @property
    def papers(self) -> tuple[Ranking, ...]:
        """All of them in an order that tells nothing of their outcome (by a hash of the id): to be judged blindly."""
        every = [r for part in self.left_out.values() for r in part] + list(self.recommended)
        return tuple(sorted(every, key=lambda r: hashlib.sha256(r.paper.arxiv_id.encode()).digest()))


@dataclass(frozen=True, slots=True)
class Stratum:
    """``missed`` of ``judged`` sampled papers of ``size``; ``share`` [0, 1] of the stratum with its interval."""

    name: OutcomeName
    size: int
    judged: int
    missed: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Audit:
    """The estimate, or why there is none (``why_not``, then ``strata`` may be empty).

    ``share`` [0, 1]: of all left-out papers, those that should have been recommended, with its interval (``level``).
    ``missed_of_wanted``: misses over recommended papers and misses, the bounds likewise; None where nothing is known.
    """

    by: str
    strata: tuple[Stratum, ...]
    share: float | None
    low: float | None
    high: float | None
    level: float
    missed_of_wanted: tuple[float, float, float] | None
    why_not: str = ""

    def __str__(self) -> str:
        if self.share is None:
            return f"share of misses: not measurable ({self.why_not})"
        judged, missed = (sum(getattr(s, n) for s in self.strata) for n in ("judged", "missed"))
        return (
            f"share of misses among left-out papers: {self.share:.1%} [{self.low:.1%}, {self.high:.1%}] "
            f"({missed} of {judged} sampled, {self.level:.0%} interval, judged by {self.by})"
        )

    def as_row(self) -> dict[str, Any]:
        """For ``report.json``."""
        names = ("name", "size", "judged", "missed", "share", "low", "high")
        return {
            "by": self.by,
            "share": self.share,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "missed_of_wanted": self.missed_of_wanted,
            "why_not": self.why_not,
            "strata": [{n: getattr(s, n) for n in names} for s in self.strata],
        }


def draw(rankings: Sequence[Ranking], *, size: int = 30, seed: int = 0) -> Sample:
    """``size`` papers of each stratum (all of a smaller one), and as many recommended ones; seeded, by no order.

    The draw depends on the seed and the ids alone: it is the same whatever order the rankings come in.
    """

    def pick(outcome: OutcomeName) -> tuple[Ranking, ...]:
        held = sorted((r for r in rankings if r.outcome == outcome), key=lambda r: r.paper.arxiv_id)
        rng = np.random.default_rng([seed, OUTCOMES.index(outcome)])
        return tuple(held[i] for i in sorted(rng.permutation(len(held))[:size]))

    sizes = {name: sum(r.outcome == name for r in rankings) for name in STRATA}
    recommended = sum(r.outcome == "recommended" for r in rankings)
    return Sample({name: pick(name) for name in STRATA}, sizes, pick("recommended"), recommended)


def questions(sample: Sample, *, profile: str, day: str) -> list[dict[str, Any]]:
    """The sample as rows for a reader: in the form that ``ranker feedback`` takes, with ``tick`` to fill in.

    Neither outcome nor score is shown, so that they sway no one.
    """
    return [
        {
            "arxiv_id": r.paper.arxiv_id,
            "version": r.paper.version,
            "profile": profile,
            "day": day,
            "tick": None,
            "field": None,
            "at": None,
            "title": r.paper.title,
            "abstract": r.paper.abstract,
        }
        for r in sample.papers
    ]


def by_ticks(sample: Sample, ticks: Iterable[Marked], *, level: float = 0.95) -> Audit:
    """Misses by the reader's marks: up and move are misses, down is none, later and no mark are no answer."""
    said = {t.arxiv_id: t.tick for t in ticks if t.tick in (*_WANTED, *_UNWANTED)}
    missed = {i: tick in _WANTED for i, tick in said.items()}
    return estimate(sample, missed, by="the reader", level=level)


def by_judge(sample: Sample, outcomes: Iterable[JudgeOutcome], *, judge: str, level: float = 0.95) -> Audit:
    """Misses by another judge: a left-out paper that it finds at least as relevant as the median recommended one.

    That needs no common scale; but a judge that does not tell the recommended papers from the left-out ones (the
    area under its curve not above a half by two standard errors) can't find misses either: not measurable.
    """
    found = {o.arxiv_id: o.relevance for o in outcomes if isinstance(o, Judgment)}
    good = [found[r.paper.arxiv_id] for r in sample.recommended if r.paper.arxiv_id in found]
    left = {
        r.paper.arxiv_id: found[r.paper.arxiv_id]
        for part in sample.left_out.values()
        for r in part
        if r.paper.arxiv_id in found
    }
    if len(good) < 5:
        return _none(judge, level, f"it judged {len(good)} recommended papers; 5 are needed to compare with")
    if not left:
        return _none(judge, level, "it judged none of the left-out papers")
    area, error = _area(good, list(left.values()))
    if area - 2 * error <= 0.5:
        return _none(
            judge, level, f"it does not tell recommended from left-out papers (AUC {area:.2f} ± {2 * error:.2f})"
        )
    cut = float(np.median(good))
    return estimate(sample, {i: value >= cut for i, value in left.items()}, by=judge, level=level)


def estimate(sample: Sample, missed: Mapping[str, bool], *, by: str, level: float = 0.95) -> Audit:
    """The share of misses over all strata, weighted by their sizes.

    Each stratum's bounds hold with level 1 - (1 - level) / strata, so that the sum of the bounds holds with ``level``
    (Bonferroni): wide, but never too narrow. A stratum of which no paper was judged leaves the whole not measurable.
    """
    used = [name for name in STRATA if sample.sizes[name]]
    if not used:
        return _none(by, level, "no paper was left out")
    each = 1.0 - (1.0 - level) / len(used)
    strata = []
    for name in used:
        answers = [missed[r.paper.arxiv_id] for r in sample.left_out[name] if r.paper.arxiv_id in missed]
        n, k, size = len(answers), sum(answers), sample.sizes[name]
        if not n:
            return _none(by, level, f"none of the sampled papers that were {name.replace('_', ' ')} was judged")
        # A stratum that was judged whole leaves nothing to estimate.
        low, high = clopper_pearson(k, n, each) if n < size else (k / n, k / n)
        strata.append(Stratum(name, size, n, k, k / n, low, high))
    total = sum(s.size for s in strata)
    share, low, high = (sum(getattr(s, n) * s.size for s in strata) / total for n in ("share", "low", "high"))
    wanted = tuple(v * total / (v * total + sample.recommended_size) if v else 0.0 for v in (share, low, high))
    return Audit(by, tuple(strata), share, low, high, level, (wanted[0], wanted[1], wanted[2]))


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a binomial share (Clopper and Pearson, 1934)."""
    from scipy.special import betaincinv

    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"0 <= successes <= trials and trials >= 1 needed, not {successes} of {trials}")
    tail = (1.0 - level) / 2.0
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1.0 - tail)) if successes < trials else 1.0
    return low, high


def _area(good: Sequence[float], left: Sequence[float]) -> tuple[float, float]:
    """P(a recommended paper is above a left-out one) and its standard error (Hanley and McNeil, 1982)."""
    a, b = np.asarray(good)[:, None], np.asarray(left)[None, :]
    area = float(((a > b) + 0.5 * (a == b)).mean())
    m, n = a.size, b.size
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area * area) + (n - 1) * (q2 - area * area)) / (m * n)
    return area, float(np.sqrt(max(variance, 0.0)))


def _none(by: str, level: float, why: str) -> Audit:
    return Audit(by, (), None, None, None, level, None, why)
