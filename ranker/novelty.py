"""What is new: how far a paper is from the last weeks' ones, and which papers of a day say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Search = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], "NDArray[np.float32]"]
"""(papers (n, d), others (k, d)) -> inner products (n, k) float32: ``ranker.route.Search``, the FAISS backend."""

NEAR_DUPLICATE = 0.90
"""Cosine (MiniLM, title and abstract) from which two papers count as near-duplicates; see benchmarks/LOG.md."""
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Nearest:
    """``distance`` (n,) float64, 1 - cosine to the nearest earlier paper in [0, 2], NaN where there is none;
    ``position`` (n,) int64 into the earlier papers, -1 where there is none.
    """

    distance: NDArray[np.float64]
    position: NDArray[np.int64]


def nearest_earlier(
    vectors: NDArray[np.float32],
    ids: Sequence[str],
    earlier: NDArray[np.float32],
    earlier_ids: Sequence[str],
    search: Search,
) -> Nearest:
    """For each paper the nearest of the last weeks' papers; another version of the same id is no neighbour.

    ``vectors`` (n, d) and ``earlier`` (m, d): unit rows, float32.
    """
    distance = np.full(len(ids), np.nan)
    position = np.full(len(ids), -1, dtype=np.int64)
    place = {i: at for at, i in enumerate(earlier_ids)}
    for start in range(0, len(ids) if len(earlier_ids) else 0, _AT_ONCE):
        products = search(vectors[start : start + _AT_ONCE], earlier).astype(np.float64)
        for row, name in enumerate(ids[start : start + _AT_ONCE]):
            if name in place:
                products[row, place[name]] = -np.inf
            best = int(products[row].argmax())
            if np.isfinite(products[row, best]):
                position[start + row], distance[start + row] = best, 1.0 - products[row, best]
    return Nearest(distance, position)


def near_duplicates(
    vectors: NDArray[np.float32], ids: Sequence[str], search: Search, *, threshold: float = NEAR_DUPLICATE
) -> list[tuple[str, ...]]:
    """Groups of two and more papers linked by cosines of ``threshold`` or more, each sorted by id, and so the groups.

    Links are followed: a paper between two others joins them.
    """
    if not -1.0 <= threshold <= 1.0:
        raise ValueError(f"threshold must lie in -1..1, not {threshold}")
    parent = list(range(len(ids)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for start in range(0, len(ids), _AT_ONCE):
        products = search(vectors[start : start + _AT_ONCE], vectors)
        rows, columns = np.nonzero(products >= threshold)
        for i, j in zip((rows + start).tolist(), columns.tolist(), strict=True):
            if i < j:
                parent[root(j)] = root(i)
    groups: dict[int, list[str]] = {}
    for i, name in enumerate(ids):
        groups.setdefault(root(i), []).append(name)
    return sorted(tuple(sorted(set(g))) for g in groups.values() if len(set(g)) > 1)
