"""Spherical k-means on vectors whose groups are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ranker.libraries.cluster import choose_clusters, silhouette, spherical_kmeans


def around(directions: int, each: int, noise: float, dimension: int = 16) -> NDArray[np.float32]:
    """``each`` unit vectors around each of the first axes."""
    rng = np.random.default_rng(1)
    middle = np.repeat(np.eye(directions, dimension), each, axis=0)
    vectors = middle + noise * rng.normal(size=middle.shape)
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_groups_are_found_whole_and_the_largest_comes_first() -> None:
    vectors = np.concatenate([around(3, 10, 0.1), around(1, 5, 0.1)])
    found = spherical_kmeans(vectors, 3)
    assert np.bincount(found.labels).tolist() == [15, 10, 10]
    assert [len(set(found.labels[i : i + 10].tolist())) for i in (0, 10, 20)] == [1, 1, 1]
    assert np.allclose(np.linalg.norm(found.centroids, axis=1), 1.0, atol=1e-5)


def test_the_rule_finds_the_number_of_clear_groups() -> None:
    for groups in (2, 3, 6):
        assert choose_clusters(around(groups, 12, 0.1)).count == groups


def test_no_division_of_noise() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 384)).astype(np.float32)
    assert choose_clusters(noise / np.linalg.norm(noise, axis=1, keepdims=True)).count == 1


def test_silhouette_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    vectors = around(3, 8, 0.4)
    labels = spherical_kmeans(vectors, 4).labels
    assert silhouette(vectors, labels) == pytest.approx(
        metrics.silhouette_score(vectors, labels, metric="cosine"), abs=1e-5
    )


def test_equal_vectors_and_empty_clusters() -> None:
    vectors = np.tile(np.eye(1, 4, dtype=np.float32), (6, 1))
    found = spherical_kmeans(vectors, 3)
    assert found.count == 3 and len(found.labels) == 6 and np.isfinite(found.centroids).all()
    with pytest.raises(ValueError, match="not 7"):
        spherical_kmeans(vectors, 7)
