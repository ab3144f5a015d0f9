"""Every stored paper by pages: order, whole ids, ranges of days; and vectors that outlive their table's new form."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ranker.store import Store
from ranker.store.schema import MIGRATIONS
from ranker.text import text_hash
from tests.make import paper

NOW = "2026-01-20T08:00:00+08:00"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(tmp_path / "s.db")
    papers = [
        paper(3, day="2026-01-12"),
        paper(1, version=1, day="2026-01-10"),
        paper(1, version=2, day="2026-01-12"),
        paper(1, version=3, day="2026-01-13"),
        paper(2, day=None, published="2026-01-11"),
    ]
    opened.put_papers([(p, text_hash(p.title, p.abstract)) for p in papers], NOW)
    return opened


def ids(store: Store, at_once: int, since: str | None = None, until: str | None = None) -> list[list[str]]:
    return [[p.versioned_id for p in page] for page in store.pages(at_once, since, until)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_versions_of_an_id_are_never_parted(store: Store, at_once: int) -> None:
    pages = ids(store, at_once)
    assert [i for page in pages for i in page] == [
        "2601.00001v1", "2601.00001v2", "2601.00001v3", "2601.00002", "2601.00003",
    ]  # fmt: skip
    assert pages[0][:3] == ["2601.00001v1", "2601.00001v2", "2601.00001v3"]
    assert len(pages) > 1
    assert store.paper_count() == 5


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-01-12", None, ["2601.00001v2", "2601.00001v3", "2601.00003"]),
        (None, "2026-01-11", ["2601.00001v1", "2601.00002"]),
        ("2026-01-11", "2026-01-12", ["2601.00001v2", "2601.00002", "2601.00003"]),
        ("2027-01-01", None, []),
    ],
)
def test_a_range_of_days_includes_both_ends(store: Store, since: str, until: str, expected: list[str]) -> None:
    assert [i for page in ids(store, 2, since, until) for i in page] == expected
    assert store.paper_count(since, until) == len(expected)


def test_writing_between_two_pages_is_possible(store: Store) -> None:
    seen = 0
    for page in store.pages(1):
        store.put_vectors("k", [(text_hash(p.title, p.abstract), np.ones(4, dtype=np.float32)) for p in page])
        seen += len(page)
    assert seen == 5 and store.counts()["vectors"] == 3  # three texts


def test_vectors_of_an_older_store_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    db = sqlite3.connect(path)
    for script in MIGRATIONS[:4]:
        db.executescript(script)
    db.execute("PRAGMA user_version = 4")
    db.execute("INSERT INTO encoders (key) VALUES ('k')")
    vector = np.arange(4, dtype=np.float32)
    db.executemany("INSERT INTO vectors VALUES (1, ?, ?)", [("b", vector.tobytes()), ("a", (2 * vector).tobytes())])
    db.commit()
    db.close()
    with Store(path) as store:
        assert {h: v.tolist() for h, v in store.get_vectors("k", ["a", "b", "c"]).items()} == {
            "a": [0.0, 2.0, 4.0, 6.0],
            "b": [0.0, 1.0, 2.0, 3.0],
        }
        store.put_vectors("k", [("a", vector), ("c", vector)])  # what is there stays
        assert store.get_vectors("k", ["a"])["a"].tolist() == [0.0, 2.0, 4.0, 6.0]
        assert store.counts()["vectors"] == 3
