"""Read back what ``sections`` wrote: an entry's lines in, a record out."""

from __future__ import annotations

import re
from collections.abc import Callable

from ranker.digest.parsed import FollowedA, RevisionA, link_of, number_of

REVISION = re.compile(r"### \[New version: ((?:\?|v\d+) → (?:\?|v\d+))\](?: (.*))?")
FOLLOWED = re.compile(r"### \[Followed: (-|-?\d+(?:\.\d+)?)/10\](?: (.*))?")
_LINE = re.compile(r"- \*\*([A-Za-z]+):\*\*(?: (.*))?")
_QUOTE = "  - "


def revision_of(block: list[str], plain: Callable[[str], str]) -> RevisionA:
    """``block``: lines of an entry, its heading first; ``plain`` takes the escapes off."""
    head = REVISION.fullmatch(block[0])
    assert head
    values = _values(block, plain)
    return RevisionA(
        versions=head[1],
        title=plain(head[2] or ""),
        authors=_first(values, "Authors"),
        published=_first(values, "Published"),
        link=link_of(_first(values, "Link")),
        seen=_first(values, "Seen"),
        score=number_of(_first(values, "Score").removesuffix("/10")),
        outcome=_first(values, "Outcome"),
        field=_first(values, "Field"),
        change=_first(values, "Abstract"),
        added=tuple(values.get("Added", ())),
        removed=tuple(values.get("Removed", ())),
    )


def followed_of(block: list[str], plain: Callable[[str], str]) -> FollowedA:
    """``block``: lines of an entry, its heading first; ``plain`` takes the escapes off."""
    head = FOLLOWED.fullmatch(block[0])
    assert head
    values = _values(block, plain)
    return FollowedA(
        score=number_of(head[1]),
        title=plain(head[2] or ""),
        authors=_first(values, "Authors"),
        published=_first(values, "Published"),
        link=link_of(_first(values, "Link")),
        outcome=_first(values, "Outcome"),
        field=_first(values, "Field"),
        followed_authors=tuple(values.get("Author", ())),
        followed_phrases=tuple(values.get("Phrase", ())),
        reason=_first(values, "Reason"),
    )


def _values(block: list[str], plain: Callable[[str], str]) -> dict[str, list[str]]:
    """Label -> its lines' texts; the quotations below a label without one, their marks taken off."""
    values: dict[str, list[str]] = {}
    label = ""
    for line in block[1:]:
        if found := _LINE.fullmatch(line):
            label = found[1]
            values.setdefault(label, []).extend([plain(found[2])] if found[2] else [])
        elif label and line.startswith(_QUOTE):
            values[label].append(plain(line.removeprefix(_QUOTE)).removeprefix("“").removesuffix("”"))
    return values


def _first(values: dict[str, list[str]], label: str) -> str:
    return next(iter(values.get(label, ())), "")
