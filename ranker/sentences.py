"""Sentences of an abstract as spans, so that a quotation is the abstract's own characters."""

from __future__ import annotations

import re

from ranker.text import maths_spans

# After these a full stop does not end a sentence.
_NEVER_WORDS = (
    "e.g i.e cf vs viz al fig figs eq eqs eqn sec secs tab thm def prop lem ref refs resp approx ca no nos vol "
    "pp dr mr mrs ms prof st w.r.t a.k.a s.t i.i.d ph.d incl esp max min app alg chap ch ed eds"
)
_NEVER = frozenset(_NEVER_WORDS.split())
# These can end one: only a word that commonly begins a sentence tells.
_MAYBE_WORDS = "etc inc ltd co corp u.s u.k d.c a.m p.m jr sr"
_MAYBE = frozenset(_MAYBE_WORDS.split())
_STARTERS_WORDS = (
    "a an the this that these those we our it its they in on for to at by as from with under given here "
    "however moreover furthermore additionally finally first second third while although though when where "
    "since because if using experiments extensive results code specifically thus therefore hence yet but and "
    "instead unlike despite beyond across both each such existing recent prior current"
)
_STARTERS = frozenset(_STARTERS_WORDS.split())
_END = re.compile(r"""[.!?]+["'”’)\]}]*(?=\s)|[。！？]+[”’）】」』]*""")
_WORD_BEFORE = re.compile(r"[\w.]+\Z")
_LONGEST = 30
_OPENERS = "\"'“‘([{`"


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every sentence in order: ``text[start:end]`` has no white space at its ends.

    Nothing is lost but white space between sentences. No split inside maths, at decimals, abbreviations or initials.
    """
    spans: list[tuple[int, int]] = []
    start = _skip_space(text, 0)
    maths = maths_spans(text)
    for end in _END.finditer(text):
        stop, after = end.end(), _skip_space(text, end.end())
        if any(a <= end.start() < b for a, b in maths) or after >= len(text):
            continue
        if _ends_sentence(text, start, end, after):
            spans.append((start, stop))
            start = after
    tail = len(text.rstrip())
    if start < tail:
        spans.append((start, tail))
    return spans


def sentences(text: str) -> list[str]:
    """The sentences themselves, each a verbatim substring of ``text``."""
    return [text[a:b] for a, b in sentence_spans(text)]


def _ends_sentence(text: str, start: int, end: re.Match[str], after: int) -> bool:
    mark = end.group()
    if mark[0] in "。！？":
        return True
    following = text[after : after + 80].lstrip(_OPENERS)[:40]
    if not following or following[0].islower():
        return False
    if mark[0] != "." or mark.startswith(".."):
        return True
    # From close by: the expression would try every place of a long sentence, and no word asked for is longer
    found = _WORD_BEFORE.search(text, max(start, end.start() - _LONGEST), end.start())
    word = found.group() if found else ""
    if word.lower() in _NEVER:
        return False
    first = re.split(r"[^\w]", following, maxsplit=1)[0].lower()
    if word.lower() in _MAYBE or (len(word) == 1 and word.isupper()) or re.fullmatch(r"(?:[A-Z]\.)+[A-Z]", word):
        return first in _STARTERS
    return True


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
