"""Followed authors and phrases: which papers carry them, for a section of their own and a lift in the order."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ranker.match import find_all
from ranker.profile import Subscriptions
from ranker.types import Paper

LIFT = 0.25
"""Share of the way to 10 that a followed paper's relevance is lifted. A reader's wish, no evidence: on the judged days
authors of two earlier picks, so lifted, moved AP per day by -0.0001 [-0.003, +0.002] (benchmarks/signals.py).
"""


@dataclass(frozen=True, slots=True)
class Followed:
    """What a paper is followed for: authors as the profile names them, phrases as they stand in the paper."""

    authors: tuple[str, ...]
    phrases: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.authors or self.phrases)


def followed(paper: Paper, follow: Subscriptions) -> Followed:
    """The followed authors and phrases of a paper.

    Names are compared without case, accents and full stops. A name with an initial ("J. Doe") matches every
    first name that begins so, a full name its own initials: "Jane Doe" and "J. Doe" are one, "John Doe" is not Jane.
    """
    authors = tuple(a for a in follow.authors if any(same_person(a, b) for b in paper.authors))
    phrases = find_all(follow.phrases, f"{paper.title}\n{paper.abstract}") if follow.phrases else ()
    return Followed(authors, phrases)


def same_person(one: str, other: str) -> bool:
    """Equal last names, and first names of which each equals the other's or its initial, as far as both have them."""
    a, b = _names(one), _names(other)
    if not a or not b or a[-1] != b[-1]:
        return False
    return all(
        x == y or (len(min(x, y, key=len)) == 1 and x[0] == y[0]) for x, y in zip(a[:-1], b[:-1], strict=False)
    ) and (bool(a[:-1]) == bool(b[:-1]))


def lifted(relevance: float, found: Followed, *, lift: float = LIFT) -> float:
    """Relevance 1-10 after the lift: nearer to 10 by ``lift`` of the way; the order among followed papers stays."""
    return relevance + lift * (10.0 - relevance) if found else relevance


def sections(papers: Sequence[Paper], follow: Subscriptions) -> list[tuple[str, tuple[Paper, ...]]]:
    """(followed author or phrase of the profile, its papers) in the profile's order; empty ones are left out."""
    found = []
    for author in follow.authors:
        found.append((author, tuple(p for p in papers if any(same_person(author, b) for b in p.authors))))
    for phrase in follow.phrases:
        found.append((phrase, tuple(p for p in papers if find_all((phrase,), f"{p.title}\n{p.abstract}"))))
    return [(name, held) for name, held in found if held]


@lru_cache(maxsize=65536)
def _names(name: str) -> tuple[str, ...]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    if "," in plain:
        last, _, first = plain.partition(",")
        plain = f"{first} {last}"
    return tuple(plain.replace(".", " ").split())
