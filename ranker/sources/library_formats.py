"""The four library formats -> rows under common names; what the names mean to arXiv is decided in ``libraries``."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ranker.sources.people import name_of
from ranker.sources.rows import RowError, check_json, type_name


@dataclass(frozen=True, slots=True)
class Row:
    """One row: 1-based line (BibTeX, RIS, CSV) or entry number (CSL), common fields, a fault if it is unreadable.

    ``fields`` may hold: title, abstract, authors, doi, url, eprint, note, extra, journal, date.
    """

    number: int
    fields: Mapping[str, str]
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


def bibtex_rows(text: str) -> Iterator[Row]:
    """Entries of a BibTeX file; blocks that can't be parsed come as faults."""
    import bibtexparser

    library = bibtexparser.parse_string(text)
    for block in library.failed_blocks:
        yield Row((block.start_line or 0) + 1, {}, raw={"text": (block.raw or "")[:1000]}, fault="not BibTeX")
    for entry in library.entries:
        raw = {f.key.lower(): str(f.value) for f in entry.fields}
        eprint = raw.get("eprint", "")
        if raw.get("archiveprefix", raw.get("eprinttype", "arxiv")).lower() != "arxiv":
            eprint = ""
        names = (_turned(name) for name in re.split(r"\s+and\s+", raw.get("author", "")))
        yield Row(
            (entry.start_line or 0) + 1,
            {
                "title": raw.get("title", ""),
                "abstract": raw.get("abstract", ""),
                "doi": raw.get("doi", ""),
                "url": raw.get("url", ""),
                "eprint": eprint,
                "note": raw.get("note", ""),
                "extra": raw.get("annote", ""),
                "journal": f"{raw.get('journal', '')} {raw.get('publisher', '')} {raw.get('howpublished', '')}",
                "date": raw.get("date") or raw.get("year", ""),
            },
            tuple(name for name in names if name),
            _words(raw.get("keywords", "")),
            {"type": entry.entry_type, "key": entry.key} | raw,
        )


_RIS = re.compile(r"([A-Z][A-Z0-9])  ?-(?: (.*))?$")
_RIS_NAMES = {
    "title": ("TI", "T1"),
    "abstract": ("AB", "N2"),
    "doi": ("DO",),
    "url": ("UR", "L1", "L2"),
    "note": ("N1",),
    "extra": ("M1", "M3", "AN", "C1"),
    "journal": ("JO", "T2", "JF", "PB"),
    "date": ("DA", "PY", "Y1"),
}


def ris_rows(text: str) -> Iterator[Row]:
    """Records of a RIS file, from TY to ER; a line without tag goes on with the one before."""
    tags: dict[str, list[str]] = {}
    start, last = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        match = _RIS.match(line.rstrip())
        if match is None:
            if last and line.strip():
                tags[last][-1] += " " + line.strip()
        elif match[1] == "ER":
            if tags:
                yield _ris_row(start, tags)
            tags, last = {}, ""
        else:
            if match[1] == "TY" and tags:
                yield _ris_row(start, tags, "the record is not closed (no ER)")
                tags = {}
            if not tags:
                start = number
            last = match[1]
            tags.setdefault(last, []).append(match[2] or "")
    if tags:
        yield _ris_row(start, tags, "the file is cut off in this record (no ER)")


def _ris_row(number: int, tags: dict[str, list[str]], fault: str = "") -> Row:
    fields = {name: " ".join(v for tag in of for v in tags.get(tag, [])) for name, of in _RIS_NAMES.items()}
    for name in ("title", "abstract", "date"):  # alternatives, not parts
        fields[name] = next((v for tag in _RIS_NAMES[name] for v in tags.get(tag, []) if v.strip()), "")
    authors = tuple(_turned(v) for tag in ("AU", "A1") for v in tags.get(tag, []) if v.strip())
    keywords = tuple(w for v in tags.get("KW", []) for w in _words(v))
    return Row(number, fields, authors, keywords, {tag: list(values) for tag, values in tags.items()}, fault)


