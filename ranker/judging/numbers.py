"""Numbers in a text, as values: so that a reason may say 1.5万 where the abstract says 15,000, but not what it lacks.

Compared are values that a reader would take for facts: digits in any form, and Chinese numerals where they measure
(倍, 百分之, 十 and above). A bare 一 or 两 is grammar as often as it counts, so it is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_SCALES = {
    "k": 3,
    "m": 6,
    "b": 9,
    "t": 12,
    "thousand": 3,
    "million": 6,
    "billion": 9,
    "trillion": 12,
    "千": 3,
    "万": 4,
    "百万": 6,
    "千万": 7,
    "亿": 8,
    "十亿": 9,
    "万亿": 12,
    "百": 2,
}
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_DIGITS = re.compile(
    rf"(?P<value>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:\s?(?P<scale>{_SCALE})(?![a-z]))?",
    re.IGNORECASE,
)
_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9,
    "trillion": 10**12,
    "once": 1, "single": 1, "twice": 2, "double": 2, "doubles": 2, "doubling": 2, "dual": 2, "both": 2, "pair": 2,
    "twofold": 2, "triple": 3, "threefold": 3, "fourfold": 4, "fivefold": 5, "tenfold": 10, "dozen": 12, "first": 1,
    "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6,
}  # fmt: skip
_HALVES = re.compile(r"\b(?:half|halve|halves|halved|halving)\b")
_HAN = "零〇一二两三四五六七八九"
_HAN_VALUES = {**{c: i for i, c in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN_NUMBER = re.compile(
    rf"百分之(?P<percent>[{_HAN}十百点]+)|(?<![数几上近{_HAN}十百千万亿])(?P<times>[{_HAN}十百千]+(?:点[{_HAN}]+)?)(?=倍)"
    rf"|(?<![数几上成{_HAN}十百千万亿])(?P<big>[{_HAN}]?十[{_HAN}]?|[{_HAN}]百[{_HAN}十]*|[{_HAN}]千[{_HAN}百十]*)(?=[个种项类篇名位层步轮次大张条款组])"
)


def _amount(value: str, scale: str | None) -> Decimal:
    number = Decimal(value.replace(",", ""))
    return (number * (Decimal(10) ** _SCALES[scale.lower()]) if scale else number).normalize()


def _han(text: str) -> Decimal:
    """Value of a Chinese numeral under ten thousand: 二十三 -> 23, 一百零五 -> 105, 三点五 -> 3.5."""
    whole, _, part = text.partition("点")
    total = digit = 0
    for char in whole:
        if char in _HAN_UNITS:
            total += (digit or 1) * _HAN_UNITS[char]
            digit = 0
        else:
            digit = digit * 10 + _HAN_VALUES[char]
    value = Decimal(total + digit)
    decimals = "".join(str(_HAN_VALUES[c]) for c in part if c in _HAN_VALUES)
    return (value + Decimal(f"0.{decimals}") if decimals else value).normalize()


def known_values(source: str) -> frozenset[Decimal]:
    """Every value that a text about ``source`` may use: its numbers, as written and scaled, in digits and in words."""
    text = unicodedata.normalize("NFKC", source).lower()
    text = re.sub(r"\\[%$,]|\{|\}|\$", lambda m: m.group()[1:] if m.group()[0] == "\\" else "", text)
    values: set[Decimal] = set()
    for match in _DIGITS.finditer(text):
        values.add(_amount(match["value"], None))
        values.add(_amount(match["value"], match["scale"]))
    for word in re.findall(r"[a-z]+", text):
        if word in _WORDS:
            values.add(Decimal(_WORDS[word]).normalize())
    if _HALVES.search(text):
        values |= {Decimal("0.5"), Decimal(2), Decimal(50)}
    for match in _HAN_NUMBER.finditer(text):
        values.add(_han(next(g for g in match.groups() if g)))
    # A share may be written either way, and thousands spelt out are a product: "two thousand".
    values |= {(v / 100).normalize() for v in list(values)} | {(v * 100).normalize() for v in list(values) if v <= 1}
    for scale in (1000, 10**6, 10**9):
        if Decimal(scale).normalize() in values:
            values |= {(v * scale).normalize() for v in list(values) if v < 1000}
    return frozenset(values)


def unknown_numbers(text: str, source: str) -> tuple[str, ...]:
    """Numbers of ``text`` (as written) whose value ``source`` lacks, in order."""
    known = known_values(source)
    plain = unicodedata.normalize("NFKC", text)
    missing: list[str] = []
    for match in _DIGITS.finditer(plain):
        if _amount(match["value"], match["scale"]) not in known and not (
            match["scale"] and match["scale"].isascii() and _amount(match["value"], None) in known
        ):
            missing.append(match.group().strip())
    for match in _HAN_NUMBER.finditer(plain):
        if _han(next(g for g in match.groups() if g)) not in known:
            missing.append(match.group())
    return tuple(missing)
