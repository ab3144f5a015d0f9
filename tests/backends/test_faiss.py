"""FAISS against a second implementation (numpy), and independence of a paper's company."""

from __future__ import annotations

import numpy as np

from ranker.backends.faiss import inner_products


def unit(n: int, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, 48)).astype(np.float32)
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def test_products_equal_numpys_in_the_centroids_order() -> None:
    papers, centroids = unit(50, 0), unit(7, 1)
    np.testing.assert_allclose(inner_products(papers, centroids), papers @ centroids.T, atol=1e-6)


def test_a_papers_products_do_not_depend_on_its_company() -> None:
    papers, centroids = unit(500, 0), unit(80, 1)
    whole = inner_products(papers, centroids)
    for start, stop in ((0, 1), (3, 22), (100, 499)):
        assert (inner_products(papers[start:stop], centroids) == whole[start:stop]).all()


def test_nothing_in_nothing_out() -> None:
    assert inner_products(unit(0, 0), unit(3, 1)).shape == (0, 3)
