"""A paper's words as safe HTML: formulas, a few LaTeX text commands, and highlighted roles."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from markupsafe import Markup

from ranker.digest.site.maths import FORMULA, render
from ranker.digest.site.records import ROLES, Role, Span
from ranker.digest.text import clean

_COMMAND = re.compile(
    r"\\(?P<name>textbf|textit|emph|texttt|textsc|textsf|textrm|underline|uline|text)\{(?P<inner>[^{}\\$]{0,500})\}"
    r"|\\href\{(?P<target>[^{}\s]{1,500})\}\{(?P<label>[^{}\\$]{0,500})\}"
    r"|\\url\{(?P<url>[^{}\s]{1,500})\}"
)
_ELEMENT = {"textbf": "strong", "textit": "em", "emph": "em", "texttt": "code"}
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

_LONGEST = 20_000

Piece = tuple[int, int, Markup | None]
"""Characters [start, end) of a text and their HTML; None: plain characters, which may be cut anywhere."""


def rich_text(text: str, spans: Sequence[Span] = (), labels: Mapping[str, str] = MappingProxyType({})) -> Markup:
    """``text`` as HTML. ``spans`` (start, end, role) are marked; overlapping ones: the earlier start wins.

    ``labels``: what each role is called, shown before its mark, so that colour is not all that tells them apart.
    """
    marks = _disjoint(text, spans)
    html = []
    for start, end, piece in _pieces(text):
        for begin, stop, role in _cut(start, end, marks, whole=piece is not None):
            inner = plain(text[begin:stop]) if piece is None else piece
            html.append(inner if role is None else _mark(role, inner, labels))
    return _join_parts(Markup("").join(html))


def _mark(role: Role, inner: Markup, labels: Mapping[str, str]) -> Markup:
    return Markup('<mark class="{}" data-role="{}">{}</mark>').format(role, labels.get(role, role), inner)


def plain(text: str) -> Markup:
    """Escaped text without control and reordering characters; spaces at its ends are kept (as one)."""
    return Markup("{}").format(clean(f"|{text}|")[1:-1])


def changed_text(old: str, new: str) -> Markup:
    """``new`` with what it inserted and deleted against ``old``, word by word (``<ins>``, ``<del>``)."""
    before, after = _WORD.findall(clean(old)), _WORD.findall(clean(new))
    if len(before) * len(after) > 4_000_000:  # hostile lengths: the comparison is quadratic
        return Markup("<del>{}</del> <ins>{}</ins>").format(plain(old), plain(new))
    html = []
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        removed, added = "".join(before[i1:i2]), "".join(after[j1:j2])
        if kind == "equal":
            html.append(Markup("{}").format(added))
            continue
        html.append(Markup("<del>{}</del>").format(removed) if removed else Markup(""))
        html.append(Markup("<ins>{}</ins>").format(added) if added else Markup(""))
    return Markup("").join(html)


def _disjoint(text: str, spans: Sequence[Span]) -> list[Span]:
    kept: list[Span] = []
    for start, end, role in sorted(spans):
        start = max(start, kept[-1][1] if kept else 0)
        end = min(end, len(text))
        if start < end and role in ROLES:
            kept.append((start, end, role))
    return kept


def _pieces(text: str) -> Iterator[Piece]:
    at = 0
    if len(text) > _LONGEST:  # hostile lengths: looking for a formula's end costs up to 2,000 steps a character
        yield 0, len(text), None
        return
    for match in FORMULA.finditer(text):
        yield from _commands(text, at, match.start())
        source = next(group for group in match.groups() if group is not None)
        display = match["display"] is not None or match["bracket"] is not None
        yield match.start(), match.end(), render(clean(source), display=display)
        at = match.end()
    yield from _commands(text, at, len(text))


def _commands(text: str, start: int, end: int) -> Iterator[Piece]:
    at = start
    for match in _COMMAND.finditer(text, start, end):
        if at < match.start():
            yield at, match.start(), None
        yield match.start(), match.end(), _command(match)
        at = match.end()
    if at < end:
        yield at, end, None


def _command(match: re.Match[str]) -> Markup:
    if match["name"]:
        inner, element = plain(match["inner"]), _ELEMENT.get(match["name"])
        return Markup("<{0}>{1}</{0}>").format(Markup(element), inner) if element else inner
    address = clean(match["url"] or match["target"])
    label = plain(match["label"] or address)
    if not _is_web(address):
        return label
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(address, label)


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and "@" not in parts.netloc


def _cut(start: int, end: int, marks: Sequence[Span], *, whole: bool) -> Iterator[tuple[int, int, Role | None]]:
    """[start, end) in parts that lie inside or outside a mark; a ``whole`` piece follows its first character."""
    at = start
    for begin, stop, role in marks:
        if stop <= at or begin >= end:
            continue
        if whole:
            if begin <= start:
                yield start, end, role
                return
            continue
        if at < begin:
            yield at, begin, None
            at = begin
        yield at, min(stop, end), role
        at = min(stop, end)
    if at < end:
        yield at, end, None


_MARK = re.compile(r'(?P<joint></mark>)?<mark class="(?P<role>\w+)" data-role="[^"<>]*">')


def _join_parts(html: Markup) -> Markup:
    """Neighbouring parts of one role as one ``<mark>``: its label is shown once, whatever formulas are inside."""
    parts: list[str] = []
    last, role = 0, None
    for match in _MARK.finditer(html):
        parts.append(html[last : match.start()])
        if not (match["joint"] and match["role"] == role):
            parts.append(match.group())
        role, last = match["role"], match.end()
    parts.append(html[last:])
    return Markup("".join(parts))
