"""The store: what goes in comes out, errors are ours, one run at a time, migrations only forward."""

from __future__ import annotations

import dataclasses
import math
import os
import sqlite3
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ranker.errors import StoreError
from ranker.store import Store, Tick, run_lock
from ranker.store.connection import connect
from ranker.store.schema import MIGRATIONS, VERSION
from ranker.types import Exclusion, JudgedPaper, Judgment, Rejected, Run, Stage, Texts, Usage
from tests.make import paper, ranking

NOW = datetime(2026, 1, 14).isoformat()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "ranker.db")


def a_run(day: str = "2026-01-14") -> Run:
    texts = Texts("2601.00001", "evidence", reason="因为", failed=("length",))
    rankings = (
        ranking(
            1,
            outcome="recommended",
            texts=texts,
            similarities=(("A", 0.5),),
            exclusions=(Exclusion("unwanted", "U", 0.25),),
            flags=("x",),
        ),
        ranking(2, outcome="duplicate", score=None),
    )
    return Run(
        day=day,
        made_at=NOW,
        profile="test",
        profile_title="Test",
        fields=("A", "B"),
        language="zh",
        rankings=rankings,
        rejected=(Rejected("f", 3, "not JSON", "{"),),
        counts={"read": 3, "rejected": 1},
        stages=(Stage("embed", 0.5, 2, 1),),
        judge_line="heads",
        usage=Usage(1, 2, 3),
        uses_language_model=False,
        threshold="top 25%",
        versions={"ranker": "0"},
        hashes={},
        notes=("n",),
    )


def test_papers_come_back_as_they_went_in(store: Store) -> None:
    first = paper(1, version=2, authors=("A. B.",), categories=("cs.LG",), raw={"id": "x", "n": None, "deep": [1]})
    assert store.put_papers([(first, "h1"), (paper(2), "h2")], NOW) == 2
    assert store.put_papers([(first, "h1")], NOW) == 0
    assert store.paper(first.arxiv_id) == first
    assert list(store.papers_of_day("2026-01-13")) == [first, paper(2)]
    assert list(store.all_papers()) == [first, paper(2)]
    assert store.days() == [("2026-01-13", 2)]


def test_the_newest_version_is_the_one_shown_and_a_changed_text_replaces(store: Store) -> None:
    store.put_papers([(paper(1, version=1), "h1"), (paper(1, version=3), "h3"), (paper(1, version=2), "h2")], NOW)
    newest = store.paper("2601.00001")
    assert newest is not None and newest.version == 3
    store.put_papers([(paper(1, version=3, title="Changed"), "h4")], NOW)
    changed = store.paper("2601.00001")
    assert changed is not None and changed.title == "Changed"


def test_the_announcement_day_goes_before_published(store: Store) -> None:
    store.put_papers([(paper(1, day="2026-01-14"), "h")], NOW)
    assert [p.arxiv_id for p in store.papers_of_day("2026-01-14")] == ["2601.00001"]
    assert list(store.papers_of_day("2026-01-13")) == []


def test_vectors_are_kept_by_encoder_bit_for_bit(store: Store) -> None:
    vectors = np.random.default_rng(0).normal(size=(700, 4)).astype(np.float32)
    hashes = [f"h{i}" for i in range(700)]
    store.put_vectors("e1", list(zip(hashes, vectors, strict=True)))
    found = store.get_vectors("e1", [*hashes, "absent"])
    assert len(found) == 700
    assert all((found[h] == v).all() for h, v in zip(hashes, vectors, strict=True))
    assert store.get_vectors("e2", hashes) == {}


def test_judgments_texts_and_ticks(store: Store) -> None:
    judgment = Judgment("2601.00001", "A", 7.123456789012345, "因为", "heads", distribution=(0.1, 0.9), flags=("f",))
    store.put_judgments("test", [("k", 2, judgment)], NOW)
    assert store.get_judgments(["k", "absent"]) == {"k": judgment}
    texts = Texts("2601.00001", "model", reason="r", failed=("a",))
    store.put_texts("test", "t", texts, NOW)
    assert store.get_texts(["t"]) == {"t": texts}
    tick = Tick("2601.00001", None, "test", "2026-01-14", "move", "B", NOW)
    store.put_ticks([tick, tick])
    assert store.ticks("test") == [tick]
    assert store.ticks("other") == []
    store.put_ticks([Tick("2601.00001", None, "test", "2026-01-14", None, None, NOW)])
    assert store.ticks("test") == []  # a null tick takes the mark back


