"""Spans of an abstract that talk to the judge instead of describing a paper. Found by rules, masked before judging.

Each rule is named; a paper about prompt injection may set one off (it is then read without the sentence that quotes
the attack, and flagged), so the rules ask for an instruction, not for a topic.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from ranker.judging.fold import Folded, disguised, fold
from ranker.judging.neutral import is_invisible
from ranker.judging.suspect import RULES
from ranker.sentences import sentence_spans

INJECTION_VERSION = 1
"""Part of every key: raise it when other spans would be found."""


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` of the text as given; ``rule``: what found it."""

    start: int
    end: int
    rule: str


_BLOB = re.compile(r"(?<![\w/:.+=-])[A-Za-z0-9+/]{24,}={0,2}(?![\w/+=-])")
_HEX = re.compile(r"(?<!\w)(?:(?:\\x|0x)?[0-9a-fA-F]{2}[\s,]?){24,}(?!\w)")
_SPACED = re.compile(r"(?:(?<=\s)|^)(?:[A-Za-z][\s.\-_*]{1,3}){10,}[A-Za-z](?!\w)")
_OTHER_SCRIPT = re.compile(r"[\u0400-\u077f\u0900-\u0dff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{3,}")
# What follows a closed fence, a fake turn or the end of a JSON object speaks for the attacker too.
_TO_THE_END = frozenset({"delimiter", "turn", "json"})


def find_spans(text: str, *, title: bool = False) -> tuple[Span, ...]:
    """Suspect spans, widened to whole sentences, merged, in order; empty for an ordinary abstract.

    ``text`` is the raw abstract: invisible characters and look-alike letters are seen through. A ``title`` may say
    "you": many do.
    """
    folded = fold(text)
    found = [*_invisible_runs(text), *_encoded(text), *_other_script(text)]
    for seen in (folded, *disguised(folded)):
        for name, pattern in RULES:
            if title and name == "you":
                continue
            found += [_unfold(seen, m.start(), m.end(), name) for m in pattern.finditer(seen.text) if m.group()]
    found += [Span(m.start(), m.end(), "spaced") for m in _SPACED.finditer(text) if _reads_as_words(m.group())]
    return _merge(_widen(text, found)) if found else ()


def mask(text: str, spans: tuple[Span, ...]) -> str:
    """The text without the spans. They are cut out, not marked: a mark would itself move a small model's answer."""
    kept, at = "", 0
    for start, end in [*((s.start, s.end) for s in spans), (len(text), len(text))]:
        part = text[at:start].strip()
        kept += part if not kept or kept[-1] in "。！？" else f" {part}"
        at = max(at, end)
    return kept.strip()


def rules(spans: tuple[Span, ...]) -> tuple[str, ...]:
    """Names of the rules that fired, each once, sorted."""
    return tuple(sorted({rule for span in spans for rule in span.rule.split("+")}))


def _unfold(folded: Folded, start: int, end: int, rule: str) -> Span:
    return Span(folded.origin[start], folded.origin[end - 1] + 1, rule)


def _invisible_runs(text: str) -> list[Span]:
    """Three or more invisible characters: no abstract needs them, a hidden message does. One alone is a typing slip."""
    if text.isascii():
        return []
    places = [i for i, c in enumerate(text) if is_invisible(c)]
    tags = any("\U000e0000" <= text[i] <= "\U000e007f" for i in places)
    return [Span(i, i + 1, "invisible") for i in places] if len(places) >= 3 or tags else []


def _other_script(text: str) -> list[Span]:
    """A passage in Chinese, Cyrillic, Arabic and so on within an abstract in Latin letters: none of 14,566 has one."""
    if text.isascii():
        return []
    letters = [c for c in text if c.isalpha()]
    if sum(c < "\u0400" for c in letters) < 0.6 * len(letters):
        return []
    return [Span(m.start(), m.end(), "script") for m in _OTHER_SCRIPT.finditer(text)]


def _encoded(text: str) -> list[Span]:
    spans = []
    for blob in _BLOB.finditer(text):
        kinds = sum(any(test(c) for c in blob.group()) for test in (str.isupper, str.islower, str.isdigit))
        if kinds >= 2 and (_decodes(blob.group()) or (kinds == 3 and len(blob.group()) >= 32)):
            spans.append(Span(blob.start(), blob.end(), "encoded"))
    spans += [Span(m.start(), m.end(), "encoded") for m in _HEX.finditer(text) if any(c.isalpha() for c in m.group())]
    return spans


def _decodes(blob: str) -> bool:
    """Whether base64 gives readable text."""
    try:
        raw = base64.b64decode(blob + "=" * (-len(blob) % 4), validate=True)
        plain = raw.decode("utf-8")
    except (binascii.Error, ValueError):
        return False
    return len(plain) >= 12 and sum(c.isprintable() for c in plain) == len(plain)


def _reads_as_words(spaced: str) -> bool:
    """``i g n o r e  a l l`` but not the variables of a formula: mostly lower case, with vowels as words have them."""
    letters = [c for c in spaced if c.isalpha()]
    lower = sum(c.islower() for c in letters)
    return lower > 0.8 * len(letters) and 0.25 < sum(c in "aeiou" for c in letters) / len(letters) < 0.6


def _widen(text: str, found: list[Span]) -> list[Span]:
    """Whole sentences: what stands beside an instruction in its sentence belongs to it."""
    sentences = sentence_spans(text)
    wide = []
    for span in found:
        if span.rule == "invisible":
            wide.append(span)
            continue
        touched = [s for s in sentences if s[0] < span.end and s[1] > span.start]
        start = min([span.start, *(s[0] for s in touched)])
        end = len(text) if span.rule in _TO_THE_END else max([span.end, *(s[1] for s in touched)])
        wide.append(Span(start, end, span.rule))
    return wide


def _merge(spans: list[Span]) -> tuple[Span, ...]:
    """Overlapping spans become one."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if merged and span.start <= merged[-1].end:
            last = merged[-1]
            names = sorted({*last.rule.split("+"), *span.rule.split("+")})
            merged[-1] = Span(last.start, max(last.end, span.end), "+".join(names))
        else:
            merged.append(span)
    return tuple(merged)
