"""What heads are fitted on: judged papers, as columns."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from ranker.types import JudgedPaper

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF_LIFE_DAYS = 40.0
"""A judgment's weight halves in this time: what was asked for, and how the judge reads, drifts."""
TICK_WEIGHT = 4.0
"""A reader's own tick weighs as many cloud labels."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Labels and weights of n papers. ``field`` -1: none; ``score`` NaN: none; ``group``: position of its day."""

    recommended: NDArray[np.bool_]
    field: NDArray[np.int64]
    score: NDArray[np.float64]
    weight: NDArray[np.float64]
    group: NDArray[np.int64]
    days: tuple[str, ...]

    @classmethod
    def of(cls, papers: Sequence[JudgedPaper], fields: Sequence[str]) -> Columns:
        days = tuple(sorted({p.day for p in papers}))
        newest = date.fromisoformat(days[-1])
        age = {d: (newest - date.fromisoformat(d)).days for d in days}
        number = {f: i for i, f in enumerate(fields)}
        return cls(
            recommended=np.array([p.recommended for p in papers], dtype=bool),
            field=np.array([number.get(p.field or "", -1) if p.recommended else -1 for p in papers], dtype=np.int64),
            score=np.array([np.nan if p.score is None or not p.recommended else p.score for p in papers]),
            weight=np.array([p.weight * 0.5 ** (age[p.day] / HALF_LIFE_DAYS) for p in papers]),
            group=np.array([days.index(p.day) for p in papers], dtype=np.int64),
            days=days,
        )


def without_duplicates(papers: Sequence[JudgedPaper]) -> list[JudgedPaper]:
    """One label a paper: the heaviest, then the latest. Papers are the same where the base id or the title is (case,
    punctuation and white space apart), so a near-duplicate cannot stand on both sides of a cut.
    """
    best: dict[str, JudgedPaper] = {}
    by_title: dict[str, str] = {}
    for p in sorted(papers, key=lambda p: (p.weight, p.day, p.arxiv_id)):
        title = re.sub(r"[^a-z0-9]+", " ", p.title.lower()).strip() or p.arxiv_id
        earlier = by_title.get(title, p.arxiv_id)
        best.pop(earlier, None)
        by_title[title] = p.arxiv_id
        best[p.arxiv_id] = p
    return sorted(best.values(), key=lambda p: (p.day, p.arxiv_id))


def with_known_texts(given: Sequence[JudgedPaper], known: Sequence[JudgedPaper]) -> list[JudgedPaper]:
    """``given`` in its order; a paper that comes without an abstract (an entry of a digest) has the text that one of
    ``known`` has for it, so that a new label does not cost a text.
    """
    texts = {p.arxiv_id: p for p in known if p.abstract}
    return [
        dataclasses.replace(p, title=found.title, abstract=found.abstract, authors=found.authors)
        if not p.abstract and (found := texts.get(p.arxiv_id))
        else p
        for p in given
    ]


def ids_hash(ids: Sequence[str]) -> str:
    """sha256 over the sorted base ids, one a line: says which papers, and keeps none of them."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def folds(columns: Columns, count: int = 4) -> NDArray[np.int64]:
    """Fold of every paper (n,): whole days go together, dealt out by date; with fewer than ``count`` days papers are
    dealt out instead, picks and the rest apart, in their given order.
    """
    if len(columns.days) >= count:
        return columns.group % count
    fold = np.empty(len(columns.group), dtype=np.int64)
    for flag in (True, False):
        at = np.flatnonzero(columns.recommended == flag)
        fold[at] = np.arange(len(at)) % count
    return fold
