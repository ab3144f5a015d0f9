"""Relevance with nothing learned: from similarities, keywords, unwanted topics and common background topics alone.

For topic i let d_i, k_i be the inner products with its description and its keywords, s_i the largest with a further
description or example, L_i in [0, 1) the evidence of its keywords in title and abstract. Then, over the fields,

    F_i = (d_i + k_i) / 2 + 0.15 s_i + 0.20 L_i          A = t ln(sum_i exp(F_i / t)) - t ln(n / 7),  t = 0.1
    E   = A - p max(U, 0) - 0.4 p LU - 0.6 B             relevance = 1 + 9 / (1 + exp(-(11.2 E - 5.74)))

with p the profile's unwanted penalty, U and LU the largest (d + k) / 2 and L of an unwanted topic, and B the mean of
the five largest inner products with background topics. The handful of constants was chosen on the judged days before
2026-01-01 (mean AP a day 0.63 there, 0.68 on the days after; 0.57 from the nearest centroid less half the unwanted
similarity); no weight is fitted to papers.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Self

import numpy as np

from ranker.match import is_acronym, keywords
from ranker.profile import Profile
from ranker.types import Evidence, Paper, Route

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ASPECT, _LEXICAL, _TEMPERATURE = 0.15, 0.20, 0.1
_TERMS, _BACKGROUND, _NEAREST_TOPICS = 0.4, 0.6, 5
_SLOPE, _OFFSET = 11.2, 5.74
_REFERENCE_FIELDS = 7
_OWN_TOPIC = 0.60
"""A background topic with this cosine to a field's centroid is that reader's topic, so it is left out."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of the products by topic (fields, then unwanted topics): description, keywords, aspects; background."""

    description: tuple[int, ...]
    keywords: tuple[int | None, ...]
    aspects: tuple[tuple[int, ...], ...]
    background: tuple[int, ...]

    @classmethod
    def of(cls, profile: Profile, roles: Sequence[tuple[int, str]], centroids: NDArray[np.float32]) -> Self:
        """From (owner, role) of every centroid, in the columns' order; ``centroids`` (k, d) unit rows."""
        topics = range(len(profile.fields) + len(profile.unwanted))

        def columns(owner: int, *wanted: str) -> tuple[int, ...]:
            return tuple(i for i, (o, role) in enumerate(roles) if o == owner and role in wanted)

        own = [i for i, (o, _) in enumerate(roles) if 0 <= o < len(profile.fields)]
        others = [i for i, (o, _) in enumerate(roles) if o == -1]
        alike = (centroids[others] @ centroids[own].T).max(axis=1) if others and own else np.zeros(len(others))
        return cls(
            description=tuple(columns(t, "description")[0] for t in topics),
            keywords=tuple(next(iter(columns(t, "keywords")), None) for t in topics),
            aspects=tuple(columns(t, "aspect", "example") for t in topics),
            background=tuple(i for i, a in zip(others, alike.tolist(), strict=True) if a <= _OWN_TOPIC),
        )

    def nearest(self, products: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, k) products -> (n, topics): the similarity to each topic's nearest sub-centroid."""
        result = np.empty((products.shape[0], len(self.description)), dtype=np.float32)
        for topic, (d, k, s) in enumerate(zip(self.description, self.keywords, self.aspects, strict=True)):
            result[:, topic] = products[:, [d, *([k] if k is not None else []), *s]].max(axis=1)
        return result

    def centre(self, products: NDArray[np.float32], topic: int) -> float:
        """(d + k) / 2 of one paper's products (k,)."""
        d, k = self.description[topic], self.keywords[topic]
        return (float(products[d]) + float(products[k if k is not None else d])) / 2.0


def evidence(
    paper: Paper, products: NDArray[np.float32], profile: Profile, layout: Layout, removed: Collection[str] = ()
) -> Evidence:
    """The formula above for one paper; ``removed`` fields (by their own exclusion) are left out of A."""
    per_field = []
    for i, f in enumerate(profile.fields):
        near = max((float(products[j]) for j in layout.aspects[i]), default=float(products[layout.description[i]]))
        terms = lexical(f.keywords, paper)
        per_field.append(layout.centre(products, i) + _ASPECT * near + _LEXICAL * terms)
    count = len(profile.fields)
    unwanted = max((layout.centre(products, count + i) for i in range(len(profile.unwanted))), default=0.0)
    terms = max((lexical(t.keywords, paper) for t in profile.unwanted), default=0.0)
    nearest = sorted((float(products[j]) for j in layout.background), reverse=True)[:_NEAREST_TOPICS]
    background = sum(nearest) / len(nearest) if nearest else 0.0
    kept = [v for v, f in zip(per_field, profile.fields, strict=True) if f.name not in removed]
    penalty = profile.routing.unwanted_penalty
    total = soft_maximum(kept or per_field, count)
    total -= penalty * max(unwanted, 0.0) + _TERMS * penalty * terms + _BACKGROUND * background
    return Evidence(tuple(per_field), unwanted, terms, background, total)


def soft_maximum(values: Sequence[float], fields: int) -> float:
    """t ln(sum exp(v / t)), less what more fields than the reference would add."""
    top = max(values)
    total = sum(math.exp((v - top) / _TEMPERATURE) for v in values)
    return top + _TEMPERATURE * (math.log(total) - math.log(fields / _REFERENCE_FIELDS))


def lexical(texts: Sequence[str], paper: Paper) -> float:
    """1 - exp(-sum_q w_q (2 [q in title] + [q in abstract]) / 2) in [0, 1); rarer (longer) keywords weigh more."""
    among = keywords(tuple(texts))
    title, abstract = among.find(paper.title), among.find(paper.abstract)
    total = 0.0
    for place in sorted(title.keys() | abstract.keys()):
        total += (2.0 * (place in title) + (place in abstract)) * _weight(texts[place])
    return 1.0 - math.exp(-total / 2.0)


@cache
def _weight(text: str) -> float:
    words = len(text.replace("-", " ").split())
    if words == 1:
        return 1.0 if is_acronym(text) else 0.5
    return 1.0 if words == 2 else 1.2


def probability(found: Evidence) -> float:
    """P(recommended), two constants fitted on the judged days before 2026-01-01."""
    return 1.0 / (1.0 + math.exp(-(_SLOPE * found.total - _OFFSET)))


def relevance(found: Evidence) -> float:
    """Continuous 1-10, float64, strictly increasing in the evidence: papers tie only where their texts are equal."""
    return 1.0 + 9.0 * probability(found)


def best_field(found: Evidence, profile: Profile, removed: Collection[str] = ()) -> str:
    """The field with the strongest evidence that its own exclusion did not remove."""
    named = zip(profile.field_names, found.fields, strict=True)
    return max(((v, name) for name, v in named if name not in removed), key=lambda p: p[0])[1]


def describe_unwanted(route: Route, profile: Profile) -> str:
    """For the paper's detail: the unwanted topic that is nearer than any field, with what topics took off."""
    near = next((e for e in route.exclusions if e.kind == "unwanted"), None)
    if near is None or route.evidence is None:
        return ""
    penalty = profile.routing.unwanted_penalty
    off = penalty * max(route.evidence.unwanted, 0.0) + _TERMS * penalty * route.evidence.unwanted_terms
    return f"unwanted topic {near.what}: similarity {near.amount:.4f}, {off:.4f} of evidence taken off"
