"""Near-duplicates, by hand on vectors in the plane and through FAISS; and what a run says of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ranker.backends.faiss import inner_products
from ranker.near_duplicates import Search, near_duplicates


def plain(a: Any, b: Any) -> Any:
    return a @ b.T


def at(*degrees: float) -> Any:
    return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=np.float32)


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
