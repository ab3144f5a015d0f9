"""Back-fill through the arxiv package against a real server: paging, flakiness, cut-off pages, splitting by date."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ranker.sources.arxiv_api import fetch_range
from ranker.sources.polite import PoliteClient
from ranker.sources.result import FetchResult

from .conftest import Ask, Play
from .loopback import Clock, Reply

PAGES = Path(__file__).parent.parent / "data" / "pages"
API = (PAGES / "api.xml").read_text()
HEAD, _, _REST = API.partition("<entry>")
ENTRY = "<entry>" + _REST.partition("</entry>")[0] + "</entry>"
DAY = date(2026, 2, 6)


class Archive:
    """Answers the query API from papers submitted every ``every`` minutes from ``DAY`` on, like arXiv does."""

    def __init__(self, papers: int, every: int = 10) -> None:
        start = datetime(2026, 2, 6)
        self.stamps = [(start + timedelta(minutes=i * every), f"2602.{i + 1:05d}") for i in range(papers)]
        self.queries: list[dict[str, str]] = []
        self.faults: dict[int, Reply] = {}

    def __call__(self, path: str, query: dict[str, str]) -> Reply:
        assert path == "/api/query"
        self.queries.append(query)
        if fault := self.faults.get(len(self.queries)):
            return fault
        return Reply(self.page(query))

    def page(self, query: dict[str, str]) -> bytes:
        first, last = query["search_query"].split("[")[1].rstrip("]").split(" TO ")
        found = [p for p in self.stamps if first <= f"{p[0]:%Y%m%d%H%M}" <= last]
        start, size = int(query["start"]), int(query["max_results"])
        return page(found[start : start + size], len(found), start)


def page(papers: list[tuple[datetime, str]], total: int, start: int = 0) -> bytes:
    head = HEAD.replace(">5<", f">{total}<").replace("startIndex>0<", f"startIndex>{start}<")
    entries = (
        ENTRY.replace("2602.90021", name).replace("2026-02-06T17:59:46Z", f"{stamp:%Y-%m-%dT%H:%M:%SZ}")
        for stamp, name in papers
    )
    return (head + "".join(entries) + "</feed>").encode()


def fetch(client: PoliteClient, end: date = DAY, **kw: object) -> FetchResult:
    result = fetch_range(("cs.LG", "stat.ML"), DAY, end, client=client, settings=client.settings, **kw)  # type: ignore[arg-type]
    c = result.counts
    assert c.get("items", 0) == c["kept"] + c["left_out"] + c.get("repeated", 0) + c["rejected"]
    return result


def test_pages_are_read_to_the_end_at_our_pace(play: Play, ask: Ask) -> None:
    archive = Archive(23)
    server = play(by=archive)
    seen: list[tuple[int, int]] = []
    result = fetch(ask(server, page_size=10), on_progress=lambda n, total: seen.append((n, total)))
    assert result.state == "fresh" and len(result.papers) == 23 and result.day is None
    assert [(q["start"], q["max_results"]) for q in archive.queries] == [("0", "10"), ("10", "10"), ("20", "10")]
    query = archive.queries[0]
    assert query["search_query"] == "(cat:cs.LG OR cat:stat.ML) AND submittedDate:[202602060000 TO 202602062359]"
    assert (query["sortBy"], query["sortOrder"]) == ("submittedDate", "ascending")
    assert min(b - a for a, b in zip(server.times, server.times[1:], strict=False)) == pytest.approx(3.0)
    assert len(server.connections) == 1 and seen[-1] == (23, 23)
    assert server.agents[0].startswith("ranker")


def test_a_paper_in_full(play: Play, ask: Ask) -> None:
    paper = fetch(ask(play(by=Archive(1)))).papers[0]
    assert (paper.versioned_id, paper.title, paper.published) == (
        "2602.00001v2",
        "Bread Ovens as Gradient Sources",
        "2026-02-06",
    )
    assert paper.authors == ("Lou Crust", "Mía Krümel") and paper.affiliations == ("Bakery of Sums, Oventown",)
    assert paper.abstract == r"Ovens give heat. Heat gives gradients $\nabla T$."
    assert paper.categories == ("stat.ML", "cs.LG") and paper.origin.kind == "arxiv-api" and paper.day is None
    assert paper.raw["comment"] == "9 loaves, 3 rolls"


def test_more_than_the_packages_default_of_100(play: Play, ask: Ask) -> None:
    result = fetch(ask(play(by=Archive(140)), page_size=100))
    assert result.state == "fresh" and len(result.papers) == 140


def test_an_empty_first_page_is_not_believed_at_once(play: Play, ask: Ask) -> None:
    archive = Archive(5)
    archive.faults = {1: Reply(page([], 0)), 2: Reply(page([], 0))}
    result = fetch(ask(play(by=archive)))
    assert (result.state, len(result.papers), len(archive.queries)) == ("fresh", 5, 3)
    nothing = Archive(0)
    result = fetch(ask(play(by=nothing)))
    assert (result.state, result.papers, len(nothing.queries)) == ("fresh", (), 3)


def test_an_empty_page_in_the_middle_is_asked_for_again(play: Play, ask: Ask) -> None:
    archive = Archive(15)
    archive.faults = {2: Reply(page([], 15, 10))}
    result = fetch(ask(play(by=archive), page_size=10))
    assert (result.state, len(result.papers), len(archive.queries)) == ("fresh", 15, 3)


def test_a_page_cut_off_is_asked_for_again(play: Play, ask: Ask) -> None:
    archive = Archive(15)
    whole = archive.page({"search_query": "[202602060000 TO 202602062359]", "start": "10", "max_results": "10"})
    archive.faults = {2: Reply(whole[:-400], promise=400), 3: Reply(whole[:-400])}
    result = fetch(ask(play(by=archive), page_size=10))
    assert (result.state, len(result.papers), len(archive.queries)) == ("fresh", 15, 4)


@pytest.mark.parametrize(
    ("fault", "words", "asked"),
    [
        (Reply(status=403), "403", 1),
        (Reply(status=400), "400", 1),
        (Reply((PAGES / "api_error.xml").read_bytes()), "incorrect id format", 1),
        (Reply(status=503), "503", 4),
        (Reply(status=429, headers={"Retry-After": "9999"}), "wait 9999 s", 1),
        (Reply(b"<html/>"), "no page of the API", 4),
        (Reply(page([], 15)[:-9]), "damaged or cut off", 4),
    ],
)
def test_failures_keep_what_came_before(play: Play, ask: Ask, fault: Reply, words: str, asked: int) -> None:
    at_once, later = Archive(15), Archive(15)
    at_once.faults = dict.fromkeys(range(1, 9), fault)
    result = fetch(ask(play(by=at_once), page_size=10))
    assert (result.state, result.papers, len(at_once.queries)) == ("failed", (), asked)
    assert words in result.detail
    later.faults = dict.fromkeys(range(2, 9), fault)
    result = fetch(ask(play(by=later), "other.json", page_size=10))
    assert (result.state, len(result.papers), len(later.queries)) == ("partial", 10, 1 + asked)


def test_too_many_results_are_split_by_date(play: Play, ask: Ask) -> None:
    archive = Archive(140)
    result = fetch(ask(play(by=archive), page_size=20, max_results=50))
    assert result.state == "fresh"
    assert [p.arxiv_id for p in result.papers] == [name for _, name in archive.stamps]
    windows = sorted({q["search_query"].split("[")[1] for q in archive.queries})
    assert windows[:2] == ["202602060000 TO 202602060559]", "202602060000 TO 202602061159]"]
    assert all(int(q["start"]) < 50 for q in archive.queries)


def test_a_minute_that_cannot_be_split_is_partial(play: Play, ask: Ask) -> None:
    result = fetch(ask(play(by=Archive(8, every=0)), page_size=5, max_results=5))
    assert (result.state, len(result.papers)) == ("partial", 5)
    assert "promised 8 results and gave 5" in result.detail


@pytest.mark.parametrize(
    ("old", "new", "outcome", "why"),
    [
        (b"<published>2026-02-06T00:10:00Z</published>", b"", ("fresh", 2, 1), "dropped by the arxiv package"),
        (b"2602.00002v2", b"2602.x", ("fresh", 2, 1), "not an arXiv id"),
        (b"2026-02-06T00:10:00Z", b"yesterday", ("failed", 0, 0), ""),
    ],
)
def test_entries_that_cannot_be_read_are_counted(
    play: Play, ask: Ask, old: bytes, new: bytes, outcome: tuple[str, int, int], why: str
) -> None:
    archive = Archive(3)
    result = fetch(ask(play(by=lambda path, query: Reply(archive.page(query).replace(old, new)))))
    assert (result.state, len(result.papers), len(result.rejected)) == outcome
    assert all(why in r.why for r in result.rejected)


def test_several_days_and_wrong_ones(play: Play, ask: Ask, clock: Clock) -> None:
    archive = Archive(3, every=24 * 60)
    client = ask(play(by=archive))
    assert len(fetch(client, end=date(2026, 2, 7)).papers) == 2
    with pytest.raises(ValueError, match="lies before start"):
        fetch(client, end=date(2026, 2, 5))
