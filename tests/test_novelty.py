"""Novelty and near-duplicates, by hand on vectors in the plane and through FAISS."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ranker.backends.faiss import inner_products
from ranker.novelty import Search, near_duplicates, nearest_earlier


def plain(a: Any, b: Any) -> Any:
    return a @ b.T


def at(*degrees: float) -> Any:
    return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=np.float32)


@pytest.mark.parametrize("search", [plain, inner_products])
def test_distance_to_the_nearest_earlier_paper(search: Search) -> None:
    found = nearest_earlier(at(0, 90), ["new", "same"], at(60, 90), ["old", "same"], search)
    # "new" is 60 degrees from "old"; "same" must not meet itself, so it is 30 degrees from "old"
    assert found.distance == pytest.approx([1 - 0.5, 1 - math.cos(math.radians(30))], abs=1e-6)
    assert found.position.tolist() == [0, 0]


def test_no_earlier_papers_is_no_distance() -> None:
    empty = np.zeros((0, 2), dtype=np.float32)
    found = nearest_earlier(at(0), ["new"], empty, [], plain)
    assert np.isnan(found.distance).all() and found.position.tolist() == [-1]
    alone = nearest_earlier(at(0), ["same"], at(0), ["same"], plain)
    assert np.isnan(alone.distance).all()


@pytest.mark.parametrize("search", [plain, inner_products])
def test_groups_follow_links(search: Search) -> None:
    # 0-10-20 are linked by steps of 10 degrees, 0 and 20 only through 10; 90 and 95 are a pair; 180 is alone
    ids = ["c", "a", "b", "y", "x", "z"]
    groups = near_duplicates(at(0, 10, 20, 90, 95, 180), ids, search, threshold=math.cos(math.radians(11)))
    assert groups == [("a", "b", "c"), ("x", "y")]
    assert near_duplicates(at(0, 90), ["a", "b"], search) == []


def test_many_papers_are_searched_in_parts() -> None:
    vectors = at(*[i * 0.1 for i in range(600)])
    ids = [f"{i:03d}" for i in range(600)]
    assert near_duplicates(vectors, ids, plain, threshold=0.99999) == [tuple(ids)]
    with pytest.raises(ValueError, match="threshold"):
        near_duplicates(vectors, ids, plain, threshold=2.0)
