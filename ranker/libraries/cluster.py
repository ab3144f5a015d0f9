"""Spherical k-means: unit vectors into groups by cosine, seeded and deterministic, with a stated rule for their number.

Dhillon and Modha (2001), "Concept decompositions for large sparse text data using clustering"; seeds by k-means++
(Arthur and Vassilvitskii, 2007) with 1 - cosine as the distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RESTARTS, _ITERATIONS = 8, 100
_SAMPLE = 2000
"""Silhouettes take all pairs, so a large library is judged by a seeded sample of this size."""
MOST_FIELDS, SMALLEST_FIELD = 12, 5
LEAST_SILHOUETTE = 0.04
"""Below it no division is better than none: directions drawn at random in 384 dimensions reach 0.01."""
_SHARE_OF_BEST = 0.6
"""Silhouettes of sentence vectors fall with the number of clusters (0.12 at 2, 0.08 at 6 for a library of seven known
fields), so the best of all is nearly always 2; the last peak not far below it is what a reader would call fields.
"""


@dataclass(frozen=True, slots=True)
class Clusters:
    """``labels`` (n,) int64, the largest cluster first; ``centroids`` (k, d) unit float32; ``fit``: mean cosine of a
    vector to its own centroid; ``silhouette`` [-1, 1], NaN for a single cluster.
    """

    labels: NDArray[np.int64]
    centroids: NDArray[np.float32]
    fit: float
    silhouette: float

    @property
    def count(self) -> int:
        return len(self.centroids)


def spherical_kmeans(vectors: NDArray[np.float32], k: int, *, seed: int = 0) -> Clusters:
    """The best of eight restarts by mean cosine. ``vectors`` (n, d) unit rows float32, 1 <= k <= n.

    Raises:
        ValueError: ``k`` out of bounds.
    """
    if not 1 <= k <= len(vectors):
        raise ValueError(f"k must lie in 1..{len(vectors)}, not {k}")
    rng = np.random.default_rng(seed)
    runs = (_lloyd(vectors, _seeds(vectors, k, rng)) for _ in range(_RESTARTS if k > 1 else 1))
    labels, centroids, fit = max(runs, key=lambda run: run[2])
    order = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    place = np.empty(k, dtype=np.int64)
    place[order] = np.arange(k)
    labels = place[labels]
    return Clusters(labels, centroids[order], fit, silhouette(vectors, labels, seed=seed))


def choose_clusters(vectors: NDArray[np.float32], *, seed: int = 0) -> Clusters:
    """As many clusters as the last peak of the mean silhouette that reaches 0.6 of the highest.

    Tried are 2 to 12 clusters with none smaller than 5 papers (so at most n / 5); a peak is higher than the numbers
    next to it. A single cluster where no division reaches a silhouette of 0.04.
    """
    most = min(MOST_FIELDS, len(vectors) // SMALLEST_FIELD)
    tried = [spherical_kmeans(vectors, k, seed=seed) for k in range(2, most + 1)]
    tried = [c for c in tried if np.bincount(c.labels).min() >= SMALLEST_FIELD]
    heights = [c.silhouette for c in tried]
    if not tried or max(heights) < LEAST_SILHOUETTE:
        return spherical_kmeans(vectors, 1, seed=seed)
    least = max(_SHARE_OF_BEST * max(heights), LEAST_SILHOUETTE)
    around = [-1.0, *heights, -1.0]
    peaks = [c for c, before, h, after in zip(tried, around, heights, around[2:], strict=False) if before < h >= after]
    return [c for c in peaks if c.silhouette >= least][-1]


def silhouette(vectors: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int = 0) -> float:
    """Mean of (b - a) / max(a, b) (Rousseeuw, 1987), distances 1 - cosine; 0 for a vector alone in its cluster.

    NaN where there is but one cluster. Over 2,000 vectors a seeded sample is measured against all of them.
    """
    k = int(labels.max()) + 1
    if k < 2:
        return float("nan")
    n = len(vectors)
    rows = np.arange(n) if n <= _SAMPLE else np.random.default_rng(seed).choice(n, _SAMPLE, replace=False)
    sizes = np.bincount(labels, minlength=k).astype(np.float64)
    member = np.zeros((n, k), dtype=np.float32)
    member[np.arange(n), labels] = 1.0
    # The mean distance to a cluster is 1 - the mean cosine: one product with the clusters' sums, no n x n table.
    totals = sizes[None, :] - (vectors[rows] @ (vectors.T @ member)).astype(np.float64)
    own = labels[rows]
    at = np.arange(len(rows))
    alone = sizes[own] < 2
    a = totals[at, own] / np.maximum(sizes[own] - 1, 1)
    means = totals / sizes[None, :]
    means[at, own] = np.inf
    b = means.min(axis=1)
    score = (b - a) / np.maximum(np.maximum(a, b), 1e-12)
    return float(np.where(alone, 0.0, score).mean())


def _seeds(vectors: NDArray[np.float32], k: int, rng: np.random.Generator) -> NDArray[np.float32]:
    chosen = [int(rng.integers(len(vectors)))]
    distance = 1.0 - vectors @ vectors[chosen[0]]
    while len(chosen) < k:
        weight = np.maximum(distance, 0.0).astype(np.float64)
        weight[chosen] = 0.0
        total = weight.sum()
        if total <= 0.0:  # fewer different vectors than clusters: any that is left
            left = np.setdiff1d(np.arange(len(vectors)), chosen)
            chosen.append(int(rng.choice(left)))
        else:
            chosen.append(int(rng.choice(len(vectors), p=weight / total)))
        distance = np.minimum(distance, 1.0 - vectors @ vectors[chosen[-1]])
    return vectors[chosen].copy()


def _lloyd(
    vectors: NDArray[np.float32], centroids: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32], float]:
    k = len(centroids)
    labels = np.full(len(vectors), -1, dtype=np.int64)
    for _ in range(_ITERATIONS):
        products = vectors @ centroids.T
        found = products.argmax(axis=1)
        for empty in np.setdiff1d(np.arange(k), found):
            # The vector that fits worst, out of a cluster that can spare one, starts the empty cluster anew.
            spare = np.bincount(found, minlength=k)[found] > 1
            nearest = np.where(spare, products[np.arange(len(vectors)), found], np.inf)
            found[int(nearest.argmin())] = empty
        if np.array_equal(found, labels):
            break
        labels = found
        sums = (labels[None, :] == np.arange(k)[:, None]).astype(np.float32) @ vectors
        centroids = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    fit = float((vectors * centroids[labels]).sum(axis=1).mean())
    return labels, centroids.astype(np.float32), fit
