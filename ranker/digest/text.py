"""Papers' words made harmless for Markdown: readers see the same text, and it starts no block, link or tag.

``clean`` decides what a reader may see at all (no control, bidirectional or invisible characters, one line);
``escape`` adds the fewest CommonMark escapes that keep the rendered text equal to the cleaned one; ``unescape``
is its inverse. The reference for "what a reader sees" is CommonMark 0.31 with GitHub's extensions.
"""

from __future__ import annotations

import re
import unicodedata

_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ODD = re.compile(r"[^\x20-\x7e]")
_SPACES = re.compile(r"\s+")
_JOINERS = frozenset("\u200c\u200d")


def clean(text: str) -> str:
    """``text`` on one line, without what is invisible or reorders: what every form of the digest shows.

    White space runs become one space; control and format characters (bidirectional overrides, zero-width,
    tags) and non-characters go; lone surrogates become U+FFFD. The joiners U+200C/D stay between two visible
    characters beyond ASCII, where scripts and emoji need them.
    """
    return _SPACES.sub(" ", _ODD.sub(_cleaned, text)).strip()


def _cleaned(match: re.Match[str]) -> str:
    char = match.group()
    category = unicodedata.category(char)
    if char in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85" or category[0] == "Z":
        return " "
    if category == "Cs":
        return "\ufffd"
    if category == "Cf" and char in _JOINERS:
        text, here = match.string, match.start()
        return char if _visible(text[here - 1 : here]) and _visible(text[here + 1 : here + 2]) else ""
    if category in ("Cc", "Cf") or (category == "Cn" and _noncharacter(ord(char))):
        return ""
    return char


def _visible(char: str) -> bool:
    return char > "\x7f" and unicodedata.category(char)[0] in "LMS"


def _noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


_SPECIAL = re.compile(
    r"""
    (?P<backslash>\\(?=[!-/:-@\[-`{-~]|$))          # would escape what follows, or our own closing mark
  | (?P<entity>&(?=\#[0-9]{1,7};|\#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]*;))
  | (?P<tag><(?=[A-Za-z/!?]))
  | (?P<link>\](?=[(\[:]))
  | (?P<scheme>(?<=[A-Za-z]):(?=//))                # GitHub would make a link of a bare address
  | (?P<host>(?<=[Ww]{3})\.)
  | (?P<closing>(?:(?<=^)|(?<=\ ))\#(?=\#*$))       # a heading drops its closing #s
    """,
    re.VERBOSE,
)


def escape(text: str, *, brackets: bool = False, stars: bool = False) -> str:
    """``clean(text)`` for the inside of a Markdown line, after a space, ``[`` or ``*`` of ours.

    Args:
        text: a paper's or a model's words.
        brackets: escape every bracket (inside a link's text).
        stars: escape every ``*`` (inside an emphasis of ours).
    """
    text = clean(text)
    marks = {match.start(): "&amp;" if match["entity"] else "&lt;" if match["tag"] else "\\" + match.group()
             for match in _SPECIAL.finditer(text)}  # fmt: skip
    for at in _delimiters(text):
        marks.setdefault(at, "\\" + text[at])
    always = ("[]" if brackets else "") + ("*" if stars else "")
    if text.count("`") > 1:
        always += "`"
    if text.count("~") > 1:
        always += "~"
    if always:
        marks.update((at, "\\" + char) for at, char in enumerate(text) if char in always)
    if not marks:
        return text
    return "".join(marks.get(at, char) for at, char in enumerate(text))


_RUN = re.compile(r"\*+|_+")


def _delimiters(text: str) -> list[int]:
    """Positions of the ``*`` and ``_`` that could open an emphasis which a later run could close.

    CommonMark's flanking rules, once with and once without symbols among the punctuation (0.31 and 0.30):
    whichever a renderer follows, no opener with a closer after it stays.
    """
    runs = list(_RUN.finditer(text))
    closed = {"*": False, "_": False}
    found: list[int] = []
    for run in reversed(runs):
        char = run.group()[0]
        opens, closes = _flanks(text, run, char)
        if opens and closed[char]:
            found.extend(range(run.start(), run.end()))
        closed[char] = closed[char] or closes
    return found


def _flanks(text: str, run: re.Match[str], char: str) -> tuple[bool, bool]:
    before = text[run.start() - 1] if run.start() else " "
    after = text[run.end()] if run.end() < len(text) else " "
    opens = closes = False
    for symbols in (False, True):
        punct_before, punct_after = _punctuation(before, symbols), _punctuation(after, symbols)
        left = after != " " and (not punct_after or before == " " or punct_before)
        right = before != " " and (not punct_before or after == " " or punct_after)
        if char == "_":
            opens |= left and (not right or punct_before)
            closes |= right and (not left or punct_after)
        else:
            opens |= left
            closes |= right
    return opens, closes


def _punctuation(char: str, symbols: bool) -> bool:
    return char in _PUNCTUATION or unicodedata.category(char)[0] in ("PS" if symbols else "P")


_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&(amp|lt);")


def unescape(text: str) -> str:
    """Inverse of ``escape``: ``unescape(escape(text)) == clean(text)``."""
    return _ESCAPED.sub(lambda match: match[1] or {"amp": "&", "lt": "<"}[match[2]], text)


class Slugs:
    """Heading anchors as GitHub computes them, ``-1``, ``-2`` for repeated ones; ask in the document's order."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, heading: str) -> str:
        """Anchor (without ``#``) of a heading's text as rendered."""
        base = "".join(char for char in clean(heading).lower() if _in_anchor(char)).replace(" ", "-")
        slug = base
        while slug in self._seen:
            self._seen[base] += 1
            slug = f"{base}-{self._seen[base]}"
        self._seen[slug] = 0
        return slug


def _in_anchor(char: str) -> bool:
    category = unicodedata.category(char)
    return char in " -" or category[0] in "LM" or category in ("Nd", "Nl", "Pc")
