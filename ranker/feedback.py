"""A reader's ticks: read from exported lines or edited rankings, and turned into labels for learning."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

from ranker.errors import InputError
from ranker.heads.data import TICK_WEIGHT
from ranker.types import TICKS, JudgedPaper, Paper, Rejected, Tick

_SNIPPET = 200


def read_ticks(path: Path, *, profile: str, day: str, at: str) -> tuple[list[Tick], list[Rejected]]:
    """Ticks of a file, and the lines that are none, with why.

    Two forms, told apart line by line: ``{arxiv_id, version, profile, day, tick, field, at}`` as the digest page
    exports them, and lines of ``rankings.jsonl`` with ``tick`` filled in (null: the paper was not ticked, no error).
    ``profile``, ``day`` and ``at`` (ISO) stand in where a line has none. Lines of another profile are refused.

    Raises InputError where the file can't be read or holds no tick at all.
    """
    ticks: list[Tick] = []
    rejected: list[Rejected] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"can't be read ({error.strerror})", where=str(path)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _row(line)
            if row.get("tick") is None and "outcome" in row:
                continue
            tick = Tick.from_row(
                {"profile": profile, "day": day, "at": at} | {k: v for k, v in row.items() if v is not None}
            )
            if tick.profile != profile:
                raise ValueError(f"is for profile {tick.profile!r}, not {profile!r}")
            ticks.append(tick)
        except (ValueError, KeyError, TypeError) as error:
            rejected.append(Rejected(str(path), number, str(error), line[:_SNIPPET].decode("utf-8", "replace")))
    if not ticks and not rejected:
        raise InputError(
            "holds no tick", where=str(path), todo=f"give `tick` a value on some lines: {', '.join(TICKS)}"
        )
    return ticks, rejected


def _row(line: bytes) -> dict[str, object]:
    row = json.loads(line.decode("utf-8"))
    if not isinstance(row, dict):
        raise ValueError("is no JSON object")
    return row


def labels(
    ticks: Iterable[Tick], paper_of: Callable[[str], Paper | None], fields: Sequence[str]
) -> tuple[list[JudgedPaper], list[str]]:
    """Ticks as judged papers of more weight than a cloud label, and the ids whose paper is not at hand.

    up: recommended, in its field; down: not recommended; move: recommended, in the field it was moved to. later says
    nothing about interest, so it is left out, as are ticks taken back (null). The newest tick of a paper counts.
    """
    newest = {t.arxiv_id: t for t in sorted(ticks, key=lambda t: t.at)}
    judged: list[JudgedPaper] = []
    missing: list[str] = []
    for arxiv_id, tick in sorted(newest.items()):
        if tick.tick not in ("up", "down", "move"):
            continue
        paper = paper_of(arxiv_id)
        if paper is None:
            missing.append(arxiv_id)
            continue
        judged.append(
            JudgedPaper(
                arxiv_id,
                _day(tick, paper),
                paper.title,
                paper.abstract,
                tick.tick != "down",
                tick.field if tick.tick != "down" and tick.field in fields else None,
                None,
                paper.authors,
                TICK_WEIGHT,
            )
        )
    return judged, missing


def _day(tick: Tick, paper: Paper) -> str:
    """The list's day, else when it was ticked: always an ISO day."""
    for candidate in (tick.day, paper.day, tick.at[:10]):
        try:
            return date.fromisoformat(candidate or "").isoformat()
        except ValueError:
            continue
    raise InputError(f"the tick of {paper.arxiv_id} has no usable day", todo="give `day` as YYYY-MM-DD")
