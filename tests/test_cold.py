"""The cold formula, worked out by hand on small vectors, and what routing says of it."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest

from ranker import cold
from ranker.profile import Example, Field, Profile, Routing, Topic
from ranker.route import CentroidText, background_topics, centroid_texts, route, vetoes
from ranker.types import Evidence, Route
from tests.make import paper, profile

A = [1.0, 0.0, 0.0, 0.0]
B = [0.0, 1.0, 0.0, 0.0]
C = [0.0, 0.0, 1.0, 0.0]


def numpy_search(papers: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return np.asarray(papers @ centroids.T)


TEXTS = [
    CentroidText(0, "a", "description"),
    CentroidText(0, "a2", "aspect"),
    CentroidText(0, "k", "keywords"),
    CentroidText(1, "b", "description"),
    CentroidText(2, "u", "description"),
    CentroidText(-1, "t", "background"),
]
CENTROIDS = np.array([A, B, [0.6, 0.8, 0, 0], B, C, C], dtype=np.float32)


def routed(**changes: Any) -> Route:
    vectors = np.array([[0.8, 0.0, 0.6, 0.0]], dtype=np.float32)
    return route([paper(1)], vectors, profile(**changes), TEXTS, CENTROIDS, numpy_search)[0]


def test_evidence_by_hand() -> None:
    found = routed().evidence
    assert found is not None
    # Field A: d = 0.8, k = 0.48, s = 0 (aspect B), no keyword in the text. Field B: d = k = s = 0.
    f_a, f_b = (0.8 + 0.48) / 2 + 0.15 * 0.0, 0.0
    assert found.fields == pytest.approx((f_a, f_b), abs=1e-6)
    assert (found.unwanted, found.unwanted_terms, found.background) == pytest.approx((0.6, 0.0, 0.6), abs=1e-6)
    soft = 0.1 * (math.log(math.exp(f_a / 0.1) + math.exp(f_b / 0.1)) - math.log(2 / 7))
    assert found.total == pytest.approx(soft - 0.5 * 0.6 - 0.6 * 0.6, abs=1e-6)
    assert cold.relevance(found) == pytest.approx(1 + 9 / (1 + math.exp(-(11.2 * found.total - 5.74))))


def test_keywords_weigh_by_words_and_place() -> None:
    fields = (Field("A", "d", keywords=("KV cache", "GPU")),)
    p = paper(1, title="A KV cache", abstract="On a GPU and a KV-cache.")
    # KV cache: weight 1, title 2 + abstract 1; GPU (acronym): weight 1, abstract 1.
    assert cold.lexical(fields[0].keywords, p) == pytest.approx(1 - math.exp(-(3 + 1) / 2))
    assert cold.lexical(("alpha",), p) == 0.0


def test_similarity_is_the_nearest_sub_centroids_and_the_margin_the_difference() -> None:
    found = routed()
    assert dict(found.similarities) == pytest.approx({"A": 0.8, "B": 0.0})
    assert (found.field, found.second, found.routed) == ("A", "B", True)
    assert found.margin == pytest.approx(0.8)
    assert dict(found.unwanted) == pytest.approx({"U": 0.6})


def test_what_falls_short_is_unrouted() -> None:
    assert not routed(routing=Routing(min_similarity=0.9)).routed


def test_a_fields_own_exclusion_removes_that_field_only() -> None:
    base = profile()
    fields = (dataclasses.replace(base.fields[0], exclude=("method",)), base.fields[1])
    found = routed(fields=fields)
    assert (found.field, found.second) == ("B", None)
    assert [(e.kind, e.what) for e in found.exclusions if e.kind == "field"] == [("field", "A")]
    none_left = routed(fields=(dataclasses.replace(base.fields[0], exclude=("method",)),), unwanted=())
    assert none_left.field is None and not none_left.routed


def test_an_unwanted_topic_nearer_than_any_field_is_named_and_only_lowers() -> None:
    texts, centroids = TEXTS, CENTROIDS
    vector = np.array([[0.6, 0.0, 0.8, 0.0]], dtype=np.float32)
    with_topic = route([paper(1)], vector, profile(), texts, centroids, numpy_search)[0]
    assert [(e.kind, e.what) for e in with_topic.exclusions] == [("unwanted", "U")]
    assert with_topic.routed
    lenient = route([paper(1)], vector, profile(routing=Routing(0.05, 0.0)), texts, centroids, numpy_search)[0]
    assert with_topic.evidence is not None and lenient.evidence is not None
    assert with_topic.evidence.total < lenient.evidence.total
    assert "U" in cold.describe_unwanted(with_topic, profile())


def test_a_vetoed_keyword_fires() -> None:
    from ranker.profile import Veto

    found = vetoes([paper(1), paper(2, abstract="nothing")], profile(veto=Veto(("method",))))
    assert [[e.what for e in f] for f in found] == [["method"], []]


def test_a_background_topic_of_the_readers_own_is_left_out() -> None:
    roles = [(t.owner, t.role) for t in TEXTS]
    assert cold.Layout.of(profile(), roles, CENTROIDS).background == (5,)
    near = CENTROIDS.copy()
    near[5] = A
    assert cold.Layout.of(profile(), roles, near).background == ()


def test_relevance_rises_strictly_and_stays_in_its_range() -> None:
    values = [cold.relevance(Evidence((), 0, 0, 0, t)) for t in np.linspace(-1.5, 2.0, 2001)]
    assert all(a < b for a, b in itertools.pairwise(values))
    assert values[0] > 1.0 and values[-1] < 10.0


def test_a_profiles_texts() -> None:
    chosen: Profile = profile(
        fields=(Field("A", "about\n a", ("more",), ("k1", "k2"), (Example("T", "Abs", "1706.03762"),)),),
        unwanted=(Topic("U", "u", ("x",)),),
    )
    texts = centroid_texts(chosen)[: -len(background_topics())]
    assert [(t.owner, t.text, t.kind, t.label) for t in texts] == [
        (0, "about a", "query", None),
        (0, "more", "query", None),
        (0, "k1, k2", "query", None),
        (0, "T. Abs", "document", "T (1706.03762)"),
        (1, "u", "query", None),
        (1, "x", "query", None),
    ]
