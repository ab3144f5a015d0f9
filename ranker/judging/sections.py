"""A structured summary from plain lines: our code makes the structure, the model only writes sentences."""

from __future__ import annotations

import re

_NAMES = {
    "tldr": ("速览", "TL;DR", "TLDR"),
    "motivation": ("动机", "Motivation"),
    "method": ("方法", "Method"),
    "result": ("结果", "Result", "Results"),
    "conclusion": ("结论", "Conclusion"),
}
SECTIONS = tuple(_NAMES)
_BY_WORD = {word.lower(): section for section, words in _NAMES.items() for word in words}
_WORDS = "|".join(sorted((re.escape(w) for w in _BY_WORD), key=len, reverse=True))
_LINE = re.compile(rf"(?:^|(?<=[\n。！？.!?]))[\s#>*\-\d.、]*\**【?({_WORDS})】?\**\s*[:：]\s*\**", re.IGNORECASE)


def parse_sections(text: str) -> dict[str, str] | None:
    """Section -> text, all five in order, each once; None where the model wrote anything else."""
    marks = list(_LINE.finditer(text))
    names = [_BY_WORD[m[1].lower()] for m in marks]
    if names != list(SECTIONS) or text[: marks[0].start()].strip():
        return None
    ends = [*(m.start() for m in marks[1:]), len(text)]
    return {n: text[m.end() : end].strip() for n, m, end in zip(names, marks, ends, strict=True)}
