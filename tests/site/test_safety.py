"""Hostile papers and foreign scripts: nothing runs, nothing escapes its place; nothing keeps a reader out."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.site.conftest import NewPage

PAGES = ("2026-02-06.html", "2026-02-06-left-out.html", "history.html", "search.html")


class Elements(HTMLParser):
    """All start tags of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", PAGES)
def test_hostile_texts_make_no_element_and_no_attribute(site: Path, name: str) -> None:
    text = (site / name).read_text("utf-8")
    elements = Elements(text).found
    assert [tag for tag, _ in elements].count("script") == 2
    assert not {"img", "iframe", "object", "embed", "base", "textarea", "foreignobject"} & {tag for tag, _ in elements}
    for _, attributes in elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("style", "srcdoc", "formaction")]
        for key in ("href", "src", "xlink:href"):
            assert (attributes.get(key) or "").split(":")[0].lower() not in ("javascript", "vbscript")
    assert not [char for char in "\u202e\u2066\x00\x08\x1b" if char in text]


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_hostile_texts_run_nothing(site: Path, new_page: NewPage, name: str) -> None:
    page = new_page(site / name)
    if name == "search.html":
        page.fill("#q", "onerror")
        page.wait_for_selector("#hits li")
    page.wait_for_timeout(200)
    assert "EVIL" not in page.title()
    assert page.locator("img").count() == 0
    # A 10,000-character word stays inside the page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_hostile_papers_can_be_handled(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "2026-02-06.html")
    for key in "jojujojdjxjxm":
        page.keyboard.press(key)
    page.click("text=复制 BibTeX")
    page.click("#open-ticks", force=True) if not page.locator("dialog[open]").count() else None
    assert "EVIL" not in page.title()


@pytest.mark.browser
def test_the_policy_stops_scripts_that_are_not_ours(site: Path, tmp_path: Path, new_page: NewPage) -> None:
    page_text = (site / "index.html").read_text("utf-8")
    (tmp_path / "evil.js").write_text("document.title = 'EVIL';")
    injected = (
        "<script>document.title='EVIL'</script><script src=evil.js></script>"
        "<img src=x onerror=\"document.title='EVIL'\">"
        "<a id=bad href=\"javascript:document.title='EVIL'\">x</a><form id=f action=https://example.org></form>"
        "<base href=https://example.org/><div id=styled style='color:red'>x</div>"
    )
    target = tmp_path / "index.html"
    target.write_text(page_text.replace("<main id", injected + "<main id"), "utf-8")
    page = new_page(target, expect_errors=True)
    page.click("#bad")
    page.wait_for_timeout(200)
    assert "EVIL" not in page.title()
    assert page.evaluate("document.baseURI").startswith("file:")
    assert page.evaluate("getComputedStyle(document.getElementById('styled')).color") != "rgb(255, 0, 0)"
    assert page.evaluate("fetch('https://example.org/').then(() => 'went', () => 'stopped')") == "stopped"
