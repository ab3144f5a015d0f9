"""Every stored paper in order, page by page: no cursor stays open, so what is written meanwhile can be folded in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ranker.store import codec
from ranker.types import Paper

DAY = "coalesce(day, published, substr(first_seen, 1, 10))"  # word for word as in the index
_KEYS_AT_ONCE = 400  # two variables each, under SQLite's oldest limit of 999
_FIRST = ("", 0)
_COLUMNS = codec.PAPER_COLUMNS.replace(", raw", "")

Rows = Callable[[str, Sequence[Any]], list[sqlite3.Row]]
Key = tuple[str, int]


def pages(rows: Rows, at_once: int, since: str | None, until: str | None) -> Iterator[list[Paper]]:
    """Pages of about ``at_once`` papers by id and version, all versions of an id on one page; without ``raw``."""
    source = _all(rows, at_once) if since is None and until is None else _between(rows, at_once, since, until)
    held: list[sqlite3.Row] = []
    for found in source:
        held += found
        whole = next((i for i in range(len(held), 0, -1) if held[i - 1]["arxiv_id"] != held[-1]["arxiv_id"]), 0)
        if whole:
            yield [codec.paper_of(row, raw=False) for row in held[:whole]]
            held = held[whole:]
    if held:
        yield [codec.paper_of(row, raw=False) for row in held]


def count(rows: Rows, since: str | None, until: str | None) -> int:
    """How many papers ``pages`` would give."""
    if since is None and until is None:
        return int(rows("SELECT count(*) FROM papers", ())[0][0])
    return int(
        rows(f"SELECT count(*) FROM papers INDEXED BY papers_by_day WHERE {_range()}", _ends(since, until))[0][0]
    )


def ends(rows: Rows, since: str | None, until: str | None) -> tuple[str, str] | None:
    """The first and the last day (ISO) of what ``pages`` would give; None where that is nothing."""
    # Two queries, since one for both would walk the whole index
    sql = f"SELECT {DAY} FROM papers INDEXED BY papers_by_day WHERE {_range()} ORDER BY {DAY}"
    first, last = (rows(f"{sql} {way} LIMIT 1", _ends(since, until)) for way in ("ASC", "DESC"))
    return (str(first[0][0])[:10], str(last[0][0])[:10]) if first else None


def sample(rows: Rows, size: int) -> list[Paper]:
    """The first by text hash, which has nothing to do with when or where a paper came from."""
    sql = f"SELECT {_COLUMNS} FROM papers INDEXED BY papers_by_text ORDER BY text_hash, arxiv_id, version LIMIT ?"
    return [codec.paper_of(row, raw=False) for row in rows(sql, (size,))]


def _all(rows: Rows, at_once: int) -> Iterator[list[sqlite3.Row]]:
    sql = f"""SELECT {_COLUMNS} FROM papers WHERE (arxiv_id, version) > (?, ?)
        ORDER BY arxiv_id, version LIMIT ?"""
    last: Key = _FIRST
    while found := rows(sql, (*last, at_once)):
        yield found
        last = (found[-1]["arxiv_id"], found[-1]["version"])


def _between(rows: Rows, at_once: int, since: str | None, until: str | None) -> Iterator[list[sqlite3.Row]]:
    # Days and keys stand in one index: papers outside the range are never read. Keys take 150 bytes each meanwhile.
    sql = f"SELECT arxiv_id, version FROM papers INDEXED BY papers_by_day WHERE {_range()} ORDER BY arxiv_id, version"
    keys = [(str(r[0]), int(r[1])) for r in rows(sql, _ends(since, until))]
    for start in range(0, len(keys), at_once):
        page = keys[start : start + at_once]
        found: list[sqlite3.Row] = []
        for at in range(0, len(page), _KEYS_AT_ONCE):
            part = page[at : at + _KEYS_AT_ONCE]
            marks = ",".join(["(?, ?)"] * len(part))
            found += rows(
                f"""SELECT {_COLUMNS} FROM papers WHERE (arxiv_id, version) IN (VALUES {marks})
                    ORDER BY arxiv_id, version""",
                [v for key in part for v in key],
            )
        yield found


def _range() -> str:
    return f"{DAY} >= ? AND {DAY} <= ?"


def _ends(since: str | None, until: str | None) -> tuple[str, str]:
    return since or "", f"{until or '9999-12-31'}~"  # a day may be followed by a time
