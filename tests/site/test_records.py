"""The records round trip through JSON, and refuse what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.invented_days import bulk_day
from ranker.digest.site import DaySummary, Entry, Tick, entries_of, summarise

TICK: dict[str, Any] = {
    "arxiv_id": "2601.00001", "version": 2, "profile": "default", "day": "2026-01-14", "tick": "move",
    "field": "深度学习理论", "at": "2026-01-14T08:00:00.000Z",
}  # fmt: skip


def test_summaries_and_entries_round_trip() -> None:
    run = bulk_day("2026-02-09", 40).run
    summary = summarise(run)
    assert DaySummary.from_row(json.loads(json.dumps(summary.as_row()))) == summary
    assert [Entry.from_row(json.loads(json.dumps(entry.as_row()))) for entry in entries_of(run)] == list(
        entries_of(run)
    )


def test_a_summary_counts_the_fields() -> None:
    run = bulk_day("2026-02-09", 40).run
    summary = summarise(run)
    assert sum(total.recommended for total in summary.fields) == 10
    assert sum(total.papers for total in summary.fields) == 40
    assert [total.name for total in summary.fields] == list(run.fields)
    assert all(size > 0 for size in summary.index_bytes)


def test_only_recommended_papers_bring_their_reason_into_the_index() -> None:
    entries = entries_of(bulk_day("2026-02-09", 40).run)
    assert all(bool(entry.reason) == (entry.outcome == "recommended") for entry in entries)
    assert all(len(entry.reason) <= 200 for entry in entries)


def test_ticks_round_trip() -> None:
    assert Tick.from_row(TICK).as_row() == TICK
    assert list(Tick.from_row(TICK).as_row()) == ["arxiv_id", "version", "profile", "day", "tick", "field", "at"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"tick": "sideways"}, "tick"),
        ({"version": "2"}, "version"),
        ({"version": True}, "version"),
        ({"arxiv_id": ""}, "arxiv_id"),
        ({"at": None}, "at"),
        ({"day": "x" * 201}, "day"),
        ({"field": None}, "field"),
        ({"field": 3}, "field"),
    ],
)
def test_a_wrong_tick_is_refused_by_key(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Tick.from_row({**TICK, **change})
