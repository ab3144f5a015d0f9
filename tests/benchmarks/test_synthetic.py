"""The synthetic snapshot is what our own reader takes for a real one, and the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.encoder import flop_per_text
from benchmarks.synthetic import snapshot, vectors
from ranker.backends.bert_plan import Bert
from ranker.sources.read import peek_kind, read
from ranker.types import Rejected


def test_every_line_is_read_as_a_paper_of_the_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text("\n".join(snapshot(500)) + "\n", encoding="utf-8")
    refused: list[Rejected] = []
    papers = list(read([path], on_rejected=refused.append))
    assert peek_kind(path) == "snapshot"
    assert (len(papers), refused) == (500, [])
    assert len({p.arxiv_id for p in papers}) == 500
    assert {p.arxiv_id[:2] for p in papers} == {f"{y:02d}" for y in range(7, 26)}
    words = [len(p.abstract.split()) for p in papers]
    assert 130 < sum(words) / len(words) < 170


def test_the_same_seed_gives_the_same_snapshot_and_another_one_another() -> None:
    assert list(snapshot(50, 1)) == list(snapshot(50, 1))
    assert list(snapshot(50, 1)) != list(snapshot(50, 2))
    later = json.loads(list(snapshot(50, 1))[-1])
    assert later["id"].startswith("25")


def test_vectors_are_unit_and_lie_about_their_real_ones() -> None:
    real = np.eye(4, 384, dtype=np.float32)
    blocks = list(vectors(real, 250, block=100))
    assert [len(b) for b in blocks] == [100, 100, 50]
    found = np.concatenate(blocks)
    assert found.dtype == np.float32
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5
    # A unit vector plus a random one of length 1 in 384 dimensions: cosine about 1 / sqrt(2).
    assert abs(float((found @ real.T).max(axis=1).mean()) - 0.707) < 0.05


def test_flop_by_hand() -> None:
    # 2 layers, d 4, f 8, 3 tokens: 2 * [2 * (4*16 + 2*32) * 3 + 4 * 9 * 4] = 2 * (768 + 144) = 1824.
    assert flop_per_text(Bert(layers=2, heads=2, width=4, inner=8, epsilon=1e-12, pooling="mean"), 3) == 1824
