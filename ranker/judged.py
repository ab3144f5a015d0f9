"""Judged papers from what people have: judged JSON lines, and past digests matched to the papers of their day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ranker.digest.parse import parse_a
from ranker.digest.parsed import DigestA, EntryA
from ranker.errors import InputError, RankerError
from ranker.sources import read
from ranker.types import JudgedPaper, Paper, Rejected

_DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Gathered:
    """Judged papers, those without an abstract entries of a digest whose paper is not at hand; rows refused."""

    papers: tuple[JudgedPaper, ...]
    rejected: tuple[Rejected, ...] = ()


def gather(paths: Sequence[str], *, papers_of_day: Callable[[str], Iterable[Paper]]) -> Gathered:
    """Read judged files of either kind, recognised by content; each row is a label or a refusal.

    Raises:
        InputError: a file can't be read, or none of them holds a judgment.
    """
    papers: list[JudgedPaper] = []
    rejected: list[Rejected] = []
    for path in paths:
        digest = _digest(path)
        if digest is not None:
            papers += from_digest(digest.entries, digest.date or "", list(papers_of_day(digest.date or "")))
            continue
        for paper in read([path], on_rejected=rejected.append):
            try:
                papers.append(from_paper(paper, day_of(path, paper)))
            except ValueError as error:
                rejected.append(Rejected(path, paper.origin.line, str(error), paper.title[:200]))
    if paths and not papers:
        first = f": {rejected[0].why}" if rejected else ""
        raise InputError(
            f"no judged paper in {len(paths)} file(s){first}",
            where=", ".join(paths[:3]),
            todo='rows need a "judgment": an object with field and score, or null where it was not recommended',
        )
    return Gathered(tuple(papers), tuple(rejected))


def _digest(path: str) -> DigestA | None:
    """The recommendation digest in a Markdown file; None for any other kind of file."""
    try:
        with Path(path).open("rb") as handle:
            head = handle.read(_HEAD_BYTES)
            if not head.lstrip().startswith(b"#") or b"[Score:" not in head:
                return None
            text = (head + handle.read()).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # the readers of papers say what is wrong with it
    try:
        digest = parse_a(text)
    except (RankerError, ValueError) as error:
        raise InputError(
            f"can't be read as a digest: {error}", where=path, todo="give it as ranker writes it"
        ) from error
    if digest.date is None:
        raise InputError("the digest's title has no date", where=path, todo="give digest.md, not the README form")
    return digest


def day_of(path: str | Path, paper: Paper) -> str:
    """The judged list's ISO day: from the file's name, else the paper's announcement day, else ``published``."""
    named = _DATE.search(Path(path).name)
    for text in (named[1] if named else None, paper.day, (paper.published or "")[:10]):
        try:
            return date.fromisoformat(text or "").isoformat()
        except ValueError:
            continue
    raise ValueError("no day: name the file YYYY-MM-DD.jsonl, or give `published`")


def from_paper(paper: Paper, day: str) -> JudgedPaper:
    """From a row with a ``judgment`` key: null (read, not recommended) or {field, score, ...}.

    Raises ValueError where there is no such key or it holds something else.
    """
    if "judgment" not in paper.raw:
        raise ValueError("no `judgment`: null for a paper that was not recommended, else field and score")
    judgment = paper.raw["judgment"]
    if judgment is not None and not isinstance(judgment, Mapping):
        raise ValueError(f"judgment: {type(judgment).__name__} is neither null nor an object")
    given = judgment or {}
    field, score = given.get("field"), given.get("score")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 1 <= score <= 10):
        raise ValueError(f"judgment.score: {score!r} is no number from 1 to 10")
    return JudgedPaper(
        paper.arxiv_id,
        day,
        paper.title,
        paper.abstract,
        judgment is not None,
        field if isinstance(field, str) else None,
        None if score is None else float(score),
        paper.authors,
    )


def from_digest(entries: Iterable[EntryA], day: str, papers: Sequence[Paper]) -> list[JudgedPaper]:
    """A past digest's entries as picks, the other ``papers`` of that day as not recommended. An entry that matches no
    paper by id or title has no abstract: it is learned from by its title alone.
    """
    by_id = {p.arxiv_id: p for p in papers}
    by_title = {_plain(p.title): p for p in papers}
    judged: dict[str, JudgedPaper] = {}
    for entry in entries:
        paper = by_id.get(entry.arxiv_id) or by_title.get(_plain(entry.title))
        known = paper or Paper(entry.arxiv_id, entry.title, "")
        authors = known.authors or tuple(a.strip() for a in entry.authors.split(",") if a.strip())
        judged[known.arxiv_id] = JudgedPaper(
            known.arxiv_id, day, known.title, known.abstract, True, entry.field, entry.score, authors
        )
    rest = [
        JudgedPaper(p.arxiv_id, day, p.title, p.abstract, False, authors=p.authors)
        for p in papers
        if p.arxiv_id not in judged
    ]
    return [*judged.values(), *rest]


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", title.lower()).strip()
