"""Every paper gets an outcome; history and words touch neither score nor field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranker import outcomes, report
from ranker.errors import AccountingError
from ranker.types import Candidate, Exclusion, Judgment, Texts, Unscored
from tests.make import paper, profile, ranking, route


def test_the_newest_version_wins_and_the_first_of_equals() -> None:
    papers = [paper(1, version=1), paper(1, version=2), paper(1, version=2), paper(2), paper(2, version=1)]
    assert outcomes.newest_positions(papers) == {"2601.00001": 1, "2601.00002": 4}


def test_sorting_settles_duplicates_vetoes_and_unrouted() -> None:
    papers = [paper(1, version=1), paper(1, version=2), paper(2), paper(3), paper(4)]
    routes = [
        route(0.5),
        route(0.6),
        route(0.7),
        route(0.04, routed=False),
        route(field=None, routed=False, exclusions=(Exclusion("field", "A"), Exclusion("field", "B"))),
    ]
    vetoed: list[tuple[Exclusion, ...]] = [(), (), (Exclusion("vetoed", "spam"),), (), ()]
    sorting = outcomes.sort_out(papers, routes, vetoed, profile())
    assert sorting.routed == (1,)
    assert [r.outcome for r in sorting.settled] == ["duplicate", "vetoed", "unrouted", "unrouted"]
    assert all(r.field == "A" and r.score is None for r in sorting.settled)
    assert sorting.settled[0].detail == "duplicate of 2601.00001v2 (day.jsonl:1)"
    assert sorting.settled[1].detail == "vetoed keyword: spam"
    assert sorting.settled[2].detail == "similarity 0.0400 < 0.0500 (A)"
    assert sorting.settled[3].detail == "no field is left; excluded by the field's own keyword: A, B"


def test_an_unscored_paper_is_failed_with_its_kind_and_never_a_zero() -> None:
    candidate = Candidate(paper(1), route(), "h", b"")
    row = outcomes.judged(candidate, Unscored("2601.00001", "low_mass", "0.01 on labels", "llm"))
    assert (row.outcome, row.score, row.detail, row.judge) == ("failed", None, "low_mass: 0.01 on labels", "llm")


def test_the_judges_field_goes_before_the_routers() -> None:
    candidate = Candidate(paper(1), route(), "h", b"")
    row = outcomes.judged(candidate, Judgment("2601.00001", "B", 8.25, "r", "j"))
    assert (row.field, row.second_field, row.score) == ("B", "A", 8.25)
    assert row.similarity == 0.4
    assert row.margin == pytest.approx(-0.1)


def test_history_and_words_change_flags_and_reason_only() -> None:
    rows = [ranking(1, paper=paper(1, version=2)), ranking(2, outcome="recommended"), ranking(3)]
    words = {f"2601.0000{n}": Texts(f"2601.0000{n}", "m", reason="词") for n in (2, 3)}
    known = {"2601.00001": outcomes.Sighting(1, "2026-01-13", "h")}
    dressed = outcomes.dress(rows, words, known, {})
    assert dressed[0].flags == ("new version: v1 was seen on 2026-01-13",)
    assert [r.reason for r in dressed[1:]] == ["词", "reason 3"]  # words are for recommended papers only
    assert [(r.score, r.field) for r in dressed] == [(r.score, r.field) for r in rows]


def test_equal_reasons_are_told_apart_by_id() -> None:
    rows = outcomes.distinct_reasons([ranking(1, reason="same"), ranking(2, reason="same"), ranking(3, reason="")])
    assert [r.reason for r in rows] == ["same", "same（arXiv:2601.00002）", ""]


@given(
    st.lists(st.sampled_from(["recommended", "unrouted", "failed", "duplicate"])), st.integers(0, 9), st.integers(-2, 2)
)
def test_the_accounting_holds_or_raises(names: list[str], rejected: int, lost: int) -> None:
    rows = [ranking(i, outcome=name) for i, name in enumerate(names)]
    read = len(rows) + rejected + lost
    try:
        counts = report.tally(read, rejected, rows)
    except AccountingError:
        assert lost != 0
    else:
        assert lost == 0
        assert counts["recommended"] == names.count("recommended")
        assert counts["read"] == read
