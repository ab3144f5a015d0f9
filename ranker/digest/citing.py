"""What a bibliography says of a paper: names, dates, DOI. Shared by BibTeX, RIS, CSL and the feeds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ranker.digest.entries import shown_date
from ranker.digest.text import clean
from ranker.types import Paper

_PARTICLE_WORDS = "van von der den de del della di da dos du la le ten ter zu zur al el bin ibn"
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|II|III|IV")
_GROUP = re.compile(r"\b(?:Collaboration|Consortium|Team|Group|Project|Lab|et al)\b", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_VALID_ID = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}")


@dataclass(frozen=True, slots=True)
class Name:
    """A person's family and given name, or a group's name as ``family`` alone with ``literal``."""

    family: str
    given: str = ""
    literal: bool = False

    def __str__(self) -> str:
        return f"{self.given} {self.family}".strip()


def names(paper: Paper) -> tuple[Name, ...]:
    """The authors, split into family and given names as far as a name's form tells."""
    listed = paper.authors or tuple(_listed(paper.authors_text))
    return tuple(_name(text) for author in listed if (text := clean(author)))


def _listed(text: str) -> list[str]:
    """Authors of one line: commas inside parentheses are affiliations', and these are left out."""
    found: list[str] = [""]
    depth = 0
    for char in clean(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth <= 0:
            found.append("")
        elif depth <= 0 and char != ")":
            found[-1] += char
    return found


def _name(text: str) -> Name:
    parts = text.split(" ")
    if len(parts) < 2 or "," in text or _GROUP.search(text):
        return Name(text, literal=True)
    end = len(parts) - 1 if len(parts) > 2 and _SUFFIX.fullmatch(parts[-1]) else len(parts)
    start = end - 1
    while start > 1 and parts[start - 1] in _PARTICLES:
        start -= 1
    return Name(" ".join(parts[start:]), " ".join(parts[:start]))


def date_parts(paper: Paper) -> tuple[int, ...]:
    """(year, month, day) as far as known."""
    found = _DATE.match(shown_date(paper))
    return tuple(int(part) for part in found.groups() if part) if found else ()


def doi(paper: Paper) -> str:
    """The DOI that arXiv registers for each of its papers; empty where the id is none of arXiv's."""
    return f"10.48550/arXiv.{paper.arxiv_id}" if _VALID_ID.fullmatch(paper.arxiv_id) else ""


def key(paper: Paper) -> str:
    """Citation key, unique as ids are."""
    return "arxiv-" + re.sub(r"[^A-Za-z0-9.]+", "-", paper.arxiv_id).strip("-")
