"""Which examples are learned from together, the same for the same seed: what makes a run resumable."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ranker.backends.finetune.examples import Example

_POOL = 16
"""Batches' worth of examples that are sorted by length together: little padding, and still a random order."""


def batches(examples: Sequence[Example], size: int, epochs: int, seed: int) -> list[list[Example]]:
    """Every example once an epoch, in batches of one head and about one length; the last of a head may be smaller."""
    found: list[list[Example]] = []
    for epoch in range(epochs):
        chance = random.Random(f"{seed}-{epoch}")
        by_head: dict[tuple[int, ...], list[Example]] = {}
        for example in chance.sample(list(examples), len(examples)):
            by_head.setdefault(example.head_ids, []).append(example)
        drawn = []
        for group in by_head.values():
            for start in range(0, len(group), _POOL * size):
                pool = sorted(group[start : start + _POOL * size], key=lambda e: e.length)
                drawn += [pool[i : i + size] for i in range(0, len(pool), size)]
        found += chance.sample(drawn, len(drawn))
    return found
