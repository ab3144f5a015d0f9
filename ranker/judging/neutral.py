"""Paper text is data: nothing in it can close the fence, open a turn or become a special token.

What a reader sees stays readable: brackets of tags become look-alikes, white space of any kind becomes a space, and
characters that show nothing (zero-width, bidi, control, tag characters) are dropped.
"""

from __future__ import annotations

import re
import unicodedata

NEUTRAL_VERSION = 1
"""Part of every key: raise it when the same paper would be rendered otherwise."""

# Angle brackets in other coats; a tokenizer that normalises with NFKC turns the full-width ones into real ones.
_COATS = str.maketrans({"＜": "<", "﹤": "<", "＞": ">", "﹥": ">", "｜": "|", "［": "[", "］": "]"})
# <paper>, </s>, <|im_start|>, <start_of_turn>, <<SYS>>, <｜User｜>, <!-- -->: whatever a chat template knows.
_TAG = re.compile(r"<+\s*([/|!?]?\s*[^\W\d][^<>]{0,80}?)\s*>+")
_OPENING = re.compile(r"<(?=[^\s=-])|<(?=--)")
# [INST], [/INST], [gMASK], [TOOL_CALLS], [CLS]: tokens in square brackets.
_SQUARE = re.compile(r"\[(/?[A-Za-z][A-Za-z0-9_]{1,30})\]")
_FENCE = re.compile(r"`{3,}|~{3,}")
# What some tokenizers use as their own marks inside special tokens.
_MARKS = re.compile(r"[\u2581\u0120\u010a]")
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800]")


def is_invisible(char: str) -> bool:
    """Whether a character shows nothing and is no white space: zero-width, bidi, control, tag, filler."""
    if char.isspace():
        return False
    return unicodedata.category(char) in _INVISIBLE or _VARIATION.match(char) is not None


def strip_invisible(text: str) -> str:
    """Without invisible characters; every kind of white space is one plain space."""
    if not text.isascii() or any(c < " " or c == "\x7f" for c in text):
        text = "".join(c for c in text if not is_invisible(c))
    return " ".join(text.split())


def neutralise(text: str) -> str:
    """One line of text that can't leave its fence, in whatever template and for whatever tokenizer.

    Idempotent. Maths survives: ``a<b`` becomes ``a< b``, ``[0, 1]`` stays.
    """
    text = _MARKS.sub(" ", strip_invisible(text).translate(_COATS))
    if "<" in text:
        text = _TAG.sub(r"‹\1›", text)
        text = _OPENING.sub("< ", text)
    text = text.replace("|>", "| >")
    if "[" in text:
        text = _SQUARE.sub(r"(\1)", text)
    text = _FENCE.sub("'''", text)
    return " ".join(text.split())
