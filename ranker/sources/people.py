"""Authors as one string -> names and affiliations. Brackets can hold commas, so nothing inside them is split."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv)\.?", re.IGNORECASE)
_MARKER = re.compile(r"\(\s*[\d*†‡§a-z]{1,3}\s*\)|[\d*†‡§]", re.IGNORECASE)
_ONLY_MARKS = re.compile(r"[\s\d,;*†‡§&]*(?:and[\s\d,*†‡§]*)*")
_OPEN, _CLOSE = "([{", ")]}"
_COMMAS = re.compile(r"[\[({})\]]|,|:(?=\s)|\s(?:and|&)(?=\s)")
_SEMICOLONS = re.compile(r"[\[({})\]]|;")


def split_authors(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, affiliations), each in order, affiliations once each.

    Understands ``A. B., C. D. and E. F.``, ``Name (Affil, City)``, ``Name (1), Name (2) ((1) Affil, (2) Affil)``,
    ``Last, First; Last, First`` and ``The X Collaboration: A. B., ...``.
    """
    parts = _split(text, _SEMICOLONS)
    flipped = len(parts) > 1
    if not flipped:
        parts = _split(text, _COMMAS)
    names: list[str] = []
    affiliations: list[str] = []
    for part in parts:
        name, brackets = _without_brackets(part)
        affiliations += [a for b in brackets for a in _affiliations(b)]
        if flipped and name.count(",") == 1:
            last, first = name.split(",")
            name = f"{first.strip()} {last.strip()}"
        name = name.strip(" ,")
        if names and _SUFFIX.fullmatch(name):
            names[-1] = f"{names[-1]} {name}"
        elif name:
            names.append(name)
    return tuple(names), unique(affiliations)


def name_of(last: str, first: str = "", suffix: str = "") -> str:
    """``First Last Suffix`` from parts, blanks left out."""
    return " ".join(" ".join((first, last, suffix)).split())


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Without repeats and blanks, in order."""
    return tuple(dict.fromkeys(t for t in texts if t))


def _split(text: str, separators: re.Pattern[str]) -> list[str]:
    """Split where ``separators`` match, outside brackets only; blanks are collapsed, empty parts dropped."""
    parts: list[str] = []
    depth = start = 0
    for match in separators.finditer(text):
        token = match.group()
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth = max(0, depth - 1)
        elif depth == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    parts.append(text[start:])
    return [p for p in (" ".join(q.split()) for q in parts) if p and p != "and"]


def _without_brackets(part: str) -> tuple[str, list[str]]:
    """The name and the content of its round brackets; other brackets stay (LaTeX braces belong to names)."""
    if "(" not in part:
        return part.removeprefix("and ").removeprefix("& "), []
    name: list[str] = []
    held: list[str] = []
    inside: list[str] = []
    depth = 0
    for letter in part:
        if letter == "(":
            depth += 1
            if depth == 1:
                continue
        if letter == ")" and depth:
            depth -= 1
            if depth == 0:
                held.append("".join(inside))
                inside.clear()
                continue
        (inside if depth else name).append(letter)
    if depth:
        held.append("".join(inside))
    text = " ".join("".join(name).split())
    return text.removeprefix("and ").removeprefix("& "), held


def _affiliations(bracket: str) -> list[str]:
    """``(1) Univ A, (2) Univ B`` -> both; ``1 and 2`` and ``†`` are only marks; else the text as it is."""
    if _ONLY_MARKS.fullmatch(bracket):
        return []
    if bracket.lstrip().startswith("("):
        return [p.strip(" ,;") for p in _MARKER.split(bracket) if p.strip(" ,;")]
    return [" ".join(bracket.split())]
