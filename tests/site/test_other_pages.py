"""History, search and left-out papers in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.invented_days import bulk_day, sample_day
from tests.site.conftest import NewPage, write_site

pytestmark = pytest.mark.browser


def test_the_calendar_leads_to_the_days(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "history.html")
    assert page.locator(".month td a").count() == 4
    assert page.locator(".chart rect").count() > 4
    page.click('.month a[href="2026-02-09.html"]')
    assert page.title().endswith("2026-02-09")


def test_search_finds_titles_reasons_and_chinese(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "search.html")
    paper = sample_day().run.rankings[0].paper
    page.fill("#q", paper.title.upper()[:40])
    page.wait_for_selector("#hits li")
    assert paper.title in (page.locator("#hits li a").first.text_content() or "")
    page.fill("#q", "深度学习理论")
    page.wait_for_function("() => document.querySelector('#hits')?.textContent.includes('归入「深度学习理论」')")
    page.fill("#q", '"Kept Apart" nothing-like-this')
    page.wait_for_function("() => document.querySelector('#q-status').textContent === '0 篇'")
    assert page.locator("#hits li").count() == 0


def test_search_takes_its_query_from_the_address_and_leads_to_the_paper(site: Path, new_page: NewPage) -> None:
    page = new_page(f"{(site / 'search.html').as_uri()}#q=2602.09000")
    page.wait_for_selector("#hits li")
    assert page.input_value("#q") == "2602.09000"
    page.click("#hits li a >> nth=0")
    page.wait_for_selector('[id="p2602.09000"].current')
    assert page.url.split("/")[-1] == "2026-02-09.html#p2602.09000"


def test_search_filters(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "search.html")
    page.fill("#q", "study")
    page.check("#q-picks")
    page.wait_for_function("() => document.querySelector('#q-status').textContent.endsWith('篇')")
    page.fill("#q-from", "2026-02-09")
    page.fill("#q-to", "2026-02-09")
    # The list follows each filled-in filter after a while of its own: wait until it holds what both ask for.
    page.wait_for_function(
        """() => {
            const lines = [...document.querySelectorAll('#hits .fine')].map(line => line.textContent);
            return lines.length > 0 && lines.every(line => line.startsWith('2026-02-09'));
        }"""
    )
    lines = page.locator("#hits .fine").all_text_contents()
    assert lines
    assert all(line.startswith("2026-02-09") for line in lines)


def test_a_missing_part_of_the_index_is_said(tmp_path: Path, new_page: NewPage) -> None:
    write_site(tmp_path, [bulk_day("2026-01-05", 12), bulk_day("2026-02-09", 12)])
    (tmp_path / "search" / "2026-01-full.js").unlink()
    page = new_page(tmp_path / "search.html", expect_errors=True)
    page.fill("#q", "study")
    page.wait_for_function("() => document.querySelector('#q-status').textContent.includes('索引 2026-01 读取失败')")
    assert page.locator("#hits li").count() > 0


def test_left_out_papers_say_why(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "2026-02-10-left-out.html")
    assert "no title" in (page.locator("#rejected").text_content() or "")
    assert "sample_day.jsonl:57" in (page.locator("#rejected").text_content() or "")
    unrouted = page.locator("#unrouted li")
    assert unrouted.count() == sample_day().run.counts["unrouted"]
    assert "相似度低于下限 0.20" in (unrouted.first.text_content() or "")
    assert page.locator("#near li").count() == 30
    page.click(".days a")
    assert page.url.endswith("2026-02-10.html")


def test_an_unrouted_paper_can_be_moved_to_a_field(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "2026-02-10-left-out.html")
    card = page.locator("#unrouted .card").first
    card.scroll_into_view_if_needed()
    card.locator(".move").select_option("2")
    card.locator(".pick").check()
    assert page.locator("#selected-count").text_content() == "已选 1 篇"
    page.click("#open-ticks")
    line = page.input_value("#ticks-dialog textarea[readonly]")
    assert '"tick":"move"' in line
    assert f'"field":"{sample_day().run.fields[2]}"' in line


def test_ticks_of_all_days_are_exported_from_the_history(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    page.keyboard.press("j")
    page.keyboard.press("u")
    page.click("text=历史")
    # A click returns before the page that it opens has run its scripts.
    page.wait_for_url("**/history.html")
    page.wait_for_function("() => document.querySelector('#tick-count')?.textContent === '1'")
    page.click("#open-ticks")
    assert '"day":"2026-02-10"' in page.input_value("#ticks-dialog textarea[readonly]")


def test_ticks_outlive_a_local_storage_that_comes_back_empty(site: Path, new_page: NewPage) -> None:
    """As a busy Chromium gives it to a page opened from a file now and then."""
    page = new_page(site / "index.html")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("j")
    page.keyboard.press("u")
    page.evaluate("localStorage.clear()")
    page.goto((site / "history.html").as_uri())
    page.wait_for_function("() => document.querySelector('#tick-count')?.textContent === '1'")
    # Both places have the mark again, also the way it is taken back
    assert page.evaluate("localStorage.getItem('ranker:ticks:default')").count('"tick":"up"') == 1
    page.goto((site / "index.html").as_uri())
    page.wait_for_selector(".card.tick-up")
    page.keyboard.press("j")
    page.keyboard.press("u")
    page.evaluate("localStorage.clear()")
    page.goto((site / "history.html").as_uri())
    page.wait_for_function("() => localStorage.getItem('ranker:ticks:default')?.includes('\"tick\":null')")
    assert page.text_content("#tick-count") == ""


def test_an_empty_history_and_a_quiet_day(tmp_path: Path, new_page: NewPage) -> None:
    write_site(tmp_path, [bulk_day("2026-02-09", 0)])
    page = new_page(tmp_path / "index.html")
    assert "没有达到推荐标准" in (page.locator("main").text_content() or "")
    page.goto((tmp_path / "history.html").as_uri())
    page.goto((tmp_path / "search.html").as_uri())
    page.fill("#q", "x")
    page.wait_for_function("() => document.querySelector('#q-status').textContent === '0 篇'")
