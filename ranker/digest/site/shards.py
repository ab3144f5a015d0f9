"""The search index: one JavaScript file a month, loaded by the search page when it is asked something.

A shard holds columns of text (ids, titles, reasons, ...), deflated and in base64, and the page looks for the words
in them as they stand: parts of words are found, and Chinese needs no segmentation. So that all of it stays under a
budget, the newest months hold every paper, older ones the recommended, the oldest of these without their reasons.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ranker.digest.site.records import DaySummary, Entry
from ranker.digest.text import clean
from ranker.types import OUTCOMES

BUDGET = 15_000_000
"""Bytes of all shards together. Estimates are made on the summaries and kept 8% below."""
_SEPARATOR = "\x1e"
_BASE64 = 4 / 3 * 1.08

Kind = Literal["full", "picks", "titles"]
"""All papers; recommended ones with their reasons; recommended ones' titles."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A month of the index: ``YYYY-MM``, its days (newest first), and how much of them it holds."""

    month: str
    kind: Kind
    days: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"search/{self.month}-{self.kind}.js"


def plan_shards(history: Iterable[DaySummary], budget: int = BUDGET) -> tuple[Shard, ...]:
    """How much each month holds, newest first: all of it as long as every older pick's title still finds room."""
    months: dict[str, list[DaySummary]] = {}
    for summary in sorted(history, key=lambda summary: summary.day, reverse=True):
        months.setdefault(summary.day[:7], []).append(summary)
    left = budget - sum(_size(days, 0) for days in months.values())
    kind: Kind = "full"
    shards = []
    for month, days in months.items():
        reasons, others = _size(days, 1), _size(days, 2)
        # Never more than a newer month: what can be found doesn't come and go with the size of a month
        if kind == "full" and left < reasons + others:
            kind = "picks"
        if kind == "picks" and left < reasons:
            kind = "titles"
        left -= {"full": reasons + others, "picks": reasons, "titles": 0}[kind]
        shards.append(Shard(month, kind, tuple(summary.day for summary in days)))
    return tuple(shards)


def _size(days: Iterable[DaySummary], part: int) -> int:
    return round(sum(summary.index_bytes[part] for summary in days) * _BASE64)


def render_shard(shard: Shard, days: Iterable[tuple[str, Sequence[Entry]]]) -> bytes:
    """The file of a shard, from (day, its entries)."""
    rows = [
        (day, entry)
        for day, entries in days
        for entry in entries
        if shard.kind == "full" or entry.outcome == "recommended"
    ]
    fields = sorted({entry.field for _, entry in rows if entry.field is not None})
    places = {name: str(place) for place, name in enumerate(fields)}
    header = {"month": shard.month, "fields": [clean(name) for name in fields], "outcomes": OUTCOMES}
    columns = [
        [clean(entry.arxiv_id) + (f"v{entry.version}" if entry.version else "") for _, entry in rows],
        [day[8:10] for day, _ in rows],
        [places.get(entry.field or "", "") for _, entry in rows],
        ["" if entry.score is None else f"{entry.score:.1f}" for _, entry in rows],
        [str(OUTCOMES.index(entry.outcome)) for _, entry in rows],
        [clean(entry.title) for _, entry in rows],
        ["" if shard.kind == "titles" else clean(entry.reason) for _, entry in rows],
    ]
    text = _SEPARATOR.join([json.dumps(header, ensure_ascii=False), *("\n".join(column) for column in columns)])
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    packed = squeeze.compress(text.encode("utf-8", "replace")) + squeeze.flush()
    return f'rankerShard("{shard.path}","{base64.b64encode(packed).decode()}");\n'.encode()
