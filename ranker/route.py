"""Routing: papers against field centroids by inner product of unit vectors, with margin and exclusions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker.match import find_all
from ranker.profile import Profile
from ranker.types import Exclusion, Paper, Route

if TYPE_CHECKING:
    from numpy.typing import NDArray

Search = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], "NDArray[np.float32]"]
"""(papers (n, d), centroids (k, d)) -> inner products (n, k) float32; FAISS outside of tests."""


@dataclass(frozen=True, slots=True)
class CentroidText:
    """A text whose vector is a (sub-)centroid: ``owner`` indexes the profile's fields, then its unwanted topics.

    ``label`` names an example paper in reasons; None for descriptions and keywords.
    """

    owner: int
    text: str
    kind: str
    label: str | None = None


def centroid_texts(profile: Profile) -> list[CentroidText]:
    """What is embedded for a profile: descriptions and keywords as queries, example papers as documents."""
    texts: list[CentroidText] = []
    for owner, f in enumerate(profile.fields):
        texts += [CentroidText(owner, " ".join(d.split()), "query") for d in (f.description, *f.descriptions)]
        if f.keywords:
            texts.append(CentroidText(owner, ", ".join(f.keywords), "query"))
        for e in f.examples:
            label = f"{e.title} ({e.id})" if e.id else e.title
            texts.append(CentroidText(owner, f"{e.title}. {e.abstract}".strip(), "document", label))
    for owner, topic in enumerate(profile.unwanted, len(profile.fields)):
        texts.append(CentroidText(owner, " ".join(topic.description.split()), "query"))
        if topic.keywords:
            texts.append(CentroidText(owner, ", ".join(topic.keywords), "query"))
    return texts


def best_by_owner(products: NDArray[np.float32], owners: Sequence[int], count: int) -> NDArray[np.float32]:
    """(n, k) inner products -> (n, count): a topic is as near as its nearest sub-centroid."""
    result = np.full((products.shape[0], count), -1.0, dtype=np.float32)
    for column, owner in enumerate(owners):
        np.maximum(result[:, owner], products[:, column], out=result[:, owner])
    return result


def vetoes(papers: Sequence[Paper], profile: Profile) -> list[tuple[Exclusion, ...]]:
    """The vetoed keywords that stand in each paper's title or abstract."""
    words = profile.veto_keywords
    if not words:
        return [()] * len(papers)
    return [tuple(Exclusion("vetoed", w) for w in find_all(words, f"{p.title}\n{p.abstract}")) for p in papers]


def route(
    papers: Sequence[Paper],
    vectors: NDArray[np.float32],
    profile: Profile,
    texts: Sequence[CentroidText],
    centroids: NDArray[np.float32],
    search: Search,
) -> list[Route]:
    """One route a paper, in order. ``vectors`` (n, d) and ``centroids`` (len(texts), d): unit rows, float32.

    A field's own exclusion removes that field only; unwanted topics are reported with their similarity, the judge
    lowers the score by the profile's share of it.
    """
    fields, count = profile.field_names, len(profile.fields) + len(profile.unwanted)
    products = search(np.ascontiguousarray(vectors, dtype=np.float32), centroids)
    similarities = best_by_owner(products, [t.owner for t in texts], count)
    examples = [i for i, t in enumerate(texts) if t.label is not None]
    return [
        _route(paper, similarities[i], products[i], profile, fields, texts, examples) for i, paper in enumerate(papers)
    ]


def _route(
    paper: Paper,
    similarities: NDArray[np.float32],
    products: NDArray[np.float32],
    profile: Profile,
    fields: Sequence[str],
    texts: Sequence[CentroidText],
    examples: Sequence[int],
) -> Route:
    named = tuple((f, float(similarities[i])) for i, f in enumerate(fields))
    unwanted = tuple((t.name, float(similarities[len(fields) + i])) for i, t in enumerate(profile.unwanted))
    exclusions = _field_exclusions(paper, profile)
    removed = {e.what for e in exclusions}
    ranked = sorted((f for f in named if f[0] not in removed), key=lambda f: -f[1])
    if not ranked:
        return Route(None, max(s for _, s in named), None, 0.0, False, named, unwanted, exclusions)
    best, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    near = max((i for i in examples if fields[texts[i].owner] == best[0]), key=lambda i: products[i], default=None)
    return Route(
        field=best[0],
        similarity=best[1],
        second=second[0] if second else None,
        margin=best[1] - second[1] if second else best[1],
        routed=best[1] >= profile.routing.min_similarity,
        similarities=named,
        unwanted=unwanted,
        exclusions=exclusions,
        nearest_example=texts[near].label if near is not None else None,
        nearest_similarity=float(products[near]) if near is not None else None,
    )


def _field_exclusions(paper: Paper, profile: Profile) -> tuple[Exclusion, ...]:
    if not any(f.exclude for f in profile.fields):
        return ()
    text = f"{paper.title}\n{paper.abstract}"
    return tuple(Exclusion("field", f.name) for f in profile.fields if f.exclude and find_all(f.exclude, text))
