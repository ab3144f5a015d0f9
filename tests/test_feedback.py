from __future__ import annotations

import json
from pathlib import Path

import pytest

from ranker import feedback
from ranker.errors import InputError
from ranker.types import Paper, Tick

EXPORTED = {
    "arxiv_id": "2601.00001",
    "version": 1,
    "profile": "p",
    "day": "2026-01-02",
    "tick": "up",
    "field": "f",
    "at": "2026-01-03T08:00:00Z",
}
RANKED = {
    "arxiv_id": "2601.00002",
    "version": None,
    "title": "t",
    "outcome": "recommended",
    "field": "f",
    "tick": "down",
}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def read(path: Path):  # type: ignore[no-untyped-def]
    return feedback.read_ticks(path, profile="p", day="2026-01-09", at="2026-01-10T00:00:00Z")


def test_both_forms_are_read_and_bad_lines_named(tmp_path: Path) -> None:
    unticked = RANKED | {"arxiv_id": "2601.00003", "tick": None}
    other = EXPORTED | {"profile": "q"}
    ticks, rejected = read(
        write(tmp_path / "t.jsonl", EXPORTED, RANKED, unticked, "{no\n", other, EXPORTED | {"tick": "star"})
    )
    assert [(t.arxiv_id, t.tick, t.day) for t in ticks] == [
        ("2601.00001", "up", "2026-01-02"),
        ("2601.00002", "down", "2026-01-09"),
    ]
    assert [(r.line, r.why.split(":")[0][:20]) for r in rejected] == [
        (4, "Expecting property n"),
        (5, "is for profile 'q', "),
        (6, "tick"),
    ]


def test_a_file_without_ticks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tick"):
        read(write(tmp_path / "t.jsonl", RANKED | {"tick": None}))
    with pytest.raises(InputError, match="can't be read"):
        read(tmp_path / "absent")


def tick(number: int, name: str | None, at: str, field: str | None = None) -> Tick:
    return Tick(f"2601.0000{number}", None, "p", "2026-01-02", name, field, at)  # type: ignore[arg-type]


def test_labels_take_the_newest_tick_and_say_what_is_missing() -> None:
    papers = {f"2601.0000{n}": Paper(f"2601.0000{n}", f"T{n}", "a") for n in (1, 2, 3, 4)}
    judged, missing = feedback.labels(
        [
            tick(1, "up", "2026-01-02T00", "f"),
            tick(1, "down", "2026-01-03T00"),
            tick(2, "move", "2026-01-02T00", "g"),
            tick(3, "later", "2026-01-02T00"),
            tick(4, None, "2026-01-02T00"),
            tick(5, "up", "2026-01-02T00"),
        ],
        papers.get,
        ("f", "g"),
    )
    assert [(j.arxiv_id, j.recommended, j.field) for j in judged] == [
        ("2601.00001", False, None),
        ("2601.00002", True, "g"),
    ]
    assert all(j.weight > 1 for j in judged)
    assert missing == ["2601.00005"]
