"""Followed authors and phrases."""

from __future__ import annotations

import pytest

from ranker.followed import Followed, followed, lifted, same_person, sections
from ranker.profile import Subscriptions
from tests.make import paper


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jane Doe", "jane doe", True),
        ("Jane Doe", "J. Doe", True),
        ("J. Doe", "John Doe", True),
        ("Jane Doe", "John Doe", False),
        ("Doe, Jane", "Jane Doe", True),
        ("Jürgen Schmidhuber", "Jurgen Schmidhuber", True),
        ("Jane Q. Doe", "Jane Doe", True),
        ("Doe", "Jane Doe", False),
        ("李飞飞", "李飞飞", True),
        ("", "Jane Doe", False),
        ("Wei Li", "Wei Liu", False),
    ],
)
def test_names(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same_person(other, one) is same


def test_what_a_paper_is_followed_for() -> None:
    follow = Subscriptions(authors=("Jane Doe",), phrases=("KV cache", "sparse attention"))
    p = paper(1, authors=("Ada Brook", "J. Doe"), abstract="We compress KV caches.")
    assert followed(p, follow) == Followed(("Jane Doe",), ("KV caches",))
    assert not followed(paper(2), follow)
    assert sections([p, paper(2)], follow) == [("Jane Doe", (p,)), ("KV cache", (p,))]


def test_the_lift_keeps_the_order_and_the_bounds() -> None:
    found = Followed(("Jane Doe",), ())
    assert lifted(6.0, found, lift=0.25) == pytest.approx(7.0)
    assert lifted(10.0, found) == pytest.approx(10.0)
    assert lifted(6.0, Followed((), ())) == 6.0
    assert lifted(3.0, found) < lifted(3.1, found)
