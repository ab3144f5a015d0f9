"""What the classifier sees of a span of an abstract: n-grams in and around it, its sentence, where it stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ranker.sentences import sentence_spans

Span = tuple[int, int]

_TOKEN = re.compile(r"[A-Za-z]+(?:[-'][A-Za-z]+)*|\d+(?:\.\d+)?|[^\sA-Za-z0-9]")
_CUES = (
    ("we", re.compile(r"\b(?:we|our|this (?:paper|work))\b", re.IGNORECASE)),
    ("but", re.compile(r"\b(?:however|but|yet|despite|unfortunately|although|while)\b", re.IGNORECASE)),
    (
        "shown",
        re.compile(r"\b(?:experiments?|results?|outperforms?|achieves?|demonstrates?|shown?|shows|evaluat\w*)\b", re.I),
    ),
)
PLACES = 24


class Abstract:
    """An abstract cut into tokens and sentences once, for the features of any of its spans."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sentences: list[Span] = sentence_spans(text) or [(0, len(text))]
        self._words: list[str] = []
        self._starts: list[int] = []
        for match in _TOKEN.finditer(text):
            word = match[0]
            self._words.append("0" if word[0].isdigit() else word.lower())
            self._starts.append(match.start())
        self._first = [start for start, _ in self.sentences]
        self._cues = [
            (name, next((n for n, (a, b) in enumerate(self.sentences) if cue.search(text, a, b)), None))
            for name, cue in _CUES
        ]

    def sentence_of(self, at: int) -> int:
        """Number of the sentence that holds the character ``at``."""
        return max(bisect_right(self._first, at) - 1, 0)

    def grams(self, span: Span) -> Iterator[tuple[str, Sequence[str]]]:
        """The n-grams that a span has by the family that they belong to, some more than once."""
        start, end = span
        here = self.sentence_of(start)
        first, last = self.sentences[here]
        inside, left, right = self._between(start, end), self._before(start)[-10:], self._between(end, end + 80)[:4]
        sentence, lead = self._between(first, last), self._between(first, start)
        before = self._between(*self.sentences[here - 1])[:4] if here > 0 else None
        after = self._between(*self.sentences[here + 1])[:4] if here + 1 < len(self.sentences) else None
        yield "T:", sentence
        yield "s:", _grams(inside, 2)
        yield "b:", _grams(["<", *inside[:4]], 3)
        yield "l:", _grams(left, 2)
        yield "r:", _grams(right, 2)
        for n in range(1, 1 + min(4, len(left))):
            yield f"L{n}:", [" ".join(left[-n:])]
        yield "S:", _grams(["<", *sentence[:5]], 2)
        yield "p:", _grams(lead, 2)
        yield "lead:", [str(min(len(lead), 6))]
        if before is not None:
            yield "P:", _grams(["<", *before], 2)
        if after is not None:
            yield "N:", _grams(["<", *after], 2)
        for name, at in self._cues:
            yield f"{name}:", ["no" if at is None else "before" if here < at else "at" if here == at else "after"]

    def names(self, span: Span) -> set[str]:
        """Names of the features that a span has: family and gram."""
        return {family + gram for family, grams in self.grams(span) for gram in grams}

    def place(self, span: Span) -> list[float]:
        """Where a span stands: shares of the abstract's characters and sentences, flags; ``PLACES`` numbers."""
        start, end = span
        size, count = max(len(self.text), 1), len(self.sentences)
        here = self.sentence_of(start)
        from_, to = min(start, size) / size, min(end, size) / size
        place = [from_, to, from_ * from_, to * to, (end - start) / 300, here / 5, count / 8, here / max(count - 1, 1)]
        place += [here == 0, here == 1, here == 2, here >= count - 1, here == count - 2]
        place += [abs(from_ - n / 10) < 0.1 for n in range(11)]
        return [3.0 * float(number) for number in place]  # the scale at which the regularisation suits them

    def _between(self, start: int, end: int) -> list[str]:
        return self._words[bisect_right(self._starts, start - 1) : bisect_right(self._starts, end - 1)]

    def _before(self, end: int) -> list[str]:
        to = bisect_right(self._starts, end - 1)
        return self._words[max(0, to - 10) : to]


def _grams(words: Sequence[str], longest: int) -> list[str]:
    grams = list(words)
    for size in range(2, longest + 1):
        grams += map(" ".join, zip(*(words[at:] for at in range(size)), strict=False))
    return grams


def places(abstract: Abstract, spans: Sequence[Span]) -> NDArray[np.float32]:
    """``place`` of every span, shape (n, PLACES) float32."""
    return np.array([abstract.place(span) for span in spans], dtype=np.float32).reshape(len(spans), PLACES)
