"""Text of papers: what is embedded, hashed, shown and quoted. Pure functions; maths is never touched.

Maths is ``$...$``, ``$$...$$``, ``\\(...\\)`` and ``\\[...\\]``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Any

# Each branch begins with its own character: a lookbehind in front costs six times as much.
_MATHS = re.compile(r"\$(?<!\\\$)(?:\$.+?(?<!\\)\$\$|[^$]+?(?<!\\)\$)|\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)
_MARK = r"""\\["'`^~=.]\s?"""
_LETTER_MARK = r"\\[uvHcdbkr](?=\s*\{|\s+[A-Za-z]\b|\s+\\[ij]\b)\s*"
_BASE = r"(?:\{\s*(?:[A-Za-z]|\\[ij](?![A-Za-z]))\s*\}|[A-Za-z]|\\[ij](?![A-Za-z])(?:\{\}|\s)?)"
_SPECIAL = r"\\(?:ss|o|O|l|L|ae|AE|oe|OE|aa|AA|i|j|dh|DH|th|TH|dj|DJ|ng|NG)(?![A-Za-z])(?:\{\}|\s(?=[A-Za-z]))?"
_ACCENT = re.compile(
    rf"\{{\s*(?:(?:{_MARK}|{_LETTER_MARK}){_BASE}|{_SPECIAL})\s*\}}|(?:{_MARK}|{_LETTER_MARK}){_BASE}|{_SPECIAL}"
)
# NUL and the C0 controls that are no white space, and DEL: never part of a paper, dangerous in a terminal.
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")
# C1 controls stand in old records where an encoding went wrong: they stand for nothing, so they become a space.
_BLANK = re.compile(r"[\x80-\x84\x86-\x9f]")


def collapse(text: str) -> str:
    """White space runs (line breaks, no-break spaces and C1 controls included) become one space; ends are stripped."""
    if not text.isascii():
        text = _BLANK.sub(" ", text)
    return " ".join(text.split())


def display_title(text: str) -> str:
    """The title as the authors wrote it, with white space collapsed and nothing else."""
    return collapse(text)


def accents_to_unicode(text: str) -> str:
    """LaTeX accents outside maths become letters (``{\\"o}`` -> ö); everything else stays, character for character."""
    if "\\" not in text:
        return text
    parts: list[str] = []
    at = 0
    for maths in _MATHS.finditer(text):
        parts += (_ACCENT.sub(_accent, text[at : maths.start()]), maths.group())
        at = maths.end()
    parts.append(_ACCENT.sub(_accent, text[at:]))
    return "".join(parts)


def normalise_text(text: str) -> str:
    """Text for matching, embedding and hashing: accents as letters, white space collapsed, NFC outside maths."""
    text = accents_to_unicode(collapse(text))
    if unicodedata.is_normalized("NFC", text):
        return text
    parts: list[str] = []
    at = 0
    for maths in _MATHS.finditer(text):
        parts += (unicodedata.normalize("NFC", text[at : maths.start()]), maths.group())
        at = maths.end()
    return "".join((*parts, unicodedata.normalize("NFC", text[at:])))


def forbidden_character(text: str) -> str | None:
    """Name (``U+0000``) of the first NUL, control character or lone surrogate in a text; None where there is none."""
    found = _FORBIDDEN.search(text)
    return f"U+{ord(found.group()):04X}" if found else None


def document_text(title: str, abstract: str) -> str:
    """What is embedded: title, full stop, abstract; the title alone where the abstract is blank."""
    title, abstract = normalise_text(title), normalise_text(abstract)
    return f"{title}. {abstract}" if abstract else title


def text_hash(title: str, abstract: str) -> str:
    """sha256 (64 hex digits) of the UTF-8 bytes of ``document_text``: equal texts, equal hash."""
    return hashlib.sha256(document_text(title, abstract).encode("utf-8")).hexdigest()


def maths_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every maths span, delimiters included, in order."""
    return [m.span() for m in _MATHS.finditer(text)]


def _accent(match: re.Match[str]) -> str:
    return _letter(match.group())


@lru_cache(maxsize=4096)
def _letter(written: str) -> str:
    letter = unicodedata.normalize("NFC", _converter().latex_to_text(written).strip())
    # Anything but one or two letters was no accent after all (or one that has no character of its own): keep it.
    return letter if 1 <= len(letter) <= 2 and letter.isalpha() and not letter.isascii() else written


@lru_cache(maxsize=1)
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text()
