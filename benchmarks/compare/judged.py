"""Judged days: read, and split by date so that no test paper is ever fitted on."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ranker.errors import InputError
from ranker.text import normalise_text
from ranker.types import Paper


@dataclass(frozen=True, slots=True)
class JudgedPaper:
    """A paper as a judge read it: ``picked`` or not; of a pick its ``field`` (None: none of the profile's) and
    ``score`` (1-10).
    """

    paper: Paper
    day: str
    picked: bool
    field: str | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Split:
    """``dropped``: fit papers whose id occurs in the test days."""

    fit: tuple[JudgedPaper, ...]
    test: tuple[JudgedPaper, ...]
    dropped: int

    @property
    def fit_days(self) -> tuple[str, ...]:
        return tuple(sorted({p.day for p in self.fit}))

    @property
    def test_days(self) -> tuple[str, ...]:
        return tuple(sorted({p.day for p in self.test}))


def judged_files(folder: Path) -> list[Path]:
    """``DATE.jsonl`` or ``DATE.jsonl.gz`` of a folder, by date.

    Raises:
        InputError: there are none.
    """
    files = sorted(p for p in folder.glob("*.jsonl*") if p.name.endswith((".jsonl", ".jsonl.gz")))
    if not files:
        todo = "give --data FOLDER with DATE.jsonl or DATE.jsonl.gz: lines with id, title, abstract and judgment"
        raise InputError("there are no judged days here", where=str(folder), todo=todo)
    return files


def digest(files: Iterable[Path]) -> str:
    """sha256 (hex) of names and contents."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def read_judged(folder: Path, fields: Sequence[str]) -> list[JudgedPaper]:
    """Every line of every day, in order; ``fields``: the profile's names, others count as None.

    Raises:
        InputError: no days, or a line that can't be read (file and line are named).
    """
    found = []
    for path in judged_files(folder):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            try:
                found.append(_paper(json.loads(line), path.name[:10], set(fields)))
            except (ValueError, KeyError, TypeError) as error:
                todo = 'lines are {"id", "title", "abstract", "judgment": {"field", "score"} or null, ...}'
                raise InputError(f"is no judged paper: {error!r}", where=f"{path}:{number}", todo=todo) from error
    return found


def split(papers: Sequence[JudgedPaper], test_from: str, test_until: str | None = None) -> Split:
    """Test: days from ``test_from`` on (to ``test_until``, inclusive); fit: the days before.

    Raises:
        InputError: a side is empty, or nothing was picked on it.
    """
    test = tuple(p for p in papers if p.day >= test_from and (test_until is None or p.day <= test_until))
    held = {p.paper.arxiv_id for p in test}
    before = [p for p in papers if p.day < test_from]
    fit = tuple(p for p in before if p.paper.arxiv_id not in held)
    for name, side in (("fit on", fit), ("test on", test)):
        if not any(p.picked for p in side):
            days = sorted({p.day for p in papers})
            raise InputError(
                f"no picks to {name} with --test-from {test_from}",
                todo=f"choose a date inside {days[0]}..{days[-1]}" if days else "give days with papers",
            )
    return Split(fit, test, len(before) - len(fit))


def _paper(row: dict[str, object], day: str, fields: set[str]) -> JudgedPaper:
    judgment = row["judgment"]
    authors = row.get("authors") or ()
    names = tuple(map(str, authors)) if isinstance(authors, list) else tuple(str(authors).split(", "))
    paper = Paper(
        arxiv_id=str(row["id"]),
        title=normalise_text(str(row["title"])),
        abstract=normalise_text(str(row["abstract"])),
        authors=tuple(n for n in names if n),
        categories=tuple(map(str, row.get("categories") or ())),  # type: ignore[call-overload]
        published=str(row["published"])[:10] if row.get("published") else None,
        day=day,
    )
    if judgment is None:
        return JudgedPaper(paper, day, False, None, None)
    if not isinstance(judgment, dict):
        raise TypeError("judgment is neither null nor an object")
    field, score = judgment.get("field"), judgment.get("score")
    return JudgedPaper(paper, day, True, field if field in fields else None, None if score is None else float(score))
