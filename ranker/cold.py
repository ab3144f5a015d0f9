"""Relevance with nothing learned: from similarities, keywords and the profile's unwanted topics alone."""

from __future__ import annotations

import math

from ranker.profile import Profile
from ranker.types import Paper, Route

# Where the logistic maps to the middle of the scale and how steep it is; only the order matters for ranking.
_MIDDLE, _SLOPE = 0.35, 10.0


def relevance(paper: Paper, route: Route, profile: Profile) -> float:
    """Continuous 1-10, float64, strictly increasing in the evidence: no two papers tie unless their texts are equal."""
    evidence = route.similarity - penalty(route, profile)
    return 1.0 + 9.0 / (1.0 + math.exp(-_SLOPE * (evidence - _MIDDLE)))


def penalty(route: Route, profile: Profile) -> float:
    """What the nearest unwanted topic takes off: the profile's share of its similarity, never below 0."""
    nearest = max((s for _, s in route.unwanted), default=0.0)
    return profile.routing.unwanted_penalty * max(nearest, 0.0)


def describe_unwanted(route: Route, profile: Profile) -> str:
    """For the paper's detail: the unwanted topic that is nearer than any field, with what it took off."""
    near = [(t, s) for t, s in route.unwanted if s > route.similarity]
    if not near:
        return ""
    topic, similarity = max(near, key=lambda t: t[1])
    return f"unwanted topic {topic}: similarity {similarity:.4f} takes off {penalty(route, profile):.4f}"
