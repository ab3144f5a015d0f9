"""The index finds what an exact scan finds, grows day by day, and a crash leaves the earlier one whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ranker.backends.faiss_parts import FaissParts
from ranker.errors import BackendError, InputError
from ranker.search import Filter, History
from ranker.search import history as module
from ranker.store import Store
from ranker.text import text_hash
from ranker.types import EncoderInfo, Paper

INFO = EncoderInfo("test", "0" * 64, 32, 8, "test", "float32", "key-of-a-test-encoder")
NOW = "2026-01-10T08:00:00+08:00"
Vectors = NDArray[np.float32]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "ranker.db") as opened:
        yield opened


def vectors_of(count: int, seed: int = 0) -> Vectors:
    """Unit vectors around forty centres, as texts lie around topics."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(40, 32))
    found = centres[random.integers(0, 40, count)] + 0.6 * random.normal(size=(count, 32))
    unit: Vectors = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def put(store: Store, vectors: Vectors, *, day: str, start: int = 0, version: int = 1, embedded: bool = True) -> None:
    papers = [
        Paper(f"2601.{start + i:05d}", f"title {start + i} v{version}", "text", version, day=day,
              categories=("cs.CL",) if (start + i) % 3 == 0 else ("math.OC", "cs.LG"))
        for i in range(len(vectors))
    ]  # fmt: skip
    hashes = [text_hash(p.title, p.abstract) for p in papers]
    store.put_papers(zip(papers, hashes, strict=True), NOW)
    if embedded:
        store.put_vectors(INFO.key, list(zip(hashes, vectors, strict=True)))


def history(store: Store, tmp_path: Path, exact_rows: int = 50_000) -> History:
    return History(tmp_path / "search", INFO, store, FaissParts(exact_rows=exact_rows, threads=1))


def exact(vectors: Vectors, query: Vectors, count: int, keep: list[int] | None = None) -> list[str]:
    places = np.array(keep if keep is not None else range(len(vectors)))
    best = places[np.argsort(-(vectors[places] @ query), kind="stable")[:count]]
    return [f"2601.{i:05d}" for i in best.tolist()]


def test_few_papers_are_searched_exactly(store: Store, tmp_path: Path) -> None:
    vectors = vectors_of(300)
    put(store, vectors, day="2026-01-05")
    found = history(store, tmp_path)
    assert found.update().added == 300
    for query in vectors_of(10, seed=1):
        hits = found.search(query, 10)
        assert [h.arxiv_id for h in hits] == exact(vectors, query, 10)
        assert hits[0].similarity == pytest.approx(float((vectors @ query).max()), abs=1e-6)


def test_many_papers_are_found_nearly_as_well(store: Store, tmp_path: Path) -> None:
    vectors = vectors_of(4000)
    put(store, vectors, day="2026-01-05")
    found = history(store, tmp_path, exact_rows=1000)
    found.update()
    assert list((tmp_path / "search").rglob("*.faiss")), "an inverted file was to be written"
    queries = vectors_of(60, seed=1)
    same = sum(len({h.arxiv_id for h in found.search(q, 10)} & set(exact(vectors, q, 10))) for q in queries)
    assert same / 600 >= 0.95
    wanted = Filter(categories=("cs.CL",))
    thirds = list(range(0, 4000, 3))
    same = sum(
        len({h.arxiv_id for h in found.search(q, 10, wanted)} & set(exact(vectors, q, 10, thirds))) for q in queries
    )
    assert same / 600 >= 0.95
    three = Filter(ids=frozenset({"2601.00007", "2601.00500", "2601.03999"}))
    assert {h.arxiv_id for h in found.search(queries[0], 10, three)} == {"2601.00007", "2601.00500", "2601.03999"}


def test_new_days_are_added_and_known_ones_cost_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = vectors_of(100), vectors_of(50, seed=2)
    put(store, first, day="2026-01-05")
    found = history(store, tmp_path)
    found.update()
    put(store, second, day="2026-01-06", start=100)
    read: list[str] = []
    papers_of_day = store.papers_of_day

    def watched(day: str) -> Iterator[Paper]:
        read.append(day)
        return papers_of_day(day)

    monkeypatch.setattr(store, "papers_of_day", watched)
    assert found.update().added == 50
    assert found.update().added == 0
    assert read == ["2026-01-06"]
    hits = history(store, tmp_path).search(second[7], 3)
    assert hits[0].arxiv_id == "2601.00107"
    assert [h.arxiv_id for h in found.search(second[7], 3, Filter(until="2026-01-05"))] == exact(first, second[7], 3)


