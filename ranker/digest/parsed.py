"""What the parsers give back: everything that a form shows, as records. Scores are as shown, with one decimal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_LINK = re.compile(r"https?://(?:export\.)?arxiv\.org/(?:abs|pdf)/(\S+?)(?:\.pdf)?", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"\[.*\]\((https?://\S+)\)")
_VERSION = re.compile(r"(.+?)v([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Foot:
    """The foot of a digest of ours; the seeds have none."""

    counts: tuple[tuple[str, int], ...] = ()
    threshold: str = ""
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryA:
    """One recommended paper. ``leaked_score`` and ``leaked_field``: the lines that a model left in its reason."""

    field: str
    score: float | None
    title: str
    authors: str
    published: str
    link: str
    reason: str
    leaked_score: float | None = None
    leaked_field: str | None = None

    @property
    def arxiv_id(self) -> str:
        return id_of(self.link)[0]

    @property
    def version(self) -> int | None:
        return id_of(self.link)[1]


@dataclass(frozen=True, slots=True)
class RevisionA:
    """A new version of a paper seen before. ``versions`` as shown (``v1 → v2``); ``change``: the summary line."""

    versions: str
    title: str
    authors: str
    published: str
    link: str
    seen: str
    score: float | None
    outcome: str
    field: str
    change: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def arxiv_id(self) -> str:
        return id_of(self.link)[0]


@dataclass(frozen=True, slots=True)
class FollowedA:
    """A paper by a followed author or with a followed phrase."""

    score: float | None
    title: str
    authors: str
    published: str
    link: str
    outcome: str
    field: str
    followed_authors: tuple[str, ...] = ()
    followed_phrases: tuple[str, ...] = ()
    reason: str = ""

    @property
    def arxiv_id(self) -> str:
        return id_of(self.link)[0]


@dataclass(frozen=True, slots=True)
class DigestA:
    """Form A. ``date`` is None in a README; ``navigation`` holds (field or section, anchor) there."""

    date: str | None
    updated: str
    read: int
    model: str
    tokens: int
    uses_language_model: bool
    entries: tuple[EntryA, ...]
    navigation: tuple[tuple[str, str], ...] = ()
    foot: Foot = Foot()
    revisions: tuple[RevisionA, ...] = ()
    followed: tuple[FollowedA, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryB:
    """One paper of form B. ``quoted``: labels whose text is the abstract's own; ``authors`` joined by commas."""

    number: int
    title: str
    link: str
    authors: str
    category: str
    tldr: str
    motivation: str
    method: str
    result: str
    conclusion: str
    abstract: str
    quoted: frozenset[str] = frozenset()

    @property
    def arxiv_id(self) -> str:
        return id_of(self.link)[0]


@dataclass(frozen=True, slots=True)
class DigestB:
    """Form B: (category, total) of the table of contents, and the papers."""

    totals: tuple[tuple[str, int], ...]
    entries: tuple[EntryB, ...]
    foot: Foot = Foot()


@dataclass(frozen=True, slots=True)
class EntryC:
    """One paper of form C. ``quoted``: the brief is the abstract's own sentence."""

    number: int
    title: str
    link: str
    date: str
    keywords: tuple[str, ...]
    brief: str
    quoted: bool = False

    @property
    def arxiv_id(self) -> str:
        return id_of(self.link)[0]


@dataclass(frozen=True, slots=True)
class DigestC:
    """Form C."""

    entries: tuple[EntryC, ...]
    foot: Foot = Foot()


def id_of(link: str) -> tuple[str, int | None]:
    """(base id, version) of a link to arXiv's abstract or PDF; ("", None) where it is none."""
    found = _LINK.fullmatch(link)
    if not found:
        return "", None
    name = unquote(found[1])
    versioned = _VERSION.fullmatch(name)
    return (versioned[1], int(versioned[2])) if versioned else (name, None)


def link_of(text: str) -> str:
    """The address of a Markdown link; anything else as it is."""
    found = _MARKDOWN_LINK.fullmatch(text)
    return found[1] if found else text


def number_of(text: str) -> float | None:
    """A score as shown; None for ``-``."""
    try:
        return float(text)
    except ValueError:
        return None
