"""Filters keep exactly the rows that a person would keep by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker.errors import StoreError
from ranker.search.rows import Filter, Row, Rows

HASH = "ab" * 31 + "00"  # ends in a NUL byte
ROWS = [
    Row("2601.00001", 1, HASH, "2026-01-05", ("cs.CL", "cs.AI")),
    Row("2601.00002", 2, "01" * 32, "2026-01-06", ("stat.ML",)),
    Row("cs/9901001", 0, "02" * 32, None, ("cs.LG",)),
    Row("2601.00003", 1, "03" * 32, "2026-01-07", ()),
]


def kept(wanted: Filter) -> list[int]:
    return [i for i, keep in enumerate(Rows.of(ROWS).mask(wanted).tolist()) if keep]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), [0, 1, 2, 3]),
        (Filter(since="2026-01-06"), [1, 3]),
        (Filter(until="2026-01-06"), [0, 1]),
        (Filter(since="2026-01-06", until="2026-01-06"), [1]),
        (Filter(categories=("cs.AI",)), [0]),
        (Filter(categories=("cs",)), [0, 2]),
        (Filter(categories=("cs.LG", "stat.ML")), [1, 2]),
        (Filter(categories=("c",)), []),
        (Filter(ids=frozenset({"2601.00003", "cs/9901001", "absent"})), [2, 3]),
        (Filter(ids=frozenset()), []),
        (Filter(since="2026-01-06", categories=("cs",)), []),
    ],
)
def test_filters(wanted: Filter, expected: list[int]) -> None:
    assert kept(wanted) == expected


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    Rows.of(ROWS).save(tmp_path / "part")
    back = Rows.load(tmp_path / "part")
    assert [back.row(i) for i in range(len(back))] == ROWS


def test_joined_tables_keep_their_categories() -> None:
    joined = Rows.joined([Rows.of(ROWS[:1]), Rows.of(ROWS[3:]), Rows.of(ROWS[1:3])])
    assert [joined.row(i) for i in range(4)] == [ROWS[0], ROWS[3], ROWS[1], ROWS[2]]


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    Rows.of(ROWS).save(tmp_path / "part")
    (tmp_path / "part.codes.npy").write_bytes(b"no")
    with pytest.raises(StoreError, match="damaged"):
        Rows.load(tmp_path / "part")
