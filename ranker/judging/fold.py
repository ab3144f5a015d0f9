"""A text as a rule should see it: look-alike letters and full-width forms as plain ones, invisible characters gone."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ranker.judging.neutral import is_invisible

# Letters of other scripts that look like Latin ones (after lower-casing), from Unicode's confusables.txt.
_LOOK_ALIKE = dict(
    zip(
        "абвгеёзікмнорстухѕјԛԝһӏցοανερτικυχωϲıɡ",
        "a6bree3ikmhopctyxsjqwhlgoaveptikuxwcig",
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Folded:
    """``text`` in lower case; ``origin[i]``: where its i-th character stood in the original."""

    text: str
    origin: tuple[int, ...]


def fold(text: str) -> Folded:
    """One character for one, except that invisible ones disappear: places map back."""
    if text.isascii():
        return Folded(text.lower(), tuple(range(len(text))))
    letters: list[str] = []
    origin: list[int] = []
    for i, char in enumerate(text):
        if is_invisible(char):
            continue
        plain = unicodedata.normalize("NFKC", char)
        plain = plain if len(plain) == 1 else char
        # Letters of the mathematical alphabets and circled ones are plain by now; accents fall off.
        base = unicodedata.normalize("NFD", plain)[0] if plain.isalpha() and plain < "\u2e80" else plain
        lower = base.lower() if len(base.lower()) == 1 else base
        letters.append(_LOOK_ALIKE.get(lower, lower))
        origin.append(i)
    return Folded("".join(letters), tuple(origin))


_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*[013457])[a-z0-9]{4,}\b")
_DIGIT_LETTERS = str.maketrans("013457", "oieast")


_BROKEN = re.compile(r"\b[a-z]{2,4}-[a-z]{2,5}\b")


def disguised(folded: Folded) -> tuple[Folded, ...]:
    """Other readings of a text that looks disguised: ``1gn0re`` as letters, ``ig-nore`` in one piece; else nothing."""
    found = []
    if len(_MIXED.findall(folded.text)) >= 2:
        letters = _MIXED.sub(lambda m: m.group().translate(_DIGIT_LETTERS), folded.text)
        found.append(Folded(letters, folded.origin))
    if len(_BROKEN.findall(folded.text)) >= 3:
        hyphens = {m.start() + m.group().index("-") for m in _BROKEN.finditer(folded.text)}
        kept = [i for i in range(len(folded.text)) if i not in hyphens]
        found.append(Folded("".join(folded.text[i] for i in kept), tuple(folded.origin[i] for i in kept)))
    return tuple(found)
