"""What a calibration is fitted on: a seeded sample of judged papers, and a target for those not recommended."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from ranker.judging.calibration import Calibration, fit
from ranker.types import JudgeOutcome, Judgment

NOT_RECOMMENDED, UNGRADED = 2.0, 8.0
"""Readers grade what they recommend only: the scale's word for "weak link" stands for the rest, and the commonest
score for a recommendation without one."""


class JudgedLike(Protocol):
    """What is needed of a judged paper (``ranker.heads.data.JudgedPaper`` has it)."""

    @property
    def arxiv_id(self) -> str: ...
    @property
    def recommended(self) -> bool: ...
    @property
    def score(self) -> float | None: ...


T = TypeVar("T", bound=JudgedLike)


def draw(papers: Sequence[T], size: int, seed: int) -> list[T]:
    """At most ``size`` papers, one for each id, the same for the same seed whatever order they came in.

    Of rows of one id that differ the recommended one stands, then the one with the higher score, then by its text.
    """
    by_id = {p.arxiv_id: p for p in sorted(papers, key=_standing)}  # the last of an id stands
    ids = sorted(by_id)
    chosen = ids if len(ids) <= size else random.Random(seed).sample(ids, size)
    return [by_id[i] for i in sorted(chosen)]


def _standing(paper: JudgedLike) -> tuple[bool, float, str]:
    return paper.recommended, -1.0 if paper.score is None else paper.score, repr(paper)


def target(paper: JudgedLike) -> float:
    """The reader's score of a paper, 1-10."""
    if not paper.recommended:
        return NOT_RECOMMENDED
    return UNGRADED if paper.score is None else paper.score


def fit_judged(
    papers: Sequence[JudgedLike], outcomes: Mapping[str, JudgeOutcome], judge: str
) -> tuple[Calibration, int]:
    """The map for ``judge`` from papers with their outcomes (by id, as the model said it), and how many were used.

    Raises:
        ValueError: too few papers, or a model that tells none apart.
    """
    pairs = [(o.relevance, target(p)) for p in papers if isinstance(o := outcomes.get(p.arxiv_id), Judgment)]
    return fit([x for x, _ in pairs], [y for _, y in pairs], judge), len(pairs)
