"""Order and recommendation, expected values worked out by hand."""

from __future__ import annotations

import pytest

from ranker.profile import Recommend
from ranker.rank import cut_score, order, quota, recommend
from tests.make import paper, ranking


def test_scored_papers_come_first_then_by_similarity_then_id() -> None:
    rows = [
        ranking(1, score=None, outcome="unrouted", similarity=0.09),
        ranking(2, score=4.0, similarity=0.2),
        ranking(3, score=4.0, similarity=0.3),
        ranking(4, score=None, outcome="vetoed", similarity=0.8),
        ranking(6, score=9.0),
        ranking(5, score=9.0),
    ]
    assert [r.paper.arxiv_id[-1] for r in order(rows)] == ["5", "6", "3", "2", "4", "1"]
    assert [r.rank for r in order(rows)] == [1, 2, 3, 4, 5, 6]


def test_field_rank_counts_scored_papers_of_the_field() -> None:
    rows = [ranking(1, field="A", score=9.0), ranking(2, field="B", score=8.0), ranking(3, field="A", score=7.0)]
    assert [r.field_rank for r in order([*rows, ranking(4, score=None, outcome="failed")])] == [1, 1, 2, None]


@pytest.mark.parametrize(
    ("rule", "papers", "expected"),
    [
        (Recommend(top_share=0.25), 313, 78),  # 78.25
        (Recommend(top_share=0.25), 2, 1),  # 0.5 rounds up
        (Recommend(top_share=0.25), 1, 1),  # never an empty digest
        (Recommend(top_share=0.25), 0, 0),
        (Recommend(top_n=5), 3, 3),
        (Recommend(top_n=0), 3, 0),
        (Recommend(threshold=7.0), 9, 9),
    ],
)
def test_quota(rule: Recommend, papers: int, expected: int) -> None:
    assert quota(rule, papers) == expected


def test_threshold_share_cap_and_history() -> None:
    rows = order([ranking(n, score=10.0 - n, field="A" if n < 4 else "B") for n in range(1, 7)])

    def chosen(rule: Recommend, known: set[str] | None = None) -> list[str]:
        marked = recommend(rows, rule, known=known or set())
        return [r.paper.arxiv_id[-1] for r in marked if r.outcome == "recommended"]

    assert chosen(Recommend(threshold=7.0)) == ["1", "2", "3"]
    assert chosen(Recommend(top_share=0.5)) == ["1", "2", "3"]
    assert chosen(Recommend(top_n=4, max_per_field=2)) == ["1", "2", "4", "5"]
    # A known paper takes no one's place.
    assert chosen(Recommend(top_n=2), {paper(1).arxiv_id}) == ["2", "3"]


def test_only_scored_not_recommended_rows_can_be_recommended() -> None:
    rows = order([ranking(1, outcome="vetoed", score=None), ranking(2, outcome="failed", score=None), ranking(3)])
    marked = recommend(rows, Recommend(top_share=1.0))
    assert [r.outcome for r in marked] == ["recommended", "vetoed", "failed"]
    assert cut_score(marked) == 5.0
    assert cut_score(rows) is None
