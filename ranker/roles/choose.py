"""From probabilities to roles: marked spans together, and the sentences that stand for each role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np

from ranker.roles.model import ROLES, Floats

ORDER_WEIGHT = 0.3
"""How much the usual order of the roles counts beside the words (chosen on two splits among 0.3, 0.5, 0.8)."""


def together(probabilities: Floats, orders: Mapping[tuple[int, ...], float]) -> Floats:
    """Probabilities (n, 4) of an abstract's marked spans, in order of their starts, given each other.

    Readers mark each role at most once, mostly task, problem, idea, result: every assignment of different roles is
    weighed by the spans' own probabilities and by how often its order occurs, then summed per span. More spans than
    roles are taken each for itself.
    """
    count = len(probabilities)
    if not 0 < count <= len(ROLES):
        return probabilities
    logs = np.log(np.clip(probabilities, 1e-6, 1.0))
    assignments = list(permutations(range(len(ROLES)), count))
    rare = min(orders.values(), default=0.0)
    scores = np.array(
        [
            sum(float(logs[row, role]) for row, role in enumerate(roles)) + ORDER_WEIGHT * orders.get(roles, rare)
            for roles in assignments
        ]
    )
    weights = np.exp(scores - scores.max())
    joint = np.zeros_like(probabilities)
    for roles, weight in zip(assignments, weights / weights.sum(), strict=True):
        joint[np.arange(count), list(roles)] += weight
    return joint


def best_sentences(probabilities: Floats, least: float) -> dict[str, int]:
    """Role -> the sentence that plays it, each sentence at most one, none below ``least``.

    ``probabilities`` (n, 5) of the sentence head. The surest pair is taken first.
    """
    pairs: Sequence[tuple[float, int, int]] = sorted(
        (
            (float(probabilities[row, role]), row, role)
            for row in range(len(probabilities))
            for role in range(len(ROLES))
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    found: dict[str, int] = {}
    for value, row, role in pairs:
        if value >= least and ROLES[role] not in found and row not in found.values():
            found[ROLES[role]] = row
    return found