def test_papers_embedded_later_are_added_later(store: Store, tmp_path: Path) -> None:
    vectors = vectors_of(20)
    put(store, vectors, day="2026-01-05", embedded=False)
    found = history(store, tmp_path)
    assert (found.update().added, found.update().without_vector) == (0, 20)
    put(store, vectors, day="2026-01-05")
    done = found.update()
    assert (done.added, done.without_vector, len(found)) == (20, 0, 20)


def test_small_parts_are_merged_and_old_files_removed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MERGE_ROWS", 40)
    vectors = vectors_of(120)
    found = history(store, tmp_path)
    merged = []
    for number in range(4):
        put(store, vectors[30 * number : 30 * number + 30], day=f"2026-01-0{number + 1}", start=30 * number)
        merged.append(found.update().merged)
    assert merged == [False, False, True, False]
    assert len({p.name.split(".")[0] for p in found.folder.glob("part-*")}) == 2
    for query in vectors[::17]:
        assert [h.arxiv_id for h in found.search(query, 5)] == exact(vectors, query, 5)


def test_a_crash_while_writing_leaves_the_earlier_index(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = vectors_of(60)
    put(store, vectors[:30], day="2026-01-05")
    found = history(store, tmp_path)
    found.update()
    put(store, vectors[30:], day="2026-01-06", start=30)
    with monkeypatch.context() as crash, pytest.raises(KeyboardInterrupt):
        crash.setattr(found, "_publish", lambda manifest: (_ for _ in ()).throw(KeyboardInterrupt))
        found.update()
    again = history(store, tmp_path)
    assert len(again) == 30
    assert [h.arxiv_id for h in again.search(vectors[3], 5)] == exact(vectors[:30], vectors[3], 5)
    assert again.update().added == 30
    assert [h.arxiv_id for h in again.search(vectors[40], 5)] == exact(vectors, vectors[40], 5)


def test_a_paper_appears_once_in_its_newest_version(store: Store, tmp_path: Path) -> None:
    vectors = vectors_of(5)
    put(store, vectors, day="2026-01-05")
    put(store, vectors[:1], day="2026-01-08", version=2)
    found = history(store, tmp_path)
    found.update()
    hits = found.search(vectors[0], 10)
    assert [(h.arxiv_id, h.version, h.day) for h in hits if h.arxiv_id == "2601.00000"] == [
        ("2601.00000", 2, "2026-01-08")
    ]
    assert len(hits) == 5


def test_similar_leaves_the_paper_itself_out(store: Store, tmp_path: Path) -> None:
    vectors = vectors_of(50)
    put(store, vectors, day="2026-01-05")
    found = history(store, tmp_path)
    found.update()
    assert [h.arxiv_id for h in found.similar("2601.00004", 3)] == exact(vectors, vectors[4], 4)[1:]
    with pytest.raises(InputError, match="not in the store"):
        found.similar("2601.99999")


def test_an_empty_or_damaged_index_is_rebuilt(store: Store, tmp_path: Path) -> None:
    found = history(store, tmp_path)
    assert found.search(vectors_of(1)[0]) == []
    put(store, vectors_of(10), day="2026-01-05")
    found.update()
    (found.folder / "manifest.json").write_text("{ half")
    again = history(store, tmp_path)
    assert again.update().added == 10
    assert len(again.search(vectors_of(1)[0], 20)) == 10


def test_a_damaged_inverted_file_says_what_to_do(store: Store, tmp_path: Path) -> None:
    put(store, vectors_of(300), day="2026-01-05")
    found = history(store, tmp_path, exact_rows=100)
    found.update()
    next(found.folder.glob("*.faiss")).write_bytes(b"not an index")
    with pytest.raises(BackendError, match="can't be read") as caught:
        history(store, tmp_path, exact_rows=100).search(vectors_of(1)[0])
    assert "delete that folder" in caught.value.todo