def test_judged_papers_are_kept_by_profile_and_a_label_given_again_replaces(store: Store) -> None:
    first = JudgedPaper("2601.00001", "2026-01-13", "Title", "Text.", True, "A", 8.5, ("A. B.", "C. D."))
    left = JudgedPaper("2601.00002", "2026-01-13", "Other", "", False)
    later = dataclasses.replace(first, day="2026-01-14", recommended=False, field=None, score=None)
    store.put_judged("test", [left, first, later], NOW)
    assert store.judged("test") == [first, left, later]
    assert store.judged("other") == []
    mended = dataclasses.replace(first, field="B", score=None)
    store.put_judged("test", [mended], NOW)
    assert store.judged("test") == [mended, left, later]
    store.put_judged("other", [first], NOW)
    store.put_judged("test", [left], NOW, anew=True)
    assert (store.judged("test"), store.judged("other")) == ([left], [first])
    assert store.counts()["judged"] == 2


def test_a_store_from_before_judged_papers_were_kept_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as db:
        for script in MIGRATIONS[:5]:
            db.executescript(script)
        db.execute("INSERT INTO ticks VALUES ('test', '2601.00001', 0, '2026-01-14', 'up', NULL, ?)", (NOW,))
        db.execute("PRAGMA user_version = 5")
    with Store(path) as store:
        assert store.judged("test") == [] and len(store.ticks("test")) == 1
        store.put_judged("test", [JudgedPaper("2601.00002", "2026-01-13", "Other", "", False)], NOW)
        assert len(store.judged("test")) == 1


def test_a_run_comes_back_whole_and_replaces_the_same_day(store: Store) -> None:
    run = a_run()
    store.put_run(run, {"2601.00001": "h1"})
    store.put_run(run, {"2601.00001": "h1"})
    assert store.run("test") == run
    assert store.run("test", "2026-01-14") == run
    assert store.run("other") is None
    assert store.run_days("test") == ["2026-01-14"]
    assert store.counts()["runs"] == 1


def test_history_knows_earlier_days_only(store: Store) -> None:
    store.put_run(a_run("2026-01-14"), {"2601.00001": "h1"})
    assert store.seen_before("test", "2026-01-14", ["2601.00001"]) == {}
    assert store.seen_before("test", "2026-01-15", ["2601.00001", "x"]) == {
        "2601.00001": [(0, "2026-01-14", "recommended", "h1")]
    }
    assert store.forget_runs("test", "2026-01-15") == 1
    assert store.run("test") is None
    assert store.seen_before("test", "2026-01-15", ["2601.00001"])  # forgotten runs still count as seen


