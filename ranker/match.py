"""Keywords found in texts, verbatim: whole words, plural allowed, hyphen or blank alike, acronyms by their case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_SEPARATORS = re.compile(r"[\s\-]+")


def is_acronym(keyword: str) -> bool:
    """Acronyms (``SAR``, ``dLLM``) are matched by case: "lime" is not LIME."""
    return keyword.isupper() or (" " not in keyword and sum(c.isupper() for c in keyword) >= 2)


class Keyword:
    """One compiled keyword. Boundaries are letters and digits only, so Chinese keywords match inside a sentence."""

    __slots__ = ("_acronym", "_first", "_pattern", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        words = [w for w in _SEPARATORS.split(text.strip()) if w]
        if not words:
            raise ValueError("keywords must not be blank")
        self._acronym = is_acronym(text)
        body = r"[\s\-]+".join(re.escape(w) for w in words)
        self._pattern = re.compile(
            rf"(?<![A-Za-z0-9]){body}(?:s|es)?(?![A-Za-z0-9])", 0 if self._acronym else re.IGNORECASE
        )
        # A plain substring test rules out most texts ten times faster than the expression.
        self._first = words[0] if self._acronym else words[0].lower()

    def find(self, text: str, lowered: str) -> str | None:
        """The first match as it stands in ``text``; ``lowered`` is ``text.lower()``, computed once by the caller."""
        among = text if self._acronym else lowered
        at = among.find(self._first)
        if at < 0:
            return None
        if len(among) != len(text):  # a few letters grow when they are lowered: places differ
            found = self._pattern.search(text)
            return found[0] if found else None
        while at >= 0:  # the expression is only tried where the first word stands: searching costs ten times as much
            if found := self._pattern.match(text, at):
                return found[0]
            at = among.find(self._first, at + 1)
        return None


@lru_cache(maxsize=4096)
def keyword(text: str) -> Keyword:
    return Keyword(text)


def find_all(keywords: Iterable[str], text: str) -> tuple[str, ...]:
    """Every keyword's match as it stands in ``text``, in the keywords' order, each spelling once."""
    lowered = text.lower()
    found = (keyword(k).find(text, lowered) for k in keywords)
    return tuple(dict.fromkeys(f for f in found if f))


def find_in(keywords: Iterable[str], title: str, abstract: str) -> tuple[str, ...]:
    """``find_all`` in title and abstract, each by itself: no match spans the two. In the keywords' order."""
    lowered = title.lower(), abstract.lower()
    found = (keyword(k).find(title, lowered[0]) or keyword(k).find(abstract, lowered[1]) for k in keywords)
    return tuple(dict.fromkeys(f for f in found if f))


def matrix(keywords: Sequence[str], texts: Sequence[str]) -> list[list[bool]]:
    """``result[i][j]``: does ``keywords[j]`` stand in ``texts[i]``."""
    compiled = [keyword(k) for k in keywords]
    return [[k.find(t, low) is not None for k in compiled] for t, low in ((t, t.lower()) for t in texts)]
