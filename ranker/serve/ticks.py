"""Ticks as they come over the wire: JSON lines, read whole or refused with the line that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from ranker.digest.site.records import Tick

TickSink = Callable[[Sequence[Tick]], None]
"""Stores ticks durably before it returns; a tick whose ``tick`` is null takes the paper's earlier one back."""
TickSource = Callable[[], Iterable[Tick]]
"""All stored ticks of the profile that the pages belong to, the newest one of each paper."""

MAX_BODY = 8 * 1024 * 1024
"""Bytes of one request: some 30,000 ticks."""


def parse_ticks(body: bytes) -> tuple[Tick, ...]:
    """JSON lines -> ticks.

    Raises:
        ValueError: one line is no tick; says which and why, and none of them is to be stored.
    """
    try:
        lines = body.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason} at byte {error.start}") from error
    ticks = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not a JSON object")
            ticks.append(Tick.from_row(row))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number}: {error}") from error
    return tuple(ticks)


def tick_lines(ticks: Iterable[Tick]) -> bytes:
    return "".join(json.dumps(tick.as_row(), ensure_ascii=False) + "\n" for tick in ticks).encode("utf-8", "replace")
