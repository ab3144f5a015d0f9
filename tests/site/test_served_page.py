"""Ticks made on a served page land in the store, and come back from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.invented_days import bulk_day
from ranker.serve import serve
from tests.serve.shelf import Shelf
from tests.site.conftest import NewPage, write_site

pytestmark = pytest.mark.browser


def test_a_tick_in_the_browser_is_stored_and_shown_again(tmp_path: Path, new_page: NewPage) -> None:
    shelf = Shelf()
    root = write_site(tmp_path, [bulk_day("2026-02-09", 12)])
    served = serve(root, shelf.put, shelf.all)
    page = new_page(served.url)
    assert "token" not in page.url
    with page.expect_response("**/api/ticks") as stored:
        page.keyboard.press("j")
        page.keyboard.press("u")
    assert stored.value.status in (200, 204)
    page.wait_for_timeout(200)
    (tick,) = shelf.all()
    assert (tick.arxiv_id, tick.tick, tick.day) == ("2602.09000", "up", "2026-02-09")

    elsewhere = new_page(served.url)
    elsewhere.wait_for_selector('[id="p2602.09000"].tick-up')
    elsewhere.keyboard.press("j")
    with elsewhere.expect_response("**/api/ticks"):
        elsewhere.keyboard.press("u")
    elsewhere.wait_for_timeout(200)
    assert shelf.all()[0].tick is None
    served.close()


def test_what_is_marked_while_the_server_is_away_is_sent_later(tmp_path: Path, new_page: NewPage) -> None:
    shelf = Shelf()
    root = write_site(tmp_path, [bulk_day("2026-02-09", 12)])
    token = "the-same-token-as-before"
    served = serve(root, shelf.put, shelf.all, token=token)
    page = new_page(served.url, expect_errors=True)
    page.wait_for_load_state("networkidle")
    served.close()
    page.keyboard.press("j")
    page.keyboard.press("d")
    page.wait_for_function("() => document.querySelector('#status').textContent.includes('没有应答')")
    assert shelf.all() == ()

    served = serve(root, shelf.put, shelf.all, token=token, port=served.port)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.goto(served.url)
    assert [tick.tick for tick in shelf.all()] == ["down"]
    served.close()


def test_a_mark_taken_back_elsewhere_does_not_return(tmp_path: Path, new_page: NewPage) -> None:
    shelf = Shelf()
    served = serve(write_site(tmp_path, [bulk_day("2026-02-09", 12)]), shelf.put, shelf.all)
    page = new_page(served.url)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.keyboard.press("j")
        page.keyboard.press("u")
    # The answer's head has come; the page must also have read it, or it would rightly send the mark again
    page.wait_for_function(
        "() => Object.keys(localStorage).some((key) => key.includes('pending:') && localStorage[key] === '[]')"
    )
    shelf.rows.clear()
    page.reload()
    page.wait_for_function("() => document.querySelector('#tick-count').textContent === ''")
    page.wait_for_load_state("networkidle")
    assert shelf.all() == ()
    served.close()
