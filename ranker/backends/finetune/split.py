"""Which judged papers are learned from, and which are kept apart to test on."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from ranker.errors import InputError
from ranker.types import JudgedPaper

FEWEST = 20
"""Recommended papers, and others, under which nothing is worth hours of work."""
OTHERS_PER_PICK = 1.4
"""Papers that were not recommended are three in four of a day, and teach less each."""
MOST_TEST = 400
"""Papers read for the test: an AUC of 0.8 has an interval of about 0.05 either way."""


@dataclass(frozen=True, slots=True)
class Split:
    """``fit``: what is learned from; ``test``: of the latest days, never learned from."""

    fit: tuple[JudgedPaper, ...]
    test: tuple[JudgedPaper, ...]

    @property
    def fit_days(self) -> tuple[str, ...]:
        return tuple(sorted({p.day for p in self.fit}))

    @property
    def test_days(self) -> tuple[str, ...]:
        return tuple(sorted({p.day for p in self.test}))


def split(
    papers: Sequence[JudgedPaper], *, test_days: int, most: int, most_test: int = MOST_TEST, seed: int = 0
) -> Split:
    """Cut by date, then thin out: at most ``OTHERS_PER_PICK`` papers not recommended for each that was, ``most`` in
    all.

    The same for the same seed, whatever order the papers came in.

    Raises:
        InputError: too few papers on either side of a label, or too few days to keep some apart.
    """
    ordered = sorted(papers, key=lambda p: (p.day, p.arxiv_id))
    days = sorted({p.day for p in ordered})
    if test_days >= len(days):
        raise InputError(
            f"{len(days)} judged day(s), of which {test_days} are to be kept apart to test on",
            todo="give more judged days, or --test-days 0",
        )
    held = set(days[len(days) - test_days :])
    test = [p for p in ordered if p.day in held]
    seen = {p.arxiv_id for p in test}
    rest = [p for p in ordered if p.day not in held and p.arxiv_id not in seen]
    picks, others = [p for p in rest if p.recommended], [p for p in rest if not p.recommended]
    chance = random.Random(seed)
    drawn = picks + chance.sample(others, min(len(others), math.ceil(OTHERS_PER_PICK * len(picks))))
    chance.shuffle(drawn)
    check_enough(drawn[:most])
    return Split(tuple(drawn[:most]), tuple(chance.sample(test, min(len(test), most_test))))


def check_enough(papers: Sequence[JudgedPaper]) -> None:
    """Refuse to learn from hardly anything.

    Raises:
        InputError: fewer than ``FEWEST`` recommended papers, or others.
    """
    picks = sum(p.recommended for p in papers)
    if min(picks, len(papers) - picks) < FEWEST:
        raise InputError(
            f"{picks} recommended and {len(papers) - picks} other papers to learn from; {FEWEST} of each are the least",
            todo="give more judged days by --judged, or keep fewer apart by --test-days",
        )
