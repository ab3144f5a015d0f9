"""axe-core finds no serious fault, light or dark, in Chinese or English."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.invented_days import english, sample_day
from tests.site.conftest import NewPage, write_site

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["index.html", "2026-02-09.html", "2026-02-10-left-out.html", "history.html", "search.html"]
)
def test_axe_finds_no_serious_fault(site: Path, new_page: NewPage, name: str, scheme: str) -> None:
    page = new_page(site / name, color_scheme=scheme)
    if name == "index.html":
        page.click(".more > summary")
        for key in "jojuxjd":
            page.keyboard.press(key)
    if name == "search.html":
        page.fill("#q", "a")
        page.wait_for_selector("#hits li")
    assert _faults(page) == []


@pytest.mark.parametrize("opener", ["#open-ticks", "#open-help"])
def test_axe_finds_no_serious_fault_in_dialogs(site: Path, new_page: NewPage, opener: str) -> None:
    page = new_page(site / "index.html")
    page.click(opener)
    assert _faults(page) == []


def test_the_english_page_speaks_english(tmp_path: Path, new_page: NewPage) -> None:
    write_site(tmp_path, [english(sample_day())])
    page = new_page(tmp_path / "index.html")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title() == "ArXiv Daily Picks - 2026-02-10"
    assert "Useful" in (page.locator(".act.up").first.text_content() or "")
    assert _faults(page) == []


def _faults(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is absent")
    results = axe.Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for fault in results
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:3]
    ]
