"""A small invented site on disk and a real Chromium to read it with; skipped, with the reason, where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.invented_days import bulk_day, sample_day
from ranker.digest.site import DayPage, entries_of, render_site, summarise
from ranker.profile import Subscriptions
from ranker.types import Paper, Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NewPage = Callable[..., "Page"]

NASTY = (
    '<img src=x onerror="document.title=\'EVIL\'"><script>document.title="EVIL"</script>',
    "</script><script>document.title='EVIL'</script><!--",
    "\u202eevil\u202c \u2066x \x00\x08\x1b[31m \ud800 end",
    "W" * 10_000,
    "[x](javascript:alert(1)) \\href{javascript:document.title='EVIL'}{click} $\\href{javascript:alert(1)}{x}$",
    "{{ 7 * 7 }} {% raw %} ${7*7} \"'><svg onload=document.title='EVIL'>",
    "$\\text{<img src=x onerror=document.title=1>}$ </title></style></textarea><style>*{display:none}</style>",
)


def hostile_day(day: str = "2026-02-06") -> DayPage:
    """A day whose every text is an attack, fields and ids included."""
    page = bulk_day(day, 40)
    rankings = []
    for number, ranking in enumerate(page.run.rankings):
        nasty = NASTY[number % len(NASTY)]
        paper = ranking.paper
        bad = Paper(
            paper.arxiv_id, f"{number} {nasty}", f"{nasty} $x<y$ {nasty}", 1, authors=(nasty, "A. Person"),
            published=nasty[:80] if number % 5 == 0 else day, categories=(nasty[:60], "cs.LG"),
        )  # fmt: skip
        field = f"坏 {NASTY[0]}" if ranking.field == page.run.fields[0] else ranking.field
        rankings.append(replace(ranking, paper=bad, reason=nasty, detail=nasty, field=field, judge=nasty))
    fields = (f"坏 {NASTY[0]}", *page.run.fields[1:])
    run = replace(page.run, rankings=tuple(rankings), fields=fields, notes=NASTY, judge_line=NASTY[0])
    return DayPage(run, page.spans, follow=Subscriptions(authors=("A. Person",)))


def write_site(folder: Path, pages: list[DayPage], budget: int = 15_000_000) -> Path:
    runs: dict[str, Run] = {page.run.day: page.run for page in pages}
    history = [summarise(page.run) for page in pages]
    for path, content in render_site(pages, history, lambda day: entries_of(runs[day]), budget=budget):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample day (2026-02-10, newest), a hostile one (02-06) and two plain ones."""
    pages = [bulk_day("2026-01-30", 40), bulk_day("2026-02-09", 60), hostile_day(), sample_day()]
    return write_site(tmp_path_factory.mktemp("site"), pages)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium (tests/system_packages.sh does it when root)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is absent: pip install .[dev]")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens pages in fresh profiles; at the end no page may have logged an error or asked for anything remote."""
    problems: list[str] = []
    contexts = []

    def open_page(address: str | Path, *, expect_errors: bool = False, **options: object) -> Page:
        context = browser.new_context(accept_downloads=True, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        if not expect_errors:
            page.on(
                "console",
                lambda message: problems.append(message.text) if message.type in ("error", "warning") else None,
            )
            page.on("pageerror", lambda error: problems.append(str(error)))
            # A page that is left or closed drops what it still asks for: no fault of the page
            page.on(
                "requestfailed",
                lambda request: (
                    None
                    if request.failure == "net::ERR_ABORTED"
                    else problems.append(f"failed: {request.url[:200]} ({request.failure})")
                ),
            )
        page.on("request", lambda request: problems.append(request.url) if _is_remote(request.url) else None)
        page.goto(address.as_uri() if isinstance(address, Path) else address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def _is_remote(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:"))
