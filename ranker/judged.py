"""Judged papers to learn from: JSON lines with a ``judgment``, past digests, and the ticks in the store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranker.digest.parse import parse_a
from ranker.errors import InputError, RankerError
from ranker.heads.data import JudgedPaper
from ranker.ids import find_ids
from ranker.sources import read
from ranker.text import normalise_text
from ranker.types import Paper, Rejected

_DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_HEAD_BYTES = 64 * 1024

PapersOfDay = Callable[[str], Iterable[Paper]]
PaperOf = Callable[[str], Paper | None]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Judged papers; rows refused; ``unjudged``: rows without a ``judgment``; ``textless``: digest entries whose paper
    is not in the store, so that only the title can be learned from.
    """

    papers: tuple[JudgedPaper, ...]
    rejected: tuple[Rejected, ...]
    unjudged: int
    textless: int


def gather(paths: Sequence[str], fields: Sequence[str], *, paper_of: PaperOf, papers_of_day: PapersOfDay) -> Gathered:
    """Read judged files of either kind, recognised by content.

    Raises:
        InputError: a file can't be read, or none of them holds a judgment.
    """
    papers: list[JudgedPaper] = []
    rejected: list[Rejected] = []
    unjudged = textless = 0
    for path in paths:
        text = _digest_text(path)
        if text is not None:
            found, missing = from_digest(text, fields, paper_of, papers_of_day, where=path)
            papers += found
            textless += missing
            continue
        for paper in read([path], on_rejected=rejected.append):
            label = _judgment(paper, fields, path)
            if label is None:
                unjudged += 1
            else:
                papers.append(label)
    if paths and not papers:
        raise InputError(
            f"no judged paper in {len(paths)} file(s)",
            where=", ".join(paths[:3]),
            todo='rows need a "judgment" (an object with field and score, or null where it was not recommended)',
        )
    return Gathered(tuple(papers), tuple(rejected), unjudged, textless)


def _judgment(paper: Paper, fields: Sequence[str], path: str) -> JudgedPaper | None:
    if "judgment" not in paper.raw:
        return None
    told = paper.raw["judgment"]
    judgment: Mapping[str, Any] = told if isinstance(told, dict) else {}
    field, score = judgment.get("field"), judgment.get("score")
    named = _DAY.search(Path(path).name)
    return JudgedPaper(
        arxiv_id=paper.arxiv_id,
        day=named[0] if named else (paper.day or paper.published or "1970-01-01")[:10],
        title=paper.title,
        abstract=paper.abstract,
        recommended=bool(judgment),
        field=field if field in fields else None,
        score=float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None,
        authors=paper.authors,
    )


def _digest_text(path: str) -> str | None:
    """The text of a recommendation digest in Markdown; None for any other kind of file."""
    try:
        with Path(path).open("rb") as handle:
            head = handle.read(_HEAD_BYTES)
            if not head.lstrip().startswith(b"#") or b"[Score:" not in head:
                return None
            return (head + handle.read()).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # the readers of papers say what is wrong with it


def from_digest(
    text: str, fields: Sequence[str], paper_of: PaperOf, papers_of_day: PapersOfDay, *, where: str
) -> tuple[list[JudgedPaper], int]:
    """A past digest's entries as recommended papers; stored papers of its day that it leaves out as the others."""
    try:
        digest = parse_a(text)
    except (RankerError, ValueError) as error:
        raise InputError(
            f"can't be read as a digest: {error}", where=where, todo="give forms as ranker writes them"
        ) from error
    day = digest.date or "1970-01-01"
    judged: list[JudgedPaper] = []
    textless = 0
    for entry in digest.entries:
        found = next(find_ids(entry.link), None)
        paper = paper_of(found.base) if found else None
        textless += paper is None
        judged.append(
            JudgedPaper(
                arxiv_id=found.base if found else entry.title,
                day=day,
                title=paper.title if paper else normalise_text(entry.title),
                abstract=paper.abstract if paper else "",
                recommended=True,
                field=entry.field if entry.field in fields else None,
                score=entry.score,
                authors=paper.authors if paper else (),
            )
        )
    listed = {p.arxiv_id for p in judged}
    judged += [
        JudgedPaper(p.arxiv_id, day, p.title, p.abstract, recommended=False, authors=p.authors)
        for p in papers_of_day(day)
        if p.arxiv_id not in listed
    ]
    return judged, textless
