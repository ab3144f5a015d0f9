"""JSON lines, the arXiv metadata snapshot and a single JSON array."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ranker.sources.count import ReadCount
from ranker.sources.dates import iso_day
from ranker.sources.json_array import split_array
from ranker.sources.known import KnownRows
from ranker.sources.people import name_of, unique
from ranker.sources.rows import (
    ANNOUNCE_TYPES,
    Fields,
    RowError,
    build_paper,
    categories_of,
    check_json,
    text_of,
    texts_of,
    type_name,
    version_of,
)
from ranker.sources.stream import Line, Opened, split_lines
from ranker.types import Origin, Paper, Rejected


def _no_constant(name: str) -> None:
    raise RowError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def read_lines(opened: Opened, kind: str, count: ReadCount) -> Iterator[Paper | Rejected]:
    """One outcome for every line that is not blank."""
    for line in split_lines(_counted(opened, count)):
        if line.fault or line.content.strip():
            yield _outcome(line, opened.label, kind, count.flags)


def read_new_lines(opened: Opened, kind: str, count: ReadCount, known: KnownRows) -> Iterator[Paper | Rejected]:
    """As ``read_lines``, but rows that are known are counted and left unread."""
    for line in split_lines(_counted(opened, count)):
        if not line.fault and not line.content.strip():
            continue
        digest = b"" if line.fault else known.digest(line.content)
        if digest in known:
            count.read += 1
            count.known += 1
            continue
        outcome = _outcome(line, opened.label, kind, count.flags)
        if isinstance(outcome, Paper):
            known.note(outcome, digest)
        yield outcome


def read_array(opened: Opened, kind: str, count: ReadCount) -> Iterator[Paper | Rejected]:
    """One outcome for every element of the array; ``line`` is the element's number."""
    for line in split_array(_counted(opened, count)):
        yield _outcome(line, opened.label, kind, count.flags)


def paper_from_row(row: dict[str, Any], origin: Origin, flags: Counter[str]) -> Paper:
    """A JSON object -> a paper; the object itself is kept as ``raw``.

    Raises:
        RowError: what is wrong with it.
    """
    fields = _snapshot_fields(row) if isinstance(row.get("versions"), list) else _plain_fields(row)
    return build_paper(fields, origin, row, flags)


def _outcome(line: Line, label: str, kind: str, flags: Counter[str]) -> Paper | Rejected:
    try:
        if line.fault:
            raise RowError(line.fault)
        return paper_from_row(_parse(line.content), Origin(label, kind, line.number), flags)
    except RowError as error:
        return Rejected(label, line.number, str(error), _snippet(line.content))


def _parse(content: bytes) -> dict[str, Any]:
    if b"\x00" in content:
        raise RowError("holds a NUL (U+0000)")
    try:
        text = content.decode("utf-8").strip().removeprefix("\ufeff")
        row = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise RowError(f"not UTF-8: byte 0x{content[error.start]:02x} at place {error.start + 1}") from None
    except RecursionError:
        raise RowError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise RowError(f"not JSON: {error.msg.removesuffix(' at')} at place {error.pos + 1}") from None
    except RowError:
        raise
    except ValueError as error:
        raise RowError(f"not JSON that can be read: {str(error)[:120]}") from None
    if not isinstance(row, dict):
        raise RowError(f"is {type_name(row)}, a JSON object is expected")
    # The walk costs as much as the parse: only where something could be found.
    if "\\u" in text or text.count("[") + text.count("{") > 50 or re.search(r"\de\+?\d{3}", text, re.IGNORECASE):
        check_json(row)
    return row


def _plain_fields(row: dict[str, Any]) -> Fields:
    authors_text, authors, affiliations = _authors(row.get("authors"))
    extra = row.get("affiliations")
    more = (text_of(extra, "affiliations", 500_000),) if isinstance(extra, str) else texts_of(extra, "affiliations")
    day, announced = row.get("day"), row.get("announce_type")
    return Fields(
        id=row.get("id"),
        title=row.get("title"),
        abstract=row.get("abstract"),
        version=version_of(row.get("version")),
        authors_text=authors_text,
        authors=authors,
        affiliations=affiliations + more,
        published=row.get("published"),
        day=iso_day(day) if isinstance(day, str) else None,
        categories=categories_of(row.get("categories")),
        announce_type=announced if announced in ANNOUNCE_TYPES else None,
    )


def _authors(value: Any) -> tuple[str, tuple[str, ...] | None, tuple[str, ...]]:
    """One string, a list of names, or a list of objects with name and affiliation."""
    if value is None or isinstance(value, str):
        return value or "", None, ()
    if not isinstance(value, list):
        raise RowError(f"authors is {type_name(value)}, text or a list is expected")
    names: list[str] = []
    affiliations: list[str] = []
    for entry in value:
        name, where = (entry.get("name"), entry.get("affiliation")) if isinstance(entry, dict) else (entry, None)
        names.append(text_of(name, "an entry of authors", 5_000))
        affiliations += [where] if isinstance(where, str) else texts_of(where, "affiliation")
    named = unique(names)
    return ", ".join(named), named, tuple(affiliations)


def _snapshot_fields(row: dict[str, Any]) -> Fields:
    """``arxiv-metadata-oai-snapshot.json``: the last of ``versions`` counts, the first dates it."""
    versions = [v for v in row["versions"] if isinstance(v, dict)]
    parsed = row.get("authors_parsed")
    names, affiliations = _parsed_authors(parsed) if isinstance(parsed, list) and parsed else (None, ())
    return Fields(
        id=row.get("id"),
        title=row.get("title"),
        abstract=row.get("abstract"),
        version=version_of(versions[-1].get("version")) if versions else None,
        authors_text=text_of(row.get("authors"), "authors", 500_000),
        authors=names,
        affiliations=affiliations,
        published=versions[0].get("created") if versions else row.get("update_date"),
        categories=categories_of(row.get("categories")),
    )


def _parsed_authors(parsed: list[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: list[str] = []
    affiliations: list[str] = []
    for entry in parsed:
        parts = texts_of(entry, "an entry of authors_parsed")
        names.append(name_of(*parts[:3]) if parts else "")
        affiliations += parts[3:]
    return unique(names), tuple(affiliations)


def _counted(opened: Opened, count: ReadCount) -> Iterator[bytes]:
    before = count.bytes_done
    for chunk in opened.chunks():
        count.bytes_done = before + opened.position()
        yield chunk


def _snippet(content: bytes) -> str:
    """First 200 characters; what a terminal would obey is shown as U+FFFD."""
    text = content[:800].decode("utf-8", "replace").strip()[:200]
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)
