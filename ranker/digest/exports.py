"""Feeds and tables of a run's recommended papers: Atom, JSON Feed, BibTeX, RIS, CSL JSON, CSV. No I/O."""

from __future__ import annotations

import csv
import io
import json
import uuid
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

from ranker.digest import bibliography, citing
from ranker.digest.entries import abs_url, pdf_url, recommended, shown_authors, shown_date, shown_reason, shown_score
from ranker.digest.text import clean
from ranker.digest.words import words
from ranker.types import Paper, Ranking, Run

_ATOM = "http://www.w3.org/2005/Atom"


def bibtex(run: Run) -> str:
    """BibTeX of the recommended papers."""
    return bibliography.bibtex([ranking.paper for ranking in recommended(run)])


def ris(run: Run) -> str:
    """RIS of the recommended papers."""
    return bibliography.ris([ranking.paper for ranking in recommended(run)])


def csl_json(run: Run) -> str:
    """CSL JSON of the recommended papers."""
    return bibliography.csl_json([ranking.paper for ranking in recommended(run)])


def atom(run: Run, address: str = "") -> str:
    """Atom 1.0 feed (RFC 4287). ``address``: where the feed will lie, if anywhere."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": _language(run)})
    updated = _rfc3339(run.made_at)
    _add(feed, "id", feed_id(run))
    _add(feed, "title", _title(run))
    _add(feed, "updated", updated)
    _add(_add(feed, "author"), "name", clean(run.profile_title) or "ranker")
    _add(feed, "generator", "ranker")
    if address:
        _add(feed, "link", rel="self", href=address)
    for ranking in recommended(run):
        _atom_entry(feed, ranking, updated)
    ET.indent(feed)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode") + "\n"


def _atom_entry(feed: ET.Element, ranking: Ranking, updated: str) -> None:
    paper = ranking.paper
    entry = _add(feed, "entry")
    _add(entry, "id", abs_url(paper))
    _add(entry, "title", f"[{shown_score(ranking.score)}] {clean(paper.title)}")
    _add(entry, "updated", updated)
    if published := _day(paper):
        _add(entry, "published", published)
    for name in citing.names(paper):
        _add(_add(entry, "author"), "name", str(name))
    _add(entry, "link", rel="alternate", type="text/html", href=abs_url(paper))
    _add(entry, "link", rel="related", type="application/pdf", href=pdf_url(paper))
    for tag in _tags(ranking):
        _add(entry, "category", term=tag)
    _add(entry, "summary", shown_reason(ranking), type="text")
    _add(entry, "content", clean(paper.abstract), type="text")


def json_feed(run: Run, address: str = "") -> str:
    """JSON Feed 1.1."""
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _title(run),
        "description": clean(run.judge_line),
        "language": _language(run),
        "items": [_json_item(ranking) for ranking in recommended(run)],
    }
    if address:
        feed["feed_url"] = address
    return json.dumps(feed, ensure_ascii=False, indent=2) + "\n"


def _json_item(ranking: Ranking) -> dict[str, Any]:
    paper = ranking.paper
    item: dict[str, Any] = {
        "id": abs_url(paper),
        "url": abs_url(paper),
        "external_url": pdf_url(paper),
        "title": f"[{shown_score(ranking.score)}] {clean(paper.title)}",
        "summary": shown_reason(ranking),
        "content_text": clean(paper.abstract),
        "authors": [{"name": str(name)} for name in citing.names(paper)],
        "tags": list(_tags(ranking)),
        "_ranker": {"score": ranking.score, "field": ranking.field, "similarity": ranking.similarity},
    }
    if published := _day(paper):
        item["date_published"] = published
    return item


_COLUMNS = (
    ("rank", lambda r: r.rank),
    ("score", lambda r: r.score),
    ("field", lambda r: r.field or ""),
    ("arxiv_id", lambda r: r.paper.arxiv_id),
    ("version", lambda r: r.paper.version),
    ("title", lambda r: r.paper.title),
    ("authors", lambda r: shown_authors(r.paper)),
    ("published", lambda r: shown_date(r.paper)),
    ("categories", lambda r: " ".join(r.paper.categories)),
    ("link", lambda r: abs_url(r.paper)),
    ("similarity", lambda r: r.similarity),
    ("reason", shown_reason),
)


def table(run: Run) -> str:
    """CSV (RFC 4180) with a byte order mark, so that spreadsheets read the Chinese; no cell is run as a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([name for name, _ in _COLUMNS])
    for ranking in recommended(run):
        writer.writerow([_cell(read(ranking)) for _, read in _COLUMNS])
    return "\ufeff" + out.getvalue()


def _cell(value: object) -> object:
    """A leading sign that would make a formula gets an apostrophe (OWASP, CSV injection); numbers stay numbers."""
    if not isinstance(value, str):
        return "" if value is None else value
    text = clean(value)
    return "'" + text if text.startswith(tuple("=+-@＝＋－＠")) else text


def feed_id(run: Run) -> str:
    """The same for all feeds of a profile."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"ranker/{run.profile}").urn


def _title(run: Run) -> str:
    return " · ".join(part for part in (words(run.language)["title"], clean(run.profile_title), run.day) if part)


def _language(run: Run) -> str:
    return "en" if run.language.lower().startswith("en") else "zh-CN"


def _tags(ranking: Ranking) -> tuple[str, ...]:
    tags = (clean(tag) for tag in (ranking.field or "", *ranking.paper.categories))
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _rfc3339(made_at: str) -> str:
    moment = datetime.fromisoformat(made_at)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(timespec="seconds")


def _day(paper: Paper) -> str | None:
    """The paper's date at midnight UTC, where it is a whole date."""
    try:
        return datetime(*citing.date_parts(paper), tzinfo=UTC).isoformat()  # type: ignore[arg-type, misc]
    except (TypeError, ValueError):
        return None


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    element.text = text or None
    return element
