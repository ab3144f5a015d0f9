"""Saved announcement feeds of rss.arxiv.org, RSS 2.0 and Atom: one item a paper, its day the announcement's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from ranker.sources.count import ReadCount
from ranker.sources.dates import eastern_day
from ranker.sources.rows import ANNOUNCE_TYPES, Fields, RowError, build_paper
from ranker.sources.stream import Opened
from ranker.sources.xml_stream import Broken, child, child_text, children, entries, local, text
from ranker.types import Origin, Paper, Rejected

# "arXiv:2402.05120v1 Announce Type: new \nAbstract: ..." is put before every abstract.
_PREAMBLE = re.compile(r"\s*arXiv:(\S+)\s+Announce Type:\s*(\S+)\s*(?:Abstract:)?\s*", re.IGNORECASE)


@dataclass(slots=True)
class FeedFacts:
    """What a feed says of itself: Eastern day of its date, when it was built (as written), items met."""

    day: str | None = None
    built: str = ""
    items: int = 0


def read_feed(
    opened: Opened, kind: str, count: ReadCount, facts: FeedFacts | None = None
) -> Iterator[Paper | Rejected]:
    """One outcome for every item. ``facts`` is filled in as the feed is read."""
    facts = facts or FeedFacts()

    def about(name: str, element: Element) -> None:
        # RSS: pubDate of the channel is the day's midnight; Atom has only <updated>, the time of building.
        if name == "pubDate" or (name == "updated" and facts.day is None):
            facts.day = eastern_day(text(element)) or facts.day
        if name in ("lastBuildDate", "updated"):
            facts.built = text(element).strip()

    for item in entries(opened, "item" if kind == "rss" else "entry", count, about):
        number = facts.items + 1
        if isinstance(item, Broken):
            count.partial = True
            yield Rejected(opened.label, number, item.why)
            break
        facts.items = number
        raw = _raw(item, kind)
        try:
            yield build_paper(_fields(raw, facts), Origin(opened.label, kind, number), raw, count.flags)
        except RowError as error:
            yield Rejected(opened.label, number, str(error), str(raw.get("title") or raw.get("guid"))[:200])
    if not facts.items:
        of = f" of {facts.day}" if facts.day else ""
        count.note(f"{opened.label}: the feed{of} holds no papers (a weekend or holiday, if it is whole)")


def _raw(item: Element, kind: str) -> dict[str, Any]:
    """The item as it came, under the names of RSS."""
    rss = kind == "rss"
    link = child(item, "link")
    return {
        "guid": child_text(item, "guid" if rss else "id").strip(),
        "title": child_text(item, "title"),
        "link": (text(link) if rss else link.get("href", "")).strip() if link is not None else "",
        "description": child_text(item, "description" if rss else "summary"),
        "creator": _creators(item),
        "categories": [(text(c) if rss else c.get("term", "")).strip() for c in children(item, "category")],
        "published": child_text(item, "pubDate" if rss else "published").strip(),
        "announce_type": child_text(item, "announce_type").strip(),
        "rights": child_text(item, "rights").strip(),
    } | {local(c): text(c).strip() for c in children(item, "journal_reference", "DOI")}


def _creators(item: Element) -> str:
    """``dc:creator`` is one string for all authors; Atom's own ``author/name`` stands in where it is absent."""
    if creator := child_text(item, "creator"):
        return creator
    return ", ".join(child_text(a, "name") for a in children(item, "author") if child_text(a, "name"))


def _fields(raw: dict[str, Any], facts: FeedFacts) -> Fields:
    description = raw["description"]
    preamble = _PREAMBLE.match(description)
    kind = raw["announce_type"] or (preamble[2] if preamble else "")
    day = eastern_day(raw["published"]) or facts.day
    return Fields(
        id=raw["guid"] or raw["link"] or (preamble[1] if preamble else None),
        title=raw["title"] or None,
        abstract=description[preamble.end() :] if preamble else description,
        authors_text=raw["creator"],
        # The item's date is the announcement's; when the paper was submitted, no feed tells.
        day=day,
        categories=tuple(c for c in raw["categories"] if c),
        announce_type=kind if kind in ANNOUNCE_TYPES else None,
    )
