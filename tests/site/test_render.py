"""What is rendered when: pages of changed days, shards of changed months, the index within its budget."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace

import pytest

from benchmarks.invented_days import bulk_day, days_before
from ranker.digest.site import DayPage, DaySummary, Entry, FieldTotal, entries_of, render_site, stale, summarise
from ranker.digest.site.history import chart_of, months_of
from ranker.digest.site.shards import Shard, plan_shards, render_shard
from ranker.errors import InputError

DAYS = ("2025-12-30", "2026-01-05", "2026-01-06")
PAGES = {day: bulk_day(day, 12) for day in DAYS}
HISTORY = [summarise(page.run) for page in PAGES.values()]


def entries(day: str) -> tuple[Entry, ...]:
    return entries_of(PAGES[day].run)


def unpack(content: bytes) -> tuple[dict[str, object], list[list[str]]]:
    """A shard as the search page reads it."""
    packed = re.fullmatch(rb'rankerShard\("[\w/.-]+","([\w+/=]+)"\);\n', content)
    assert packed
    head, *columns = zlib.decompress(base64.b64decode(packed[1]), -15).decode().split("\x1e")
    return json.loads(head), [column.split("\n") for column in columns]


def test_a_new_day_costs_itself_and_its_month() -> None:
    every = dict(render_site(list(PAGES.values()), HISTORY, entries))
    assert set(every) == {
        *(f"{day}.html" for day in DAYS), *(f"{day}-left-out.html" for day in DAYS),
        "index.html", "history.html", "search.html", "days.js", "search/2025-12-full.js", "search/2026-01-full.js",
    }  # fmt: skip
    asked: list[str] = []

    def asking(day: str) -> tuple[Entry, ...]:
        asked.append(day)
        return entries(day)

    morning = dict(render_site([PAGES["2026-01-06"]], HISTORY, asking, existing=every))
    assert set(morning) == {
        "2026-01-06.html", "2026-01-06-left-out.html", "index.html", "history.html", "search.html", "days.js",
        "search/2026-01-full.js",
    }  # fmt: skip
    assert sorted(asked) == ["2026-01-05", "2026-01-06"]
    assert morning == {path: every[path] for path in morning}


def test_an_older_day_leaves_the_front_page() -> None:
    files = dict(render_site([PAGES["2025-12-30"]], HISTORY, entries))
    assert "index.html" not in files


@pytest.mark.parametrize("day", ["../2026-01-06", "2026-1-6", "2026-01-06/x", ""])
def test_a_day_that_is_none_names_no_file(day: str) -> None:
    page = DayPage(replace(PAGES["2026-01-06"].run, day=day))
    with pytest.raises(InputError, match="no day"):
        list(render_site([page], [summarise(page.run)], entries))


def test_a_page_without_its_summary_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="2026-01-06"):
        list(render_site([PAGES["2026-01-06"]], HISTORY[:1], entries))


def test_files_of_forgotten_days_are_stale() -> None:
    every = dict(render_site(list(PAGES.values()), HISTORY, entries))
    assert stale(HISTORY, every) == ()
    assert stale(HISTORY[1:], every) == ("2025-12-30-left-out.html", "2025-12-30.html", "search/2025-12-full.js")


def test_the_policy_names_the_script_and_style_by_hash() -> None:
    for path, content in render_site([PAGES["2026-01-06"]], HISTORY, entries):
        if not path.endswith(".html"):
            continue
        text = content.decode()
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
        assert policy
        assert "unsafe" not in policy[1]
        assert "default-src 'none'" in policy[1]
        for tag in ("style", "script"):
            (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
            assert f"{tag}-src" in policy[1]
            assert f"'sha256-{digest}'" in policy[1].replace("&#39;", "'")


def test_a_shard_holds_its_days_in_columns() -> None:
    (shard, _) = plan_shards(HISTORY)
    head, columns = unpack(render_shard(shard, ((day, entries(day)) for day in shard.days)))
    assert head["month"] == "2026-01"
    ids, days, fields, scores, outcomes, titles, reasons = columns
    assert len(ids) == len(days) == len(fields) == len(scores) == len(outcomes) == len(titles) == len(reasons) == 24
    assert set(days) == {"05", "06"}
    first = entries("2026-01-06")[0]
    assert (ids[0], titles[0], reasons[0]) == (f"{first.arxiv_id}v1", first.title, first.reason)
    names = head["fields"]
    assert isinstance(names, list)
    assert names[int(fields[0])] == first.field


def test_older_months_give_up_papers_that_were_not_recommended_then_reasons() -> None:
    def day(name: str) -> DaySummary:
        return DaySummary(name, "p", {"read": 1}, (), (1000, 2000, 3000))

    def kinds(thousands: float) -> list[str]:
        # A byte of the estimate counts 1.44 times: base64, and a margin
        return [shard.kind for shard in plan_shards(history, round(thousands * 1440))]

    history = [day("2026-03-02"), day("2026-02-02"), day("2026-01-05")]
    assert kinds(18) == ["full", "full", "full"]
    assert kinds(17.9) == ["full", "full", "picks"]
    assert kinds(3 + 5 + 2) == ["full", "picks", "titles"]
    assert kinds(3 + 4.9) == ["picks", "picks", "titles"]
    assert kinds(3) == ["titles"] * 3
    assert next(shard.path for shard in plan_shards(history)) == "search/2026-03-full.js"


def test_a_shard_of_titles_has_no_reasons_and_only_picks() -> None:
    shard = Shard("2026-01", "titles", ("2026-01-06",))
    _, columns = unpack(render_shard(shard, [("2026-01-06", entries("2026-01-06"))]))
    assert len(columns[0]) == 3
    assert columns[6] == ["", "", ""]


def test_the_estimate_of_the_index_is_no_less_than_it_is() -> None:
    days = days_before("2026-01-30", 8)
    runs = {name: bulk_day(name, 60).run for name in days}
    history = [summarise(run) for run in runs.values()]
    (shard,) = plan_shards(history)
    content = render_shard(shard, ((name, entries_of(runs[name])) for name in days))
    assert len(content) <= sum(sum(summary.index_bytes) for summary in history) * 1.45


def summary(day: str, **picks: int) -> DaySummary:
    totals = tuple(FieldTotal(name, number, number) for name, number in picks.items())
    return DaySummary(day, "p", {"read": 9, "recommended": sum(picks.values())}, totals)


def test_the_chart_adds_up_weeks() -> None:
    chart = chart_of([summary("2026-01-02", a=1), summary("2026-01-05", a=2, b=3), summary("2026-01-09", b=1),
                      summary("2026-01-20", a=4)], "none")  # fmt: skip
    assert chart.rows == (
        ("2026-01-19", (4, 0), 4),
        ("2026-01-12", (0, 0), 0),
        ("2026-01-05", (2, 4), 6),
        ("2025-12-29", (1, 0), 1),
    )
    assert [value for _, value in chart.grid] == [0, 2, 4, 6, 8]
    assert {bar.title for bar in chart.bars} == {
        "2025-12-29 · a · 1", "2026-01-05 · a · 2", "2026-01-05 · b · 4", "2026-01-19 · a · 4",
    }  # fmt: skip


def test_many_years_are_drawn_by_month() -> None:
    chart = chart_of([summary("2023-11-30", a=1), summary("2026-02-01", a=1)], "none")
    assert not chart.weekly
    assert chart.rows[0][0] == "2026-02"
    assert chart.rows[-1][0] == "2023-11"
    assert len(chart.rows) == 28


def test_the_calendar_starts_weeks_on_monday() -> None:
    (month,) = months_of([summary("2026-02-10", a=3)])
    assert [cell.number if cell else None for cell in month.weeks[0]] == [None] * 6 + [1]
    cell = month.weeks[2][1]
    assert cell is not None
    assert (cell.number, cell.day, cell.recommended) == (10, "2026-02-10", 3)


@pytest.mark.parametrize("page", ["day", "left", "history", "search"])
def test_scripts_use_nothing_that_makes_markup_of_text(page: str) -> None:
    from ranker.digest.site.assets import script

    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "</"):
        assert forbidden not in script(page)
