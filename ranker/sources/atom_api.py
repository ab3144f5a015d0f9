"""A saved page of the arXiv API (Atom, https://info.arxiv.org/help/api/user-manual.html)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from ranker.errors import InputError
from ranker.sources.count import ReadCount
from ranker.sources.people import unique
from ranker.sources.rows import Fields, RowError, build_paper
from ranker.sources.stream import Opened
from ranker.sources.xml_stream import Broken, child, child_text, children, entries, text
from ranker.types import Origin, Paper, Rejected

_NUMBERS = ("totalResults", "startIndex", "itemsPerPage")


def read_page(opened: Opened, kind: str, count: ReadCount) -> Iterator[Paper | Rejected]:
    """One outcome for every entry; a note where the page holds only a part of the results.

    Raises:
        InputError: the page is arXiv's error message, which comes as a feed with one entry titled "Error".
    """
    numbers: dict[str, int] = {}

    def about(name: str, element: Element) -> None:
        if name in _NUMBERS and text(element).strip().isdecimal():
            numbers[name] = int(text(element))

    number = 0
    for entry in entries(opened, "entry", count, about):
        if isinstance(entry, Broken):
            count.partial = True
            yield Rejected(opened.label, number + 1, entry.why)
            return
        number += 1
        raw = _raw(entry)
        if "/api/errors" in raw["id"] or (raw["title"].strip() == "Error" and "/abs/" not in raw["id"]):
            said = " ".join(raw["summary"].split()) or "no details"
            raise InputError(
                f"is an error message of the arXiv API: {said}", where=opened.label, todo="correct the query"
            )
        try:
            yield build_paper(_fields(raw), Origin(opened.label, kind, number), raw, count.flags)
        except RowError as error:
            yield Rejected(opened.label, number, str(error), (raw["title"] or raw["id"])[:200])
    first, total = numbers.get("startIndex", 0), numbers.get("totalResults", number)
    if number == 0:
        count.note(f"{opened.label}: the page holds no entries (of {total} results)", partial=total > first)
    elif first + number < total or first > 0:
        span = f"results {first + 1} to {first + number} of {total}"
        count.note(f"{opened.label}: the page holds {span}", partial=True)


def _raw(entry: Element) -> dict[str, Any]:
    primary = child(entry, "primary_category")
    return {
        "id": child_text(entry, "id").strip(),
        "title": child_text(entry, "title"),
        "summary": child_text(entry, "summary"),
        "authors": [
            {"name": child_text(a, "name"), "affiliation": [text(f) for f in children(a, "affiliation")]}
            for a in children(entry, "author")
        ],
        "published": child_text(entry, "published").strip(),
        "updated": child_text(entry, "updated").strip(),
        "primary_category": primary.get("term", "") if primary is not None else "",
        "categories": [c.get("term", "") for c in children(entry, "category")],
        "comment": child_text(entry, "comment"),
        "journal_ref": child_text(entry, "journal_ref"),
        "doi": child_text(entry, "doi"),
        "links": [dict(link.attrib) for link in children(entry, "link")],
    }


def _fields(raw: dict[str, Any]) -> Fields:
    names = unique(" ".join(a["name"].split()) for a in raw["authors"])
    return Fields(
        id=raw["id"] or None,
        title=raw["title"] or None,
        abstract=raw["summary"],
        authors_text=", ".join(names),
        authors=names,
        affiliations=tuple(f for a in raw["authors"] for f in a["affiliation"]),
        published=raw["published"],
        # The same order everywhere: the primary category first.
        categories=unique((raw["primary_category"], *raw["categories"])),
    )