def test_a_newer_schema_is_refused(store: Store) -> None:
    with sqlite3.connect(store.path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match="version"):
        Store(store.path)


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("this is no database, it is a longer text than one page header\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="no ranker store"):
        Store(path)
    with pytest.raises(StoreError, match="no ranker store"), run_lock(path):
        pytest.fail("a lock of what is no store")
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    for wrong, says in ((tmp_path, "is a folder"), (path / "deep" / "y.db", r"x\.db is a file, not a folder")):
        with pytest.raises(StoreError, match=says):
            Store(wrong)
        with pytest.raises(StoreError, match=says), run_lock(wrong):
            pytest.fail("a lock of what is no store")
    assert list(tmp_path.iterdir()) == [path] and not tmp_path.with_name(f"{tmp_path.name}.lock").exists()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch()
    with run_lock(path), Store(path) as store:
        assert store.check() == "ok"


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "ranker.db"
    with run_lock(path), pytest.raises(StoreError, match="another run"), run_lock(path):
        pytest.fail("two runs held the lock")
    with run_lock(path):
        pass


@pytest.mark.parametrize("seconds", [math.nan, -5.0])
def test_a_wait_that_never_ends_is_refused(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "ranker.db"
    with run_lock(path), pytest.raises(StoreError, match="can't be waited"), run_lock(path, wait_seconds=seconds):
        pytest.fail("two runs held the lock")


def content(store: Store) -> str:
    return "\n".join(store._db.iterdump())


def test_asking_for_vectors_writes_nothing(store: Store) -> None:
    before = content(store)
    assert store.get_vectors("e1", ["h"]) == {}
    assert content(store) == before


def test_a_store_to_read_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ranker.db"
    with pytest.raises(StoreError, match="there is no store"):
        Store(path, read_only=True)
    assert not path.parent.exists()


def test_reading_while_another_writes(store: Store) -> None:
    store.put_papers([(paper(1), "h1")], NOW)
    with Store(store.path, read_only=True) as reader:
        assert reader.paper("2601.00001") == paper(1)
        store.put_papers([(paper(2), "h2")], NOW)
        assert len(list(reader.all_papers())) == 2
        with pytest.raises(StoreError, match="readonly"):
            reader.put_papers([(paper(3), "h3")], NOW)


@pytest.mark.parametrize("name", ["ranker.db", "of 100% & ?.db"])
def test_a_store_in_a_folder_that_cannot_be_written_to_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "shelf" / name
    with Store(path) as store:
        store.put_papers([(paper(1), "h1")], NOW)
    log = path.with_name(f"{name}-wal")
    log.touch()  # as an earlier reader leaves it
    path.parent.chmod(0o555)
    if os.geteuid() == 0:  # root may write everywhere: told that it may not, it still must leave no file behind
        monkeypatch.setattr(os, "access", lambda *_: False)
    try:
        with Store(path, read_only=True) as reader:
            assert reader.paper("2601.00001") == paper(1)
            assert {p.name for p in path.parent.iterdir()} == {name, log.name}
    finally:
        path.parent.chmod(0o755)


def test_a_store_to_read_of_another_schema_is_refused(store: Store) -> None:
    for version, says in ((VERSION - 1, "older"), (VERSION + 1, "knows up to")):
        with sqlite3.connect(store.path) as db:
            db.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(StoreError, match=says):
            Store(store.path, read_only=True)


def test_a_full_disk_is_a_clear_error_and_leaves_the_store_intact(store: Store) -> None:
    store.put_papers([(paper(1), "h1")], NOW)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own "database or disk is full"
    with pytest.raises(StoreError, match="disk is full"):
        store.put_papers([(paper(n, abstract="x" * 5000), f"h{n}") for n in range(2, 50)], NOW)
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert [p.arxiv_id for p in store.all_papers()] == ["2601.00001"]
    assert store.check() == "ok"


def test_a_store_of_the_first_version_is_brought_up_to_date_and_keeps_its_papers(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store.put_papers([(paper(1), "h1"), (paper(2, published=None), "h2")], "2026-01-14T09:00:00+08:00")
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("DROP INDEX papers_by_day")
        db.execute("CREATE INDEX papers_by_day ON papers (coalesce(day, published))")
        db.execute("DROP INDEX papers_by_text")
        db.execute("DROP INDEX vectors_by_text")
        db.execute("DROP TABLE rows")
        db.execute("DROP TABLE judged")
        db.execute("PRAGMA user_version = 1")
    with Store(tmp_path / "s.db") as store:
        assert store.days() == [("2026-01-14", 1), ("2026-01-13", 1)]
        # What no date was given for has the day on which it came in
        assert [p.arxiv_id for p in store.papers_of_day("2026-01-14")] == ["2601.00002"]
    with sqlite3.connect(tmp_path / "s.db") as db:
        sql = "EXPLAIN QUERY PLAN SELECT * FROM papers WHERE coalesce(day, published, substr(first_seen, 1, 10)) = '1'"
        assert "papers_by_day" in str(db.execute(sql).fetchall())


def test_papers_without_a_vector_are_those_whose_text_this_encoder_never_saw(tmp_path: Path) -> None:
    vector = np.array([1.0, 0.0], dtype=np.float32)
    with Store(tmp_path / "s.db") as store:
        store.put_papers([(paper(n), f"h{n}") for n in (1, 2, 3)], NOW)
        assert [p.arxiv_id for p in store.papers_without_vector("e")] == ["2601.00001", "2601.00002", "2601.00003"]
        store.put_vectors("e", [("h2", vector)])
        store.put_vectors("other", [("h3", vector)])
        assert [p.arxiv_id for p in store.papers_without_vector("e")] == ["2601.00001", "2601.00003"]


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE notes (text TEXT)")
    db.execute("INSERT INTO notes VALUES ('mine')")
    db.commit()
    db.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"another program's database \(its tables: notes\)"):
            connect(path, read_only=read_only)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["notes.db"]
