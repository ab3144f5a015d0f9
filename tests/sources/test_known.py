"""Rows that the store holds are left unread, and what the store holds is the same as if they had been read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranker.sources import KnownRows, ReadCount, read
from ranker.store import Store
from ranker.text import text_hash
from tests.make import paper

NOW = "2026-01-14T09:00:00+08:00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        yield opened


def row(number: int, abstract: str = "A.") -> str:
    return json.dumps({"id": f"2601.{number:05d}", "title": "T", "abstract": abstract, "published": "2026-01-13"})


def bring(store: Store, folder: Path, *rows: str) -> tuple[int, int, int]:
    """Import rows as the command does; how many were read, became papers, were left unread."""
    path = folder / "rows.jsonl"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    count, known = ReadCount(), KnownRows(store.known_rows, store.row_of)
    papers = list(read([path], on_rejected=lambda _: None, count=count, known=known))
    store.put_papers([(p, text_hash(p.title, p.abstract)) for p in papers], NOW, known.take())
    assert count.read == count.papers + count.rejected + count.known
    return count.read, count.papers, count.known


def stored(store: Store) -> dict[str, str]:
    return {p.arxiv_id: p.abstract for p in store.all_papers()}


def test_a_second_import_reads_only_what_is_new(store: Store, tmp_path: Path) -> None:
    assert bring(store, tmp_path, row(1), row(2), "no row") == (3, 2, 0)
    assert bring(store, tmp_path, row(1), row(2), "no row", row(3)) == (4, 1, 2)
    assert sorted(stored(store)) == ["2601.00001", "2601.00002", "2601.00003"]


def test_an_older_row_that_comes_again_stands_again(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, row(1, "Old."))
    bring(store, tmp_path, row(1, "New."))
    assert bring(store, tmp_path, row(1, "Old.")) == (1, 1, 0)
    assert stored(store) == {"2601.00001": "Old."}


def test_of_two_rows_with_one_id_the_last_stands_every_time(store: Store, tmp_path: Path) -> None:
    for _ in range(3):
        bring(store, tmp_path, row(1, "First."), row(1, "Second."))
        assert stored(store) == {"2601.00001": "Second."}


def test_a_paper_that_came_another_way_since_is_read_again(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, row(1))
    store.put_papers([(paper(1, abstract="Fetched."), "h")], NOW)
    assert bring(store, tmp_path, row(1)) == (1, 1, 0)
    assert stored(store) == {"2601.00001": "A."}
