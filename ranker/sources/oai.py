"""A saved OAI-PMH page of arXiv, ``metadataPrefix`` arXivRaw or arXiv (https://info.arxiv.org/help/oa/index.html)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from ranker.errors import InputError
from ranker.sources.count import ReadCount
from ranker.sources.people import name_of, unique
from ranker.sources.rows import Fields, RowError, build_paper, version_of
from ranker.sources.stream import Opened
from ranker.sources.xml_stream import Broken, child, child_text, children, entries, local, text
from ranker.types import Origin, Paper, Rejected

_PLAIN = (
    "id",
    "submitter",
    "title",
    "comments",
    "report-no",
    "journal-ref",
    "doi",
    "license",
    "abstract",
    "categories",
)


def read_oai(opened: Opened, kind: str, count: ReadCount) -> Iterator[Paper | Rejected]:
    """One outcome for every record, deleted ones included (rejected); a note where a token says there is more.

    Raises:
        InputError: the page is an OAI-PMH error (``noRecordsMatch`` among them).
    """

    def about(name: str, element: Element) -> None:
        if name == "error":
            code, said = element.get("code", "error"), " ".join(text(element).split())
            todo = "ask for other dates or sets" if code == "noRecordsMatch" else "correct the request"
            raise InputError(f"is an OAI-PMH error: {code}: {said}", where=opened.label, todo=todo)
        if name == "resumptionToken" and text(element).strip():
            size = element.get("completeListSize", "")
            of = f" of {size}" if size else ""
            said = f"{opened.label}: the page is one part{of}; it goes on at resumptionToken {text(element).strip()}"
            count.note(said, partial=True)

    number = 0
    for record in entries(opened, "record", count, about):
        number += 1
        if isinstance(record, Broken):
            count.partial = True
            yield Rejected(opened.label, number, record.why)
            return
        header = child(record, "header")
        name = child_text(header, "identifier").strip() if header is not None else ""
        try:
            raw = _raw(record, header)
            yield build_paper(_fields(raw), Origin(opened.label, kind, number), raw, count.flags)
        except RowError as error:
            yield Rejected(opened.label, number, str(error), name[:200])
    if number == 0:
        count.note(f"{opened.label}: the page holds no records")


def _raw(record: Element, header: Element | None) -> dict[str, Any]:
    if header is not None and header.get("status") == "deleted":
        raise RowError("the record is marked as deleted")
    metadata = child(record, "metadata")
    body = next(iter(metadata), None) if metadata is not None else None
    if body is None:
        raise RowError("the record holds no metadata")
    if local(body) not in ("arXivRaw", "arXiv"):
        raise RowError(f"metadata of format {local(body)}, arXivRaw or arXiv is expected")
    raw: dict[str, Any] = {local(c): text(c) for c in body if local(c) in _PLAIN}
    if header is not None:
        raw["identifier"] = child_text(header, "identifier").strip()
        raw["datestamp"] = child_text(header, "datestamp").strip()
        raw["sets"] = [text(s).strip() for s in children(header, "setSpec")]
    if local(body) == "arXivRaw":
        raw["authors"] = child_text(body, "authors")
        raw["versions"] = [
            {"version": v.get("version", ""), "created": child_text(v, "date").strip()}
            for v in children(body, "version")
        ]
    else:
        raw["created"], raw["updated"] = child_text(body, "created").strip(), child_text(body, "updated").strip()
        people = child(body, "authors")
        raw["authors"] = [
            {local(part): text(part) for part in a if local(part) != "affiliation"}
            | {"affiliation": [text(f) for f in children(a, "affiliation")]}
            for a in (children(people, "author") if people is not None else [])
        ]
    return raw


def _fields(raw: dict[str, Any]) -> Fields:
    authors, versions = raw["authors"], raw.get("versions")
    names: tuple[str, ...] | None = None
    affiliations: tuple[str, ...] = ()
    if not isinstance(authors, str):
        names = unique(name_of(a.get("keyname", ""), a.get("forenames", ""), a.get("suffix", "")) for a in authors)
        affiliations = tuple(f for a in authors for f in a["affiliation"])
    return Fields(
        id=raw.get("id") or raw.get("identifier"),
        title=raw.get("title"),
        abstract=raw.get("abstract"),
        version=version_of(versions[-1]["version"]) if versions else None,
        authors_text=authors if isinstance(authors, str) else ", ".join(names or ()),
        authors=names,
        affiliations=affiliations,
        published=versions[0]["created"] if versions else raw.get("created"),
        categories=tuple(raw.get("categories", "").split()),
    )
