"""The arrays of a corpus order and recommend like ``ranker.rank`` does with records, ties and all."""

from __future__ import annotations

import random

import pytest

from ranker.bulk.marks import Marks, part_of
from ranker.outcomes import distinct_reasons
from ranker.profile import Recommend
from ranker.rank import order, recommend
from ranker.types import Ranking
from tests.make import paper, ranking

RULES = [
    Recommend(top_share=0.25),
    Recommend(top_n=7, max_per_field=2),
    Recommend(threshold=5.0, max_per_field=3),
    Recommend(top_share=1.0),
]


def chunks(seed: int) -> list[list[Ranking]]:
    """Sixty ids in five chunks by id, few different numbers (so most tie), several versions, some without a score."""
    source = random.Random(seed)
    found: list[list[Ranking]] = []
    for first in range(0, 60, 12):
        here = []
        for number in range(first, first + 12):
            for version in source.choice(((None,), (1, 2), (1,), (1, 2, 3))):
                outcome = source.choice(("not_recommended", "not_recommended", "duplicate", "unrouted", "failed"))
                here.append(
                    ranking(
                        paper=paper(number, version=version),
                        outcome=outcome,
                        field=source.choice(("A", "B", None)),
                        score=float(source.randint(4, 6)) if outcome == "not_recommended" else None,
                        similarity=source.choice((0.1, 0.2, None)),
                        reason=source.choice(("", "same", "other")),
                    )
                )
        source.shuffle(here)
        found.append(here)
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rule", RULES, ids=Recommend.describe)
def test_a_corpus_is_ordered_and_recommended_like_a_day(seed: int, rule: Recommend) -> None:
    parts = chunks(seed)
    expected = distinct_reasons(recommend(order(r for part in parts for r in part), rule))
    marks, sorted_parts = Marks(), [order(part) for part in parts]
    for part in sorted_parts:
        marks.add(part_of(part))
    settled = marks.settle(rule)
    flat = [r for part in sorted_parts for r in part]
    found = [flat[i] for i in settled.order.tolist()]
    assert [r.paper.versioned_id for r in found] == [r.paper.versioned_id for r in expected]
    assert (settled.outcome == 0).tolist() == [r.outcome == "recommended" for r in expected]
    assert settled.repeated.tolist() == [a.reason != b.reason for a, b in zip(found, expected, strict=True)]
    assert settled.counts() == {n: sum(r.outcome == n for r in expected) for n in settled.counts()}
    chosen = settled.recommended.tolist()
    assert [settled.field_rank(i) for i in chosen] == [expected[i].field_rank for i in chosen]
    # A chunk's papers come in its own order, so that its rows can be read one after the other.
    for number in range(len(parts)):
        places = settled.order[settled.chunk == number].tolist()
        assert places == sorted(places)


def test_counts_by_field() -> None:
    marks = Marks()
    marks.add(part_of(order([ranking(1), ranking(2, field="B", score=None, outcome="unrouted"), ranking(3)])))
    settled = marks.settle(Recommend(top_n=1))
    assert settled.field_counts(("A", "B", "C")) == {
        "A": {"recommended": 1, "not_recommended": 1},
        "B": {"unrouted": 1},
        "C": {},
    }


def test_nothing_at_all() -> None:
    settled = Marks().settle(Recommend(top_share=0.25))
    assert len(settled) == 0 and settled.recommended.tolist() == []
