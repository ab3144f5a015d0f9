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
