"""Routing: papers against field centroids by inner product of unit vectors, with margin and exclusions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from ranker import cold, resources
from ranker.match import find_in
from ranker.profile import Profile
from ranker.types import Exclusion, Paper, Route, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

Search = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], "NDArray[np.float32]"]
"""(papers (n, d), centroids (k, d)) -> inner products (n, k) float32; FAISS outside of tests."""

Role = Literal["description", "aspect", "keywords", "example", "background"]


@dataclass(frozen=True, slots=True)
class CentroidText:
    """A text whose vector is a (sub-)centroid: ``owner`` indexes the profile's fields, then its unwanted topics.

    ``aspect``: a further description; ``background``: a common topic that is nobody's (owner -1). ``label`` names an
    example paper in reasons.
    """

    owner: int
    text: str
    role: Role
    label: str | None = None

    @property
    def kind(self) -> TextKind:
        """Descriptions are queries to the encoder, example papers documents."""
        return "document" if self.role == "example" else "query"


def centroid_texts(profile: Profile) -> list[CentroidText]:
    """What is embedded for a profile."""
    texts: list[CentroidText] = []
    for owner, f in enumerate(profile.fields):
        texts.append(CentroidText(owner, " ".join(f.description.split()), "description"))
        texts += [CentroidText(owner, " ".join(d.split()), "aspect") for d in f.descriptions]
        if f.keywords:
            texts.append(CentroidText(owner, ", ".join(f.keywords), "keywords"))
        for e in f.examples:
            text = f"{e.title}. {e.abstract}" if e.abstract else e.title
            texts.append(CentroidText(owner, text, "example", f"{e.title} ({e.id})" if e.id else e.title))
    for owner, topic in enumerate(profile.unwanted, len(profile.fields)):
        texts.append(CentroidText(owner, " ".join(topic.description.split()), "description"))
        if topic.keywords:
            texts.append(CentroidText(owner, ", ".join(topic.keywords), "keywords"))
    return [*texts, *(CentroidText(-1, t, "background") for t in background_topics())]


@lru_cache(maxsize=1)
def background_topics() -> tuple[str, ...]:
    """One line each on common topics of arXiv's computer science, shipped with the package."""
    return tuple(json.loads(resources.background_topics().read_text(encoding="utf-8")))


def vetoes(papers: Sequence[Paper], profile: Profile) -> list[tuple[Exclusion, ...]]:
    """The vetoed keywords that stand in each paper's title or abstract."""
    words = profile.veto_keywords
    if not words:
        return [()] * len(papers)
    return [tuple(Exclusion("vetoed", w) for w in find_in(words, p.title, p.abstract)) for p in papers]


def route(
    papers: Sequence[Paper],
    vectors: NDArray[np.float32],
    profile: Profile,
    texts: Sequence[CentroidText],
    centroids: NDArray[np.float32],
    search: Search,
) -> list[Route]:
    """One route a paper, in order. ``vectors`` (n, d) and ``centroids`` (len(texts), d): unit rows, float32.

    A topic is as near as its nearest sub-centroid. A field's own exclusion removes that field only; unwanted topics
    are reported with their similarity, the judge lowers the score by the profile's share of it.
    """
    products = search(np.ascontiguousarray(vectors, dtype=np.float32), centroids)
    layout = cold.Layout.of(profile, [(t.owner, t.role) for t in texts], centroids)
    similarities = layout.nearest(products)
    return [_route(p, similarities[i], products[i], profile, texts, layout) for i, p in enumerate(papers)]


def _route(
    paper: Paper,
    similarities: NDArray[np.float32],
    products: NDArray[np.float32],
    profile: Profile,
    texts: Sequence[CentroidText],
    layout: cold.Layout,
) -> Route:
    fields = profile.field_names
    named = tuple((f, float(similarities[i])) for i, f in enumerate(fields))
    unwanted = tuple((t.name, float(similarities[len(fields) + i])) for i, t in enumerate(profile.unwanted))
    exclusions = _field_exclusions(paper, profile)
    removed = {e.what for e in exclusions}
    evidence = cold.evidence(paper, products, profile, layout, removed)
    ranked = sorted((f for f in named if f[0] not in removed), key=lambda f: -f[1])
    if not ranked:
        nearest = max(s for _, s in named)
        return Route(None, nearest, None, 0.0, False, named, unwanted, exclusions, evidence=evidence)
    best, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    examples = [i for i, t in enumerate(texts) if t.label is not None]
    near = max(examples, key=lambda i: products[i], default=None)
    over = max((u for u in unwanted if u[1] > best[1]), key=lambda u: u[1], default=None)
    lowered = () if over is None else (Exclusion("unwanted", over[0], over[1]),)
    return Route(
        field=best[0],
        similarity=best[1],
        second=second[0] if second else None,
        margin=best[1] - second[1] if second else best[1],
        routed=best[1] >= profile.routing.min_similarity,
        similarities=named,
        unwanted=unwanted,
        exclusions=(*exclusions, *lowered),
        nearest_example=texts[near].label if near is not None else None,
        nearest_similarity=float(products[near]) if near is not None else None,
        evidence=evidence,
    )


def _field_exclusions(paper: Paper, profile: Profile) -> tuple[Exclusion, ...]:
    if not any(f.exclude for f in profile.fields):
        return ()
    found = ((f.name, find_in(f.exclude, paper.title, paper.abstract)) for f in profile.fields if f.exclude)
    return tuple(Exclusion("field", name, keyword=", ".join(words)) for name, words in found if words)
