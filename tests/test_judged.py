from __future__ import annotations

import pytest

from ranker import judged
from ranker.digest.parsed import EntryA
from ranker.types import Paper


def paper(judgment: object, **more: object) -> Paper:
    return Paper("2601.00001", "T", "a", published="2026-01-01", raw={"judgment": judgment, **more})


def test_day_comes_from_the_file_then_the_paper() -> None:
    assert judged.day_of("/x/2026-01-14.jsonl.gz", paper(None)) == "2026-01-14"
    assert judged.day_of("list.jsonl", paper(None)) == "2026-01-01"
    with pytest.raises(ValueError, match="no day"):
        judged.day_of("list.jsonl", Paper("2601.00001", "T", "a"))


def test_rows_become_labels() -> None:
    pick = judged.from_paper(paper({"field": "f", "score": 8.5, "reason": "r", "model": "m"}), "2026-01-14")
    assert (pick.recommended, pick.field, pick.score, pick.day) == (True, "f", 8.5, "2026-01-14")
    assert not judged.from_paper(paper(None), "2026-01-14").recommended
    for bad in ("yes", {"score": 11}, {"score": True}):
        with pytest.raises(ValueError, match="judgment"):
            judged.from_paper(paper(bad), "2026-01-14")
    with pytest.raises(ValueError, match="no `judgment`"):
        judged.from_paper(Paper("2601.00001", "T", "a"), "2026-01-14")


def test_a_digest_is_matched_by_id_or_title_and_the_rest_are_no_picks() -> None:
    papers = [
        Paper("2601.00001", "First: a thing", "a1"),
        Paper("2601.00002", "Second", "a2"),
        Paper("2601.00003", "C", "a3"),
    ]
    entries = [
        EntryA("f", 9.0, "first a Thing", "A, B", "2026-01-01", "https://arxiv.org/abs/2600.99999", "r"),
        EntryA("f", 8.0, "x", "A", "2026-01-01", "https://arxiv.org/abs/2601.00002", "r"),
        EntryA("g", 7.0, "Unknown", "A (Uni), B", "2026-01-01", "https://arxiv.org/abs/2601.00009", "r"),
    ]
    labels = judged.from_digest(entries, "2026-01-02", papers)
    assert [(j.arxiv_id, j.recommended, j.score, j.abstract) for j in labels] == [
        ("2601.00001", True, 9.0, "a1"),
        ("2601.00002", True, 8.0, "a2"),
        ("2601.00009", True, 7.0, ""),
        ("2601.00003", False, None, "a3"),
    ]
