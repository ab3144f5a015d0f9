"""A text as a rule should see it: look-alike letters and full-width forms as plain ones, invisible characters gone."""

from __future__ import annotations

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