def csl_rows(text: str) -> Iterator[Row]:
    """Items of a CSL JSON array (or of an object with ``items``)."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield Row(1, {}, raw={"text": text[:200]}, fault=f"not JSON: {error}")
        return
    if isinstance(items, dict):
        items = items["items"] if isinstance(items.get("items"), list) else [items]
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            yield Row(number, {}, raw={"item": item}, fault=f"is {type_name(item)}, an object is expected")
            continue
        try:
            check_json(item)
        except RowError as error:
            yield Row(number, {}, fault=str(error))
            continue
        people = item.get("author")
        yield Row(
            number,
            {
                "title": _string(item.get("title")),
                "abstract": _string(item.get("abstract")),
                "doi": _string(item.get("DOI")),
                "url": _string(item.get("URL")),
                "note": _string(item.get("note")),
                "extra": _string(item.get("number")),
                "journal": f"{_string(item.get('container-title'))} {_string(item.get('publisher'))}",
                "date": _csl_date(item.get("issued")),
            },
            tuple(n for p in people if (n := _csl_name(p))) if isinstance(people, list) else (),
            _words(_string(item.get("keyword"))),
            item,
        )


_CSV_NAMES = {
    "title": ("title",),
    "abstract": ("abstract note", "abstract", "summary"),
    "authors": ("author", "authors"),
    "doi": ("doi",),
    "url": ("url", "link"),
    "eprint": ("arxiv id", "arxiv_id", "arxiv", "eprint"),
    "note": ("notes", "note"),
    "extra": ("extra", "archive location", "number", "report number"),
    "journal": ("publication title", "journal", "publisher"),
    "date": ("date", "published", "publication year", "year"),
}


def csv_header(text: str) -> tuple[list[str], str] | None:
    """(column names folded, delimiter) of a CSV with a title column; None if it is none."""
    line = text.lstrip().split("\n", 1)[0].rstrip("\r")
    for delimiter in (",", ";", "\t"):
        names = [n.strip().casefold() for n in next(csv.reader([line], delimiter=delimiter), [])]
        if "title" in names and len(names) > 1:
            return names, delimiter
    return None


def csv_rows(text: str) -> Iterator[Row]:
    """Rows of a CSV with a header, such as Zotero's."""
    header = csv_header(text)
    if header is None:
        return
    names, delimiter = header
    csv.field_size_limit(16 << 20)
    reader = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter)
    before, first = 0, True
    try:
        for cells in reader:
            number, before = before + 1, reader.line_num
            if first or not any(cell.strip() for cell in cells):
                first = False
                continue
            yield _csv_row(number, names, cells)
    except csv.Error as error:
        yield Row(before + 1, {}, fault=f"not CSV: {error}; what follows is not read")


def _csv_row(number: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    raw = dict(zip(names, cells, strict=False))
    fault = "" if len(cells) == len(names) else f"{len(cells)} columns, the header has {len(names)}"
    fields = {name: next((raw[n] for n in of if raw.get(n)), "") for name, of in _CSV_NAMES.items()}
    fields["extra"] = " ".join(raw[n] for n in _CSV_NAMES["extra"] if raw.get(n))
    tags = ";".join(raw.get(n, "") for n in ("manual tags", "automatic tags", "keywords", "tags"))
    authors = fields["authors"]
    # Zotero parts authors by semicolons; a single one is "Last, First".
    names_apart = ";" in authors or ("manual tags" in raw and authors.count(",") == 1)
    people = tuple(_turned(a) for a in authors.split(";") if a.strip()) if names_apart else ()
    return Row(number, fields, people, _words(tags), raw, fault)


def _turned(name: str) -> str:
    """``Last, First`` -> ``First Last``; ``Last, Jr, First`` -> ``First Last Jr``."""
    parts = [" ".join(p.split()) for p in name.split(",")]
    if len(parts) == 2:
        return name_of(parts[0], parts[1])
    if len(parts) == 3:
        return name_of(parts[0], parts[2], parts[1])
    return " ".join(name.split())


def _words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in re.split(r"[;,\n]", text) if w.strip())


def _string(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_string(v) for v in value)
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _csl_name(person: Any) -> str:
    if not isinstance(person, dict):
        return ""
    family = f"{_string(person.get('non-dropping-particle'))} {_string(person.get('family'))}"
    return name_of(family, _string(person.get("given")), _string(person.get("suffix"))) or _string(
        person.get("literal")
    )


def _csl_date(issued: Any) -> str:
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    if isinstance(parts, list) and parts and isinstance(parts[0], list):
        return "-".join(str(p) for p in parts[0])
    return _string(issued.get("raw") or issued.get("literal")) if isinstance(issued, dict) else _string(issued)
