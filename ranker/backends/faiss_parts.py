"""FAISS files for the history: few vectors are searched exactly, many through an inverted file with 8-bit codes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.backends.lanes import cores
from ranker.errors import BackendError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.search.history import Part

EXACT_ROWS = 50_000
"""Up to so many rows a part is scanned whole."""

_PER_LIST = 40  # training vectors a list, FAISS's own lower bound is 39
_LEAST_RECALL = 0.98
_TRIALS, _NEAREST = 64, 10


class FaissParts:
    """`ranker.search.Searcher` on FAISS.

    ``exact_rows``: see `EXACT_ROWS`. Lists: 4 sqrt(n). How many lists a query visits is measured when a part is
    written, on queries that are no papers (see `_visits`).
    """

    def __init__(self, *, exact_rows: int = EXACT_ROWS, threads: int = 0) -> None:
        self._exact_rows, self._threads = exact_rows, cores(threads)

    def write(self, stem: Path, blocks: Iterable[NDArray[np.float32]], rows: int, dimension: int) -> None:
        if rows <= self._exact_rows:
            out = np.lib.format.open_memmap(_vectors(stem), mode="w+", dtype=np.float32, shape=(rows, dimension))
            at = 0
            for block in blocks:
                out[at : at + len(block)] = block
                at += len(block)
            out.flush()
            return
        import faiss

        faiss.omp_set_num_threads(self._threads)
        lists = int(4 * np.sqrt(rows))
        index: Any = faiss.index_factory(dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 8
        index.train(_sample(blocks, rows, dimension, lists * _PER_LIST))
        for block in blocks:
            index.add(np.ascontiguousarray(block))
        index.nprobe = _visits(index, _strangers(_sample(blocks, rows, dimension, _TRIALS)), lists)
        faiss.write_index(index, str(_index(stem)))

    def open(self, stem: Path) -> Part:
        """Memory-mapped: only what a query visits is read."""
        if _vectors(stem).is_file():
            return _Exact(np.load(_vectors(stem), mmap_mode="r"))
        import faiss

        try:
            return _Lists(faiss.read_index(str(_index(stem)), faiss.IO_FLAG_MMAP))
        except RuntimeError as error:
            raise BackendError(
                f"the search index can't be read: {str(error).splitlines()[0][:160]}",
                where=str(stem.parent),
                todo="delete that folder: it is rebuilt from the store",
            ) from error


class _Exact:
    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors

    def search(
        self, vector: NDArray[np.float32], count: int, mask: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(positions, inner products), best first, at most ``count``."""
        products = np.asarray(self._vectors @ vector)
        places = np.flatnonzero(mask) if mask is not None else np.arange(len(products))
        best = places[np.argsort(-products[places], kind="stable")[:count]]
        return best.astype(np.int64), products[best]


class _Lists:
    def __init__(self, index: Any) -> None:
        self._index = index

    def search(
        self, vector: NDArray[np.float32], count: int, mask: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(positions, inner products as the 8-bit codes give them), best first, at most ``count``."""
        import faiss as library

        faiss: Any = library  # its own type hints know only the C++ side
        query = np.ascontiguousarray(vector[None], dtype=np.float32)
        visits, options = self._index.nprobe, {}
        if mask is not None:
            # The fewer rows may be hit, the more lists must be visited to find as many.
            share = max(float(mask.mean()), 1e-6)
            visits = int(min(self._index.nlist, np.ceil(visits / share)))
            bits = np.packbits(mask, bitorder="little")
            options["sel"] = faiss.IDSelectorBitmap(bits)
        products, places = self._index.search(query, count, params=faiss.SearchParametersIVF(nprobe=visits, **options))
        there = places[0] >= 0
        return places[0][there], products[0][there]


def _sample(blocks: Iterable[NDArray[np.float32]], rows: int, dimension: int, count: int) -> NDArray[np.float32]:
    """About ``count`` of ``rows`` rows, evenly spread (every so-many-th), so that a build is the same every time."""
    step = max(rows // count, 1)
    # Filled in place: joining parts at the end would hold all of them twice, the build's peak
    found = np.empty((-(-rows // step), dimension), dtype=np.float32)
    at = kept = 0
    for block in blocks:
        part = block[(-at) % step :: step]
        found[kept : kept + len(part)] = part
        at += len(block)
        kept += len(part)
    return found[:kept]


def _strangers(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Queries that are no paper: between two papers and far off to a side, like a short question (cosine about 0.5).

    A stored vector as a query lies in the middle of its own list and would make a visit to few lists look enough.
    """
    random = np.random.default_rng(0)
    aside = random.normal(size=vectors.shape)
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    found = vectors + 0.5 * np.roll(vectors, 1, axis=0) + 1.5 * aside
    return np.ascontiguousarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def _visits(index: Any, queries: NDArray[np.float32], lists: int) -> int:
    """Twice the fewest lists (a power of two) that find ``_LEAST_RECALL`` of the nearest that all lists hold.

    Twice, because a person's question may lie further off than any of the trials; the cost is a millisecond or two.
    """
    index.nprobe = lists
    _, exact = index.search(queries, _NEAREST)
    visits = 8
    while visits < lists:
        index.nprobe = visits
        _, found = index.search(queries, _NEAREST)
        same = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True))
        if same >= _LEAST_RECALL * exact.size:
            return min(2 * visits, lists)
        visits *= 2
    return lists


def _vectors(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.vectors.npy")


def _index(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.faiss")
