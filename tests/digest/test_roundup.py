"""Round-ups over three stored days: best papers by field, totals worked out by hand, ticks; weeks and months."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from ranker.digest.roundup import Period, collect, month_of, render, week_of
from ranker.store import Store
from ranker.types import Ranking, Run, Tick
from tests.digest import golden
from tests.digest.hostile import CALM, runs
from tests.digest.sample import FIELDS, QUIET, RUN, paper, ranking

WEEK = week_of("2026-01-14")


def day(date: str, *rankings: Ranking, read: int) -> Run:
    best = sum(r.outcome == "recommended" for r in rankings)
    return replace(RUN, day=date, rankings=rankings, counts={"read": read, "rejected": 1, "recommended": best})


def pick(number: int, score: float, field: str = FIELDS[0], outcome: str = "recommended", **more: object) -> Ranking:
    of = paper(f"2601.0000{number}", f"Paper {number}", **more)
    return ranking(of, outcome, number, field=field, score=score, reason=f"理由 {number}。")


DAYS = (
    day("2026-01-12", pick(1, 8.0), pick(2, 9.0, FIELDS[1]), pick(3, 5.0, outcome="not_recommended"), read=11),
    day("2026-01-13", pick(4, 8.5), pick(1, 7.0), pick(5, 4.0, outcome="duplicate"), read=6),
    day("2026-01-16", pick(6, 7.5), pick(7, 6.0, FIELDS[2], outcome="not_recommended"), read=3),
    day("2026-01-19", pick(8, 9.9), read=2),  # the Monday after
)


def tick(number: int, date: str, mark: str | None, at: str) -> Tick:
    field = FIELDS[1] if mark == "move" else None
    return Tick(f"2601.0000{number}", 1, "default", date, mark, field, f"2026-01-20T0{at}:00:00Z")  # type: ignore[arg-type]


TICKS = (
    tick(3, "2026-01-12", "up", "1"),
    tick(4, "2026-01-13", "up", "1"),
    tick(4, "2026-01-13", "down", "2"),  # taken back
    tick(6, "2026-01-16", "later", "1"),
    tick(8, "2026-01-19", "up", "1"),  # another week
    tick(9, "2026-01-15", "up", "3"),  # its run is gone
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        for run in DAYS:
            opened.put_run(run, {})
        opened.put_ticks(TICKS)
        yield opened


def stored(store: Store) -> list[Run]:
    return [run for date in store.run_days("default") if (run := store.run("default", date)) is not None]


def test_golden(store: Store) -> None:
    found = collect(stored(store), WEEK, store.ticks("default"))
    golden.check("roundup.week.zh.md", render(found, 1))
    english = [replace(run, language="en") for run in stored(store)]
    golden.check("roundup.month.en.md", render(collect(english, month_of("2026-01"), TICKS)))


def test_three_days_are_gathered(store: Store) -> None:
    found = collect(stored(store), WEEK, store.ticks("default"))
    assert [(total.day, total.read, total.recommended) for total in found.days] == [
        ("2026-01-12", 10, 2),
        ("2026-01-13", 5, 2),
        ("2026-01-16", 2, 1),
    ]
    # Recommended twice, a paper stands once, with the better of its scores.
    assert [
        (name, [(p.ranking.paper.arxiv_id, p.ranking.score, p.day) for p in picks]) for name, picks in found.picks
    ] == [
        (FIELDS[1], [("2601.00002", 9.0, "2026-01-12")]),
        (
            FIELDS[0],
            [
                ("2601.00004", 8.5, "2026-01-13"),
                ("2601.00001", 8.0, "2026-01-12"),
                ("2601.00006", 7.5, "2026-01-16"),
            ],
        ),
    ]
    # Per field: recommended and all papers, the duplicate not counted.
    assert [total.fields for total in found.days] == [
        ((FIELDS[0], 1, 2), (FIELDS[1], 1, 1), (FIELDS[2], 0, 0)),
        ((FIELDS[0], 2, 2), (FIELDS[1], 0, 0), (FIELDS[2], 0, 0)),
        ((FIELDS[0], 1, 1), (FIELDS[1], 0, 0), (FIELDS[2], 0, 1)),
    ]
    assert [(t.arxiv_id, r and r.paper.title) for t, r in found.ticked] == [
        ("2601.00003", "Paper 3"),
        ("2601.00009", None),
    ]


def test_the_order_of_the_runs_makes_no_difference(store: Store) -> None:
    there = collect(stored(store), WEEK, TICKS)
    assert collect(reversed(stored(store)), WEEK, tuple(reversed(TICKS))) == there


def test_what_is_cut_off_is_counted(store: Store) -> None:
    found = collect(stored(store), WEEK)
    assert "推荐 4 篇" in render(found, 1) and "另有 2 篇推荐论文未列出。" in render(found, 1)
    assert "另有" not in render(found, 3) and "另有" not in render(found)
    assert render(found, 1).count("### [Score: ") == 2 and render(found).count("### [Score: ") == 4


def test_weeks_and_months() -> None:
    assert Period("week", "2026-W03", "2026-01-12", "2026-01-18") == WEEK
    assert week_of("2026-W03") == week_of("2026-01-18") == WEEK
    # ISO 8601: 2024-12-30 is the Monday of the first week of 2025; 2020 has 53 weeks.
    assert week_of("2025-01-01") == Period("week", "2025-W01", "2024-12-30", "2025-01-05")
    assert week_of("2020-W53").last == "2021-01-03"
    assert month_of("2024-02") == month_of("2024-02-29") == Period("month", "2024-02", "2024-02-01", "2024-02-29")
    assert "2026-01-18" in WEEK and "2026-01-19" not in WEEK and None not in WEEK


@pytest.mark.parametrize("text", ["2026-W60", "2026-13-01", "20260114", "2026-W3", "next", "", "2026-02-30"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        week_of(text)


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "202601", "2026-W03", "", "2026-02-30"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        month_of(text)


def test_no_run_is_an_error_and_a_quiet_week_is_none() -> None:
    with pytest.raises(ValueError, match="2026-W10"):
        collect(DAYS, week_of("2026-W10"))
    assert "这段时间没有达到推荐标准的论文。" in render(collect([QUIET], WEEK))


@CALM
@given(runs())
def test_hostile_texts_start_no_line_of_ours(run: Run) -> None:
    found = collect([replace(run, day="2026-01-14")], WEEK, [tick(1, "2026-01-14", "up", "1")])
    text = render(found)
    ours = r"(# ArXiv |> |## |### \[Score: |- \*\*|- \[|- 2601|\| |\*\*|\d\d\d|No paper|Written|格式|这段时间).*|"
    assert all(re.fullmatch(ours, line) for line in text.splitlines())
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 4
    assert len({line.replace("\\\\", "").replace("\\|", "").count("|") for line in rows}) == 1
