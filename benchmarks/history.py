"""Search over a long history: time to build, size, memory, time a query and recall@10 against an exact scan.

    python -m benchmarks.history [--papers 100000] [--real 1000] [--queries 100]

Vectors are a seeded mixture around real ones (see benchmarks/synthetic.py), queries the titles of papers that are not
among those. Similarities of the candidates come from a memory-mapped file of the exact vectors, as in the store.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import synthetic
from benchmarks.encoder import real_texts
from benchmarks.machine import machine
from ranker.backends.encoders import choose_encoder
from ranker.backends.faiss_parts import FaissParts
from ranker.backends.tune import encode_all
from ranker.config import EncoderSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESULT = Path(__file__).parent / "results" / "history.json"
_CANDIDATES = 40
_SCANS = 10


class Blocks:
    """The same synthetic vectors as often as asked."""

    def __init__(self, real: NDArray[np.float32], count: int) -> None:
        self.real, self.count = real, count

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return synthetic.vectors(self.real, self.count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--papers", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=1000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="keep the result, one entry a size")
    asked = parser.parse_args()
    texts, source = real_texts(asked.real + asked.queries)
    encoder = choose_encoder(EncoderSettings())
    real = encode_all(encoder, texts[: asked.real])
    queries = encode_all(encoder, [t.split(". ", 1)[0] for t in texts[asked.real :]])
    blocks, dimension = Blocks(real, asked.papers), real.shape[1]
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "part"
        exact = np.lib.format.open_memmap(
            f"{folder}/exact.npy", mode="w+", dtype=np.float32, shape=(asked.papers, dimension)
        )
        nearest = _write_exact(exact, blocks, queries)
        started = time.perf_counter()
        parts = FaissParts()
        parts.write(stem, blocks, asked.papers, dimension)
        build = time.perf_counter() - started
        size = sum(p.stat().st_size for p in Path(folder).glob("part.*"))
        part = parts.open(stem)
        part.search(queries[0], _CANDIDATES, None)
        spent, hit = [], 0
        for query, best in zip(queries, nearest, strict=True):
            started = time.perf_counter()
            places, _ = part.search(query, _CANDIDATES, None)
            found = _rescored(exact, places, query)
            spent.append(1000 * (time.perf_counter() - started))
            hit += len(set(found.tolist()) & set(best.tolist()))
        scans = [_scan_ms(exact, query) for query in queries[:_SCANS]]
    result = {
        "question": "search over a long history",
        "machine": machine(),
        "papers": asked.papers,
        "source": source,
        "build_seconds": round(build, 1),
        "index_mb": round(size / 1e6, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "query_ms": {"median": round(float(np.median(spent)), 2), "p95": round(float(np.percentile(spent, 95)), 2)},
        "exact_scan_ms": round(float(np.median(scans)), 2),
        "recall_at_10": round(hit / (10 * len(queries)), 4),
    }
    print(json.dumps({k: v for k, v in result.items() if k != "machine"}, indent=1))
    if asked.write:
        known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
        RESULT.write_text(json.dumps({**known, str(asked.papers): result}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def _scan_ms(exact: NDArray[np.float32], query: NDArray[np.float32]) -> float:
    """The peer: every vector against the query, all cores, then the ten best."""
    started = time.perf_counter()
    np.argpartition(-(exact @ query), 10)
    return 1000 * (time.perf_counter() - started)


def _rescored(exact: NDArray[np.float32], places: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.int64]:
    return places[np.argsort(-(exact[places] @ query), kind="stable")[:10]]


def _write_exact(exact: NDArray[np.float32], blocks: Blocks, queries: NDArray[np.float32]) -> NDArray[np.int64]:
    """Write the vectors; (q, 10) the exact nearest of every query."""
    best = np.full((len(queries), 10), -2.0, dtype=np.float32)
    where = np.zeros((len(queries), 10), dtype=np.int64)
    at = 0
    for block in blocks:
        exact[at : at + len(block)] = block
        products = np.concatenate([best, queries @ block.T], axis=1)
        places = np.concatenate([where, np.broadcast_to(np.arange(at, at + len(block)), (len(queries), len(block)))], 1)
        top = np.argpartition(-products, 10, axis=1)[:, :10]
        best, where = np.take_along_axis(products, top, 1), np.take_along_axis(places, top, 1)
        at += len(block)
    return where


if __name__ == "__main__":
    main()
