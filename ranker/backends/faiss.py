"""FAISS: inner products of papers and centroids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def inner_products(papers: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, d) and (k, d) float32 -> (n, k) float32: an exact search (IndexFlatIP) for all k, put back in order."""
    import faiss

    n, k = papers.shape[0], centroids.shape[0]
    result = np.zeros((n, k), dtype=np.float32)
    if n == 0 or k == 0:
        return result
    index = faiss.IndexFlatIP(centroids.shape[1])
    index.add(np.ascontiguousarray(centroids, dtype=np.float32))
    # From 20 queries on FAISS would call BLAS, whose sums differ in the last bit with the number of papers; a paper's
    # similarities must not depend on its company.
    threshold = faiss.cvar.distance_compute_blas_threshold
    faiss.cvar.distance_compute_blas_threshold = np.iinfo(np.int32).max
    try:
        products, order = index.search(np.ascontiguousarray(papers, dtype=np.float32), k)
    finally:
        faiss.cvar.distance_compute_blas_threshold = threshold
    np.put_along_axis(result, order, products, axis=1)
    return result
