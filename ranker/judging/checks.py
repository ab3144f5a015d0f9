"""Checks on written texts, each with a name. A text that fails one is written once more, then given up visibly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ranker.judging.numbers import unknown_numbers
from ranker.judging.template import Template

CHECKS_VERSION = 1
"""Part of the texts' key: raise it when a check becomes stricter."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’]*")
_THINKING = re.compile(r"<\s*(think|thinking|thought|reasoning)\s*>.*?<\s*/\s*\1\s*>", re.DOTALL | re.IGNORECASE)
_THINK_TAG = re.compile(r"<\s*/?\s*(?:think|thinking|thought|reasoning)\b|◁/?think▷", re.IGNORECASE)
_PREFIX = re.compile(
    r"^\W*(?:推荐理由|理由|简介|中文简介|摘要简介|总结|reason|brief|summary)\s*[:：]\s*", re.IGNORECASE
)
_LEAK = re.compile(
    r"\b(?:score|field|reason|rating|relevance|label|title|abstract)\s*[:：]|(?:评分|得分|打分|分数|相关度|相关性|标签|方向|标题|摘要|"
    r"论文标题)\s*[:：]"
    r"|\d(?:\.\d+)?\s*/\s*10\b|(?:^|[^\dA-Za-z])(?:10|\d)\s*分(?![钟布类之支割辨析解别为子数段块])|</?paper\b|<\|?[a-z_/]+\|?>|```|"
    r"\*\*|^\s*#{1,6}\s|^\s*[-*•]\s"
    r"|^\s*[\[{]|[\"“][a-z_]+[\"”]\s*[:：]|\[/?INST\]|<\|",
    re.IGNORECASE | re.MULTILINE,
)
_REFUSAL = re.compile(
    r"^\W*(?:(?:非常|很)?(?:抱歉|对不起|遗憾|不好意思)|我(?:无法|不能|没有办法|不确定)|作为(?:一个|一名|一款)?(?:ai|人工智能|语言模型|大模型|助手)"
    r"|好的|当然|以下是|这里是|i(?:'m| am) sorry|sorry|i (?:can ?not|can't|am unable|do not)|as an? (?:ai|language)|"
    r"unfortunately|sure|certainly|here (?:is|are)|okay)"
    r"|无法(?:提供|回答|完成|满足)(?:您|你|该|这)|(?:您|你)(?:提供的|的(?:问题|请求|要求))",
    re.IGNORECASE,
)
# White space that a line break left inside Chinese.
_LOOSE_SPACE = re.compile(
    r"(?<=[，。；：！？、])\s+|\s+(?=[，。；：！？、])|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])"
)
_DANGLING = re.compile(r"(?:并且|而且|以及|从而|因此|通过|或者|但是|[和与及或的在把将对被由并而])$")
_ENDS = "。！？.!?”’\"')）】》」…"
_PAIRS = (("（", "）"), ("(", ")"), ("“", "”"), ("《", "》"), ("「", "」"), ("[", "]"))
_MIN_CHINESE = 0.5
_COPY = 0.8


@dataclass(frozen=True, slots=True)
class Written:
    """A text as a model gave it. ``source``: title and abstract that it may draw on; ``finish``: stop or length."""

    text: str
    finish: str
    source: str


def tidy_lines(text: str) -> str:
    """Without a closed ``<think>`` block, blank lines and quotes around the whole; line breaks stay."""
    lines = [line.strip() for line in _THINKING.sub("", text).strip().strip('"“”').splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("```"))


def tidy(text: str) -> str:
    """Without what is no part of the text: a closed ``<think>`` block, a heading, wrapping quotes, line breaks."""
    text = _THINKING.sub("", text).strip()
    text = _PREFIX.sub("", text)
    for opening, closing in (('"', '"'), ("“", "”"), ("「", "」")):
        inner = text[1:-1]
        if len(text) > 2 and text[0] == opening and text[-1] == closing and not {opening, closing} & set(inner):
            text = inner
    return _LOOSE_SPACE.sub("", " ".join(text.split()))


def whole_sentences(text: str) -> str:
    """A cut-off text up to its last full sentence; empty where there is none."""
    ends = [m.end() for m in re.finditer(r"[。！？]|[.!?](?=\s|$)", text)]
    return text[: ends[-1]] if ends else ""


def length(text: str, language: str) -> int:
    """Chinese: characters, where a Latin term or a number counts as one; English: words."""
    if language == "en":
        return len(text.split())
    units = re.findall(r"[A-Za-z0-9][A-Za-z0-9.\-+/%]*|[^\sA-Za-z0-9]", text)
    return len(units)


def chinese_share(text: str) -> float:
    """Share of Han characters among Han characters and Latin words (a term counts once, however long); 0 if neither."""
    han, latin = len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))
    return han / (han + latin) if han + latin else 0.0


def failed_checks(written: Written, template: Template, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the checks that a tidied text fails, in a fixed order; empty where it may be shown.

    ``others``: texts of the same kind about other papers.
    """
    text = written.text
    if not text:
        return ("empty",)
    size = length(text, template.language)
    found = {
        "thinking": _THINK_TAG.search(text) is not None,
        "refusal": _REFUSAL.search(text) is not None,
        "leak": _LEAK.search(text) is not None,
        "chinese_share": template.language == "zh" and chinese_share(text) < _MIN_CHINESE,
        "length": not template.min_length <= size <= template.max_length,
        "cut_off": written.finish == "length" or _is_cut(text),
        "number": bool(unknown_numbers(text, written.source)),
        "copy": is_copy(text, others),
    }
    return tuple(name for name, failed in found.items() if failed)


def is_copy(text: str, others: Sequence[str]) -> bool:
    """Whether a text shares 80% of its character 4-grams with a text about another paper."""
    grams = _grams(text)
    return any(grams and len(grams & g) >= _COPY * min(len(grams), len(g)) for o in others if (g := _grams(o)))


def _grams(text: str) -> frozenset[str]:
    plain = re.sub(r"[\W_]+", "", text.lower())
    return frozenset(plain[i : i + 4] for i in range(len(plain) - 3))


def _is_cut(text: str) -> bool:
    """No sentence end where other sentences have one, a dangling comma, or a bracket that never closes."""
    if any(text.count(a) > text.count(b) for a, b in _PAIRS):
        return True
    if text[-1] in "，、；：,;:（(“《-—" or _DANGLING.search(text):
        return True
    return text[-1] not in _ENDS and any(end in text for end in "。！？")
