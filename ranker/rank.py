"""Order and outcome: a total order over all papers, and which of them are recommended. After the store, never in it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable, Sequence

from ranker.profile import Recommend
from ranker.types import Ranking


def order(rankings: Iterable[Ranking]) -> list[Ranking]:
    """Scored papers by score, then the others by similarity; ties by similarity, then id and version.

    Sets ``rank`` (1-based, all papers) and ``field_rank`` (1-based, scored papers of a field).
    """

    def key(r: Ranking) -> tuple[bool, float, float, str, int]:
        score = r.score if r.score is not None else 0.0
        similarity = r.similarity if r.similarity is not None else -2.0
        # Of one id in one version a duplicate comes after the paper that stands for it.
        return (r.score is None, -score, -similarity, r.paper.arxiv_id, -(r.paper.version or 0))

    ordered = sorted(rankings, key=key)
    field_counts: dict[str | None, int] = {}
    result = []
    for rank, r in enumerate(ordered, 1):
        field_rank = None
        if r.score is not None:
            field_rank = field_counts[r.field] = field_counts.get(r.field, 0) + 1
        result.append(dataclasses.replace(r, rank=rank, field_rank=field_rank))
    return result


def quota(recommend: Recommend, papers: int) -> int:
    """How many of a day's ``papers`` (duplicates not counted) may be recommended."""
    if recommend.top_n is not None:
        return min(recommend.top_n, papers)
    if recommend.top_share is not None:
        # Rounded half up: 0.25 of 2 papers is 1, of 1 is 0 ... but never an empty digest for a non-empty day.
        return max(math.floor(recommend.top_share * papers + 0.5), 1 if papers else 0)
    return papers


class Places:
    """Who is recommended: asked paper by paper in order of rank, it gives out the rule's places."""

    def __init__(self, rule: Recommend, papers: int) -> None:
        """``papers``: of the day, duplicates not counted."""
        self.left = quota(rule, papers)
        self._rule = rule
        self._per_field: dict[str | None, int] = {}

    def take(self, score: float, field: str | None) -> bool:
        """True where the next paper gets a place."""
        rule, taken = self._rule, self._per_field.get(field, 0)
        if (
            self.left <= 0
            or (rule.threshold is not None and score < rule.threshold)
            or (rule.max_per_field is not None and taken >= rule.max_per_field)
        ):
            return False
        self.left -= 1
        self._per_field[field] = taken + 1
        return True


def recommend(ordered: Sequence[Ranking], rule: Recommend, *, known: Collection[str] = ()) -> list[Ranking]:
    """Mark the recommended ones among those that came in as ``not_recommended`` with a score.

    ``known``: ids that were seen on an earlier day; they keep their score but are not recommended again, and take no
    one's place.
    """
    places = Places(rule, sum(r.outcome != "duplicate" for r in ordered))
    result: list[Ranking] = []
    for r in ordered:
        may = r.outcome == "not_recommended" and r.score is not None and r.paper.arxiv_id not in known
        if may and places.take(r.score or 0.0, r.field):
            r = dataclasses.replace(r, outcome="recommended")
        result.append(r)
    return result


def cut_score(rankings: Sequence[Ranking]) -> float | None:
    """The lowest recommended score: what another paper would have needed."""
    scores = [r.score for r in rankings if r.outcome == "recommended" and r.score is not None]
    return min(scores) if scores else None
