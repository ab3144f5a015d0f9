"""Keywords found in texts, verbatim: whole words, plural allowed, hyphen or blank alike, acronyms by their case."""

from __future__ import annotations

import re
from functools import lru_cache

_SEPARATORS = re.compile(r"[\s\-]+")
_RUN = re.compile(r"[A-Za-z0-9]+")


def is_acronym(keyword: str) -> bool:
    """Acronyms (``SAR``, ``dLLM``) are matched by case: "lime" is not LIME."""
    return keyword.isupper() or (" " not in keyword and sum(c.isupper() for c in keyword) >= 2)


class Keyword:
    """One compiled keyword. Boundaries are letters and digits only, so Chinese keywords match inside a sentence."""

    __slots__ = ("_acronym", "_first", "_pattern", "heads", "text")

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
        plurals = ("", "s", "es") if len(words) == 1 else ("",)
        self.heads: tuple[str, ...] = (
            tuple(self._first + plural for plural in plurals) if _RUN.fullmatch(words[0]) else ()
        )
        """Runs of letters and digits, one of which every match in an ASCII text begins with; empty: not known."""

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


class Keywords:
    """Keywords to be found together: a text's words rule nearly all of them out before any is looked for."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._compiled = [keyword(text) for text in texts]
        self._by_head: dict[str, list[int]] = {}
        for place, compiled in enumerate(self._compiled):
            for head in compiled.heads:
                self._by_head.setdefault(head, []).append(place)
        self._heads = frozenset(self._by_head)
        self._always = frozenset(place for place, compiled in enumerate(self._compiled) if not compiled.heads)

    def find(self, text: str) -> dict[int, str]:
        """Position of a keyword -> its first match as it stands in ``text``; in the keywords' order."""
        if not self._compiled:
            return {}
        places: range | list[int] = range(len(self._compiled))
        if text.isascii():  # elsewhere letters fold in ways that runs of ASCII don't show
            among = {place for head in self._heads & _runs(text) for place in self._by_head[head]}
            places = sorted(among | self._always)
        lowered = text.lower() if places else ""
        found = ((place, self._compiled[place].find(text, lowered)) for place in places)
        return {place: match for place, match in found if match is not None}


@lru_cache(maxsize=512)
def keywords(texts: tuple[str, ...]) -> Keywords:
    return Keywords(texts)


@lru_cache(maxsize=256)
def _runs(text: str) -> frozenset[str]:
    """As they stand and lowered; a paper's are asked for by every field."""
    return frozenset(_RUN.findall(text)) | frozenset(_RUN.findall(text.lower()))


def find_all(texts: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Every keyword's match as it stands in ``text``, in the keywords' order, each spelling once."""
    return tuple(dict.fromkeys(keywords(texts).find(text).values()))


def find_in(texts: tuple[str, ...], title: str, abstract: str) -> tuple[str, ...]:
    """``find_all`` in title and abstract, each by itself: no match spans the two. In the keywords' order; where both
    have a match, the title's.
    """
    among = keywords(texts)
    found = among.find(abstract) | among.find(title)
    return tuple(dict.fromkeys(found[place] for place in sorted(found)))
