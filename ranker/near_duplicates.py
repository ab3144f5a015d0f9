"""Near-duplicates: which papers of a day say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Search = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], "NDArray[np.float32]"]
"""(papers (n, d), others (k, d)) -> inner products (n, k) float32: ``ranker.route.Search``, the FAISS backend."""

NEAR_DUPLICATE = 0.90
"""Cosine (MiniLM, title and abstract) from which two papers count as near-duplicates; see benchmarks/LOG.md."""
_AT_ONCE = 256


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
