"""Announcements from saved pages over HTTP: fresh, quiet, stale, partial and failed are five different things."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ranker.sources.announcements import fetch_announcements
from ranker.sources.polite import PoliteClient
from ranker.sources.result import FetchResult

from .conftest import Ask, Play
from .loopback import Reply

PAGES = Path(__file__).parent.parent / "data" / "pages"
RSS = (PAGES / "rss.xml").read_bytes()
EMPTY = (PAGES / "rss_empty.xml").read_bytes()
EMPTY_TUESDAY = EMPTY.replace(b"Sat, 14 Feb", b"Tue, 10 Feb")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York"))


TUESDAY, WEDNESDAY, SATURDAY = at("2026-02-10 01:00"), at("2026-02-11 01:00"), at("2026-02-14 12:00")


def fetch(
    client: PoliteClient, now: datetime = TUESDAY, categories: tuple[str, ...] = ("cs.AI", "cs.CV"), **kw: bool
) -> FetchResult:
    result = fetch_announcements(categories, client=client, now=now, settings=client.settings, **kw)
    c = result.counts
    assert c.get("items", 0) == c["kept"] + c.get("left_out", 0) + c.get("repeated", 0) + c["rejected"]
    assert (c["kept"], c["rejected"]) == (len(result.papers), len(result.rejected))
    return result


def test_a_fresh_feed_gives_new_papers_only(play: Play, ask: Ask) -> None:
    server = play(Reply(RSS))
    result = fetch(ask(server))
    assert (result.state, result.day) == ("fresh", "2026-02-10")
    assert [p.versioned_id for p in result.papers] == ["2602.90001v1"]
    assert result.papers[0].day == "2026-02-10"
    assert [r.why for r in result.rejected] == ["no title"]
    assert result.counts == {
        "items": 5, "kept": 1, "left_out": 3, "rejected": 1, "new": 1, "cross": 1, "replace": 1, "replace-cross": 1,
        "requests": 1,
    }  # fmt: skip
    assert server.asked == ["/rss/cs.AI+cs.CV"]


@pytest.mark.parametrize(
    ("cross", "replacements", "kinds"),
    [
        (True, False, ["new", "cross"]),
        (False, True, ["new", "replace"]),
        (True, True, ["new", "cross", "replace", "replace-cross"]),
    ],
)
def test_switches(play: Play, ask: Ask, cross: bool, replacements: bool, kinds: list[str]) -> None:
    result = fetch(ask(play(Reply(RSS))), include_cross=cross, include_replacements=replacements)
    assert [p.announce_type for p in result.papers] == kinds


def test_the_atom_feed(play: Play, ask: Ask) -> None:
    server = play(Reply((PAGES / "atom.xml").read_bytes()))
    result = fetch(ask(server, feed_format="atom"), now=at("2026-07-10 00:30"), categories=("cs.AI",))
    assert (result.state, result.day, len(result.papers)) == ("fresh", "2026-07-10", 1)
    assert server.asked == ["/atom/cs.AI"]


def test_a_quiet_day_is_believed_at_once(play: Play, ask: Ask) -> None:
    server = play(Reply(EMPTY))
    result = fetch(ask(server), now=SATURDAY)
    assert (result.state, result.day, result.papers) == ("quiet", None, ())
    assert "2026-02-16 05:00 UTC" in result.detail and len(server.asked) == 1


def test_after_a_holiday_it_is_quiet(play: Play, ask: Ask) -> None:
    now = at("2026-01-20 09:00")
    assert fetch(ask(play(Reply(EMPTY))), now=now).state == "quiet"
    assert fetch(ask(play(Reply(EMPTY)), holidays=()), now=now).state == "stale"


def test_a_year_whose_holidays_are_not_known_is_told(play: Play, ask: Ask) -> None:
    now = at("2027-01-19 09:00")  # the evening before was Martin Luther King Day's
    empty = EMPTY.replace(b"Sat, 14 Feb 2026", b"Tue, 19 Jan 2027")
    unknown = fetch(ask(play(Reply(empty))), now=now)
    assert unknown.state == "stale"
    assert unknown.detail.endswith("lists none of 2027, so the day after a holiday will look like a stale feed")
    known = fetch(ask(play(Reply(empty)), holidays=("2027-01-18",)), now=now)
    assert known.state == "quiet" and "holidays" not in known.detail
    # Eastern time decides which year it is.
    assert "holidays" not in fetch(ask(play(Reply(RSS))), now=datetime.fromisoformat("2027-01-01T04:59+00:00")).detail


def test_a_feed_a_day_old_is_stale(play: Play, ask: Ask) -> None:
    result = fetch(ask(play(Reply(RSS))), now=WEDNESDAY)
    assert (result.state, result.day) == ("stale", "2026-02-10")
    assert "newest batch is of 2026-02-11" in result.detail and len(result.papers) == 1


def test_before_midnight_eastern_the_days_feed_is_fresh(play: Play, ask: Ask) -> None:
    assert fetch(ask(play(Reply(RSS))), now=at("2026-02-10 23:59")).state == "fresh"


def test_fridays_feed_on_saturday_is_the_newest(play: Play, ask: Ask) -> None:
    friday = RSS.replace(b"Tue, 10 Feb 2026", b"Fri, 13 Feb 2026")
    result = fetch(ask(play(Reply(friday))), now=SATURDAY)
    assert (result.state, result.day) == ("fresh", "2026-02-13") and "announced nothing after" in result.detail


def test_an_empty_page_is_asked_for_again_before_it_is_believed(play: Play, ask: Ask) -> None:
    server = play(Reply(EMPTY_TUESDAY), Reply(RSS))
    assert fetch(ask(server)).state == "fresh" and len(server.asked) == 2
    server = play(Reply(EMPTY_TUESDAY))
    result = fetch(ask(server))
    assert (result.state, result.papers) == ("stale", ()) and len(server.asked) == 3
    assert "a batch of 2026-02-10 was due" in result.detail


def test_a_feed_cut_off_is_asked_for_again_then_partial(play: Play, ask: Ask) -> None:
    half = RSS[: RSS.index(b"</item>") + 100]
    server = play(Reply(half, promise=len(RSS) - len(half)), Reply(RSS))
    assert fetch(ask(server)).state == "fresh" and len(server.asked) == 2
    for cut in (Reply(half, promise=len(RSS) - len(half)), Reply(half)):
        server = play(cut)
        result = fetch(ask(server))
        assert (result.state, len(result.papers), result.day) == ("partial", 1, "2026-02-10")
        assert "cut off" in result.detail and len(server.asked) == 4


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=403), "403"),
        (Reply(status=429), "429"),
        (Reply(status=503), "503"),
        (Reply(b"<!DOCTYPE html><html>Down for maintenance</html>"), "is a web page"),
        (Reply(b""), "no known kind"),
        (Reply(RSS[:200], promise=1000), "cut off|damaged|XML of no known kind"),
        (Reply((PAGES / "api.xml").read_bytes()), "no announcement feed"),
        (Reply(RSS.replace(b"<rss", b'<!DOCTYPE rss [<!ENTITY a "b">]><rss', 1)), "document type"),
    ],
)
def test_failures(play: Play, ask: Ask, reply: Reply, words: str) -> None:
    import re

    server = play(reply)
    result = fetch(ask(server))
    assert (result.state, result.papers, result.day) == ("failed", (), None)
    assert re.search(words, result.detail), result.detail
    assert len(server.asked) == (1 if reply.status == 403 else 4)


def many(n: int, first: int) -> bytes:
    head, _, rest = RSS.partition(b"<item>")
    item = b"<item>" + rest.partition(b"</item>")[0] + b"</item>"
    items = b"".join(item.replace(b"2602.90001", f"2602.{first + i:05d}".encode()) for i in range(n))
    return head + items + b"</channel></rss>"


def test_a_feed_at_its_limit_is_fetched_in_parts(play: Play, ask: Ask) -> None:
    def by(path: str, query: dict[str, str]) -> Reply:
        return Reply({"/rss/cs.AI+cs.CV": many(10, 1), "/rss/cs.AI": many(6, 1), "/rss/cs.CV": many(7, 5)}[path])

    server = play(by=by)
    result = fetch(ask(server, feed_limit=10))
    assert result.state == "fresh" and server.asked == ["/rss/cs.AI+cs.CV", "/rss/cs.AI", "/rss/cs.CV"]
    assert len(result.papers) == 11 and result.counts["repeated"] == 2
    result = fetch(ask(server, feed_limit=7))
    assert result.state == "partial" and "cuts a feed off at 7" in result.detail


def test_one_part_failing_leaves_the_other_partial(play: Play, ask: Ask) -> None:
    def by(path: str, query: dict[str, str]) -> Reply:
        replies = {
            "/rss/cs.AI+cs.CV": Reply(many(10, 1)),
            "/rss/cs.AI": Reply(many(6, 1)),
            "/rss/cs.CV": Reply(status=403),
        }
        return replies[path]

    result = fetch(ask(play(by=by), feed_limit=10))
    assert (result.state, len(result.papers)) == ("partial", 6) and "403" in result.detail


def test_categories_are_checked(play: Play, ask: Ask) -> None:
    server = play(Reply(RSS))
    for bad in ((), ("cs.AI+cs.CV",), ("../x",), ("",)):
        with pytest.raises(ValueError, match="categories"):
            fetch(ask(server), categories=bad)
    assert not server.asked
    for good in ("cs.LG", "hep-th", "cond-mat.mes-hall", "physics.ao-ph", "q-bio.NC", "math"):
        fetch(ask(server), categories=(good,))
