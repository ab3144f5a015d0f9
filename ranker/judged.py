"""Judged papers from what people have: judged JSON lines, and past digests matched to the papers of their day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from ranker.digest.parsed import EntryA
from ranker.heads.data import JudgedPaper
from ranker.types import Paper

_DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")


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


def from_digest(entries: Iterable[EntryA], day: str, papers: Sequence[Paper]) -> tuple[list[JudgedPaper], int]:
    """A past digest's entries as picks, the other ``papers`` of that day as not recommended; and how many entries
    matched no paper by id or title (these are learned from by their title alone).
    """
    by_id = {p.arxiv_id: p for p in papers}
    by_title = {_plain(p.title): p for p in papers}
    judged: dict[str, JudgedPaper] = {}
    unmatched = 0
    for entry in entries:
        paper = by_id.get(entry.arxiv_id) or by_title.get(_plain(entry.title))
        unmatched += paper is None
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
    return [*judged.values(), *rest], unmatched


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", title.lower()).strip()
