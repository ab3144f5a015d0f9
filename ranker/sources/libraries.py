"""Libraries of papers that a person has read: BibTeX, RIS, CSL JSON, CSV (Zotero's exports among them).

Matching to arXiv goes by DOI (10.48550/arXiv.ID), then an arXiv id in eprint, URL, note or extra, then ``title_key``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ranker.errors import InputError
from ranker.ids import find_ids, parse_id
from ranker.sources import library_formats as formats
from ranker.sources.count import ReadCount
from ranker.sources.people import split_authors, unique
from ranker.sources.rows import MAX_ABSTRACT, MAX_TITLE, RowError, text_of
from ranker.sources.stream import DamagedInput, open_input
from ranker.text import accents_to_unicode, collapse, maths_spans, normalise_text
from ranker.types import Origin, Rejected

LibraryKind = Literal["bibtex", "ris", "csl", "csv"]
MAX_LIBRARY = 256 << 20

_PARSERS: dict[LibraryKind, Callable[[str], Iterator[formats.Row]]] = {
    "bibtex": formats.bibtex_rows,
    "ris": formats.ris_rows,
    "csl": formats.csl_rows,
    "csv": formats.csv_rows,
}
_TAG = re.compile(r"</?(?:jats:\w+|p|i|b|em|strong|sub|sup|span|sec|title)\b[^<>]*>", re.IGNORECASE)
_DOI = re.compile(r"10\.\d{4,9}/\S+")


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """One entry of a library. ``date`` is ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; ``raw`` the entry as it came."""

    title: str
    abstract: str
    authors: tuple[str, ...]
    arxiv_id: str | None
    doi: str | None
    keywords: tuple[str, ...]
    date: str | None
    origin: Origin
    raw: Mapping[str, Any]


def read_library(
    path: str | Path, *, on_rejected: Callable[[Rejected], None], count: ReadCount | None = None
) -> Iterator[LibraryEntry]:
    """Entries of one library file; its kind is told by content. Each row is an entry or a call of ``on_rejected``.

    Raises:
        InputError: unreadable, empty, not UTF-8, over 256 MB, or none of the four kinds.
    """
    count = count if count is not None else ReadCount()
    text, label = _text(path)
    kind = library_kind(text, label)
    count.kinds.append((label, kind))
    for row in _PARSERS[kind](text):
        count.read += 1
        try:
            if row.fault:
                raise RowError(row.fault)
            entry = _entry(row, Origin(label, kind, row.number))
        except RowError as error:
            count.rejected += 1
            on_rejected(Rejected(label, row.number, str(error), str(row.fields.get("title") or row.raw)[:200]))
            continue
        count.papers += 1
        count.flags["blank abstract"] += not entry.abstract
        yield entry


def library_kind(text: str, label: str) -> LibraryKind:
    """bibtex, ris, csl or csv.

    Raises:
        InputError: none of them.
    """
    start = text.lstrip()
    if start.startswith(("[", "{")):
        return "csl"
    if re.search(r"^TY  ?-", text[:100_000], re.MULTILINE):
        return "ris"
    if re.search(r"^\s*@\s*[A-Za-z]+\s*[{(]", text[:1_000_000], re.MULTILINE):
        return "bibtex"
    if formats.csv_header(text) is not None:
        return "csv"
    todo = "export it as BibTeX, RIS, CSL JSON or CSV (with a column Title)"
    raise InputError("is no library of a known kind", where=label, todo=todo)


def title_key(title: str) -> str:
    """A title as its letters and digits, folded: equal for the same title in another typography."""
    folded = unicodedata.normalize("NFKD", normalise_text(title)).casefold()
    return "".join(c for c in folded if c.isalnum())


def _text(path: str | Path) -> tuple[str, str]:
    opened = open_input(path)
    parts: list[bytes] = []
    size = 0
    try:
        for chunk in opened.chunks():
            size += len(chunk)
            if size > MAX_LIBRARY:
                raise InputError("is larger than 256 MB", where=opened.label, todo="split the library")
            parts.append(chunk)
    except DamagedInput as error:
        raise InputError(str(error), where=opened.label, todo="export the library again") from error
    finally:
        opened.close()
    content = b"".join(parts)
    try:
        return content.decode("utf-8"), opened.label
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        todo = "export it in UTF-8 (in Zotero: character encoding UTF-8)"
        raise InputError(f"is not UTF-8 (line {line})", where=opened.label, todo=todo) from None


def _entry(row: formats.Row, origin: Origin) -> LibraryEntry:
    fields = row.fields
    title = _plain(text_of(fields.get("title"), "title", MAX_TITLE))
    if not title:
        raise RowError("no title")
    authors: Iterable[str] = row.authors
    if not row.authors and fields.get("authors"):
        authors = split_authors(accents_to_unicode(collapse(text_of(fields["authors"], "authors", 500_000))))[0]
    doi = _DOI.search(fields.get("doi") or "") or _DOI.search(fields.get("url") or "")
    doi_text = doi.group().rstrip(".,;}") if doi else None
    return LibraryEntry(
        title=title,
        abstract=_plain(text_of(fields.get("abstract"), "abstract", MAX_ABSTRACT)),
        authors=unique(_plain(name) for name in authors),
        arxiv_id=_arxiv_id(doi_text, fields),
        doi=doi_text,
        keywords=unique(_plain(k) for k in row.keywords),
        date=_date(fields.get("date") or ""),
        origin=origin,
        raw=row.raw,
    )


def _arxiv_id(doi: str | None, fields: Mapping[str, str]) -> str | None:
    for text in (doi, fields.get("eprint")):
        if text:
            try:
                return parse_id(text).base
            except ValueError:
                continue  # another DOI, or an eprint of another archive
    for name in ("url", "note", "extra", "journal"):
        text = fields.get(name) or ""
        # A bare 2301.00001 in a note could be anything: arXiv must be named beside it.
        if "arxiv" in text.lower() and (found := next(find_ids(text), None)):
            return found.base
    return None


def _plain(text: str) -> str:
    """White space, accents, protective braces (outside maths) and HTML or JATS tags out of the way."""
    text = accents_to_unicode(collapse(_TAG.sub(" ", text) if "<" in text else text))
    if "{" not in text and "\\" not in text:
        return normalise_text(text)
    parts: list[str] = []
    at = 0
    for start, end in maths_spans(text):
        parts += (_braceless(text[at:start]), text[start:end])
        at = end
    return normalise_text("".join((*parts, _braceless(text[at:]))))


def _braceless(text: str) -> str:
    return re.sub(r"\\([&%$#_])", r"\1", re.sub(r"(?<!\\)[{}]", "", text))


def _date(text: str) -> str | None:
    match = re.search(r"\b(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?", text)
    if match is None:
        return None
    return "-".join(part.zfill(2) for part in match.groups() if part and int(part))
