"""A day's page in a real browser: open, navigate, sort, filter, tick, select, keys, print."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmarks.invented_days import sample_day
from ranker.digest import bibliography
from ranker.profile import Subscriptions
from ranker.serve import serve
from tests.serve.shelf import Shelf
from tests.site.conftest import NewPage, write_site

pytestmark = pytest.mark.browser

RUN = sample_day().run
PICKS = [ranking for ranking in RUN.rankings if ranking.outcome == "recommended"]
JUDGED = [ranking for ranking in RUN.rankings if ranking.outcome in ("recommended", "not_recommended")]
SHOWN = ".card:visible"


def ids(page: object, selector: str = SHOWN) -> list[str]:
    found = page.locator(selector).evaluate_all("cards => cards.map(card => card.id.slice(1))")  # type: ignore[attr-defined]
    return [str(one) for one in found]


def test_it_opens_with_the_recommended_papers(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    assert page.title() == "ArXiv 每日推荐 - 2026-02-10"
    assert sorted(ids(page)) == sorted(ranking.paper.arxiv_id for ranking in PICKS)
    assert page.locator("#f-count").text_content() == f"显示 {len(PICKS)} / {len(PICKS)} 篇"
    assert "2026-02-09" in (page.locator("#older").get_attribute("href") or "")


def test_chinese_anchors_lead_to_their_fields(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    links = page.locator(".fields a")
    assert links.count() >= 7
    for place in range(links.count()):
        links.nth(place).click()
        anchor = unquote(page.evaluate("location.hash"))[1:]
        assert page.locator(f'[id="{anchor}"]').is_visible()
    assert "深度学习理论" in "".join(links.all_text_contents())


def test_the_newer_day_is_found_from_an_old_page(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "2026-01-30.html")
    page.wait_for_selector("#newer:visible")
    page.click("#newer")
    assert page.url.endswith("2026-02-06.html")


def test_sorting_without_groups_is_total(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    page.uncheck("#f-group")
    page.select_option("#f-show", "all")
    page.wait_for_function("() => document.querySelectorAll('#flat .card').length === " + str(len(JUDGED)))
    by_score = sorted(JUDGED, key=lambda r: (-(r.score or 0), -(r.similarity or 0), r.paper.arxiv_id))
    assert ids(page) == [ranking.paper.arxiv_id for ranking in by_score]
    page.select_option("#f-sort", "similarity")
    by_similarity = sorted(JUDGED, key=lambda r: (-(r.similarity or 0), -(r.score or 0), r.paper.arxiv_id))
    page.wait_for_function(f"() => document.querySelector('#flat .card').id === 'p{by_similarity[0].paper.arxiv_id}'")
    assert ids(page) == [ranking.paper.arxiv_id for ranking in by_similarity]


def test_filters_and_their_reset(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    page.select_option("#f-show", "all")
    page.click(".more > summary")

    def shown(selector: str, value: str) -> list[str]:
        if page.locator(selector).evaluate("node => node.tagName") == "SELECT":
            page.select_option(selector, value)
        else:
            page.fill(selector, value)
        page.wait_for_timeout(500)
        found = ids(page)
        page.click("#filters button[type=reset]")
        page.select_option("#f-show", "all")
        page.wait_for_timeout(500)
        return sorted(found)

    def wanted(test: object) -> list[str]:
        return sorted(r.paper.arxiv_id for r in JUDGED if test(r))  # type: ignore[operator]

    assert shown("#f-score", "7") == wanted(lambda r: round(r.score, 1) >= 7)
    assert shown("#f-field", "5") == wanted(lambda r: r.field == RUN.fields[5])
    assert shown("#f-category", "cs.CL") == wanted(lambda r: "cs.CL" in r.paper.categories)
    name = PICKS[0].paper.authors[0]
    assert shown("#f-author", name.upper()) == wanted(lambda r: name in r.paper.authors)
    word = PICKS[0].paper.title.split()[-1]
    found = shown("#f-text", word)
    assert PICKS[0].paper.arxiv_id in found
    assert set(wanted(lambda r: word.lower() in r.paper.title.lower())) <= set(found)
    assert shown("#f-text", "no such words here") == []


def test_keys_tick_and_the_tick_survives_a_reload(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    first, second = ids(page)[:2]
    for key in "jujdk":
        page.keyboard.press(key)
    assert page.locator(".card.current").get_attribute("id") == f"p{first}"
    page.reload()
    assert page.locator("#tick-count").text_content() == "2"
    page.wait_for_selector(f'[id="p{first}"] .act.up[aria-pressed=true]')
    assert page.locator(f'[id="p{second}"].tick-down').count() == 1
    page.click(".more > summary")
    page.select_option("#f-state", "ticked")
    page.wait_for_timeout(500)
    assert ids(page) == [first, second]


def test_o_opens_the_abstract_with_roles_and_maths(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "2026-02-09.html")
    page.keyboard.press("j")
    page.keyboard.press("o")
    card = page.locator(".card.current")
    assert card.locator(".abstract mark.problem").first.is_visible()
    assert card.locator(".abstract math msub, .abstract math mi").first.is_visible()
    assert card.locator(".sims li").first.evaluate("li => li.style.getPropertyValue('--v')") != ""
    page.keyboard.press("o")
    assert not card.locator(".abstract").is_visible()


def test_typing_is_not_taken_for_keys_and_help_opens(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    page.keyboard.press("/")
    page.keyboard.type("judo")
    assert page.input_value("#f-text") == "judo"
    assert page.locator("#tick-count").text_content() == ""
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#help-dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help-dialog").is_visible()


def test_export_and_import_of_ticks(site: Path, new_page: NewPage, tmp_path: Path) -> None:
    page = new_page(site / "index.html")
    card = page.locator(SHOWN).first
    card.locator(".act.up").click()
    second = page.locator(SHOWN).nth(1)
    moved_to = second.locator(".move option:not([disabled])").nth(1).get_attribute("value") or ""
    second.locator(".move").select_option(moved_to)
    page.locator(SHOWN).nth(2).locator(".act.later").click()
    page.click("#open-ticks")
    with page.expect_download() as download:
        page.click("#save-ticks")
    exported = tmp_path / "ticks.jsonl"
    download.value.save_as(exported)
    rows = [json.loads(line) for line in exported.read_text("utf-8").splitlines()]
    assert {row["tick"] for row in rows} == {"up", "move", "later"}
    assert all(list(row) == ["arxiv_id", "version", "profile", "day", "tick", "field", "at"] for row in rows)
    assert [row["field"] for row in rows if row["tick"] == "move"] == [RUN.fields[int(moved_to)]]
    assert all(row["day"] == "2026-02-10" and row["profile"] == "default" for row in rows)

    other = new_page(site / "index.html")
    assert other.locator("#tick-count").text_content() == ""
    other.click("#open-ticks")
    other.set_input_files("#ticks-file", exported)
    other.wait_for_function("() => document.querySelector('#import-report').textContent !== ''")
    assert other.locator("#import-report").text_content() == "导入 3 个标记，0 行无效"
    other.fill("#paste-ticks", 'no json\n{"arxiv_id": "1", "tick": "sideways"}\n')
    other.click("#import-ticks")
    assert other.locator("#import-report").text_content() == "导入 0 个标记，2 行无效"
    assert other.locator("#tick-count").text_content() == "3"


def test_ticks_work_until_the_page_closes_where_storage_is_denied(site: Path, new_page: NewPage) -> None:
    page = new_page("about:blank")
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied'); }})")
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("j")
    page.keyboard.press("u")
    assert page.locator(".card.current .act.up").get_attribute("aria-pressed") == "true"
    assert "不允许保存" in (page.locator("#status").text_content() or "")
    page.click("#open-ticks")
    assert '"tick":"up"' in page.input_value("#ticks-dialog textarea[readonly]")


def test_bibtex_and_ris_of_the_selection(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    for key in "jxjx":
        page.keyboard.press(key)
    assert page.locator("#selected-count").text_content() == "已选 2 篇"
    with page.expect_download() as download:
        page.click(".save-bibtex")
    bib = Path(download.value.path()).read_text("utf-8")
    assert download.value.suggested_filename == "2026-02-10.bib"
    chosen = [next(r.paper for r in PICKS if r.paper.arxiv_id == one) for one in ids(page, ".card.is-selected")]
    chosen = [next(r.paper for r in PICKS if r.paper.arxiv_id == one) for one in ids(page, ".card.is-selected")]
    brief = [replace(paper, abstract="") for paper in chosen]
    assert bib == bibliography.bibtex(brief)
    assert all(paper.arxiv_id in bib for paper in chosen)
    with page.expect_download() as download:
        page.click(".save-ris")
    assert Path(download.value.path()).read_bytes().decode() == bibliography.ris(brief)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click(".copy-bibtex")
    page.wait_for_function("() => document.querySelector('#status').textContent === '已复制'")
    assert page.evaluate("navigator.clipboard.readText()") == bib


def test_a_link_to_a_folded_paper_opens_it(site: Path, new_page: NewPage) -> None:
    folded = next(ranking for ranking in RUN.rankings if ranking.outcome == "not_recommended")
    page = new_page(f"{(site / 'index.html').as_uri()}#p{folded.paper.arxiv_id}")
    page.wait_for_selector(f'[id="p{folded.paper.arxiv_id}"].current:visible')


def test_a_new_version_shows_what_changed(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    card = page.locator("#revisions .card")
    card.locator("summary").click()
    assert card.locator("del").last.text_content() == " Preliminary."
    assert "2026-01-20" in (card.locator(".revision").text_content() or "")


def test_it_reads_without_scripts(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html", java_script_enabled=False, expect_errors=True)
    assert page.locator(".card .title").first.is_visible()
    assert page.locator("noscript").text_content()
    assert not page.locator("#filters").is_visible()


def test_the_theme_is_kept(site: Path, new_page: NewPage) -> None:
    # Served: from a file a busy Chromium gives the reloaded page an empty localStorage now and then
    served = serve(site, Shelf().put, Shelf().all)
    page = new_page(served.url, color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.click("#theme")
    dark = page.evaluate(background)
    page.reload()
    assert page.evaluate(background) == dark != light
    served.close()


def test_it_prints(site: Path, new_page: NewPage) -> None:
    page = new_page(site / "index.html")
    page.emulate_media(media="print")
    assert not page.locator("#filters").is_visible()
    assert not page.locator(".tools").is_visible()
    printed = page.pdf()
    assert printed[:5] == b"%PDF-"
    # A card that is not drawn, or that takes a page of its own, shows in their number
    assert 4 <= printed.count(b"/Type /Page\n") <= 12


def test_followed_papers_have_a_section_that_leads_to_their_cards(tmp_path: Path, new_page: NewPage) -> None:
    day = sample_day()
    judged, failed = JUDGED[-1], next(r for r in RUN.rankings if r.outcome in ("unrouted", "failed"))
    marked = {r.paper.arxiv_id: replace(r, paper=replace(r.paper, authors=("Ada Lovelace",))) for r in (judged, failed)}
    run = replace(RUN, rankings=tuple(marked.get(r.paper.arxiv_id, r) for r in RUN.rankings))
    write_site(tmp_path, [replace(day, run=run, follow=Subscriptions(authors=("Lovelace, Ada",)))])
    page = new_page(tmp_path / "index.html")
    assert page.locator("#followed h2").inner_text().split() == ["关注的作者与短语", "2"]
    # One stands in a fold of this page, the other among what was left out
    page.click(f'#followed a[href$="#p{judged.paper.arxiv_id}"]')
    assert page.locator(f'[id="p{judged.paper.arxiv_id}"]').is_visible()
    page.click(f'#followed a[href$="#p{failed.paper.arxiv_id}"]')
    page.wait_for_url("**/*-left-out.html#*")
    assert page.locator(f'[id="p{failed.paper.arxiv_id}"]').is_visible()
