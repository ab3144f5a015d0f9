"""Label probabilities -> relevance, mass, entropy, mode."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ranker.protocols import LabelReading


@dataclass(frozen=True, slots=True)
class Read:
    """``relevance`` 1-10; ``distribution``: over the labels, sums to 1; ``mass`` (0-1) before renormalising, None where
    the label was a generated text; ``entropy`` in nats; ``mode``: index of the likeliest label, the lower of equals.
    ``spread``: standard deviation in units of relevance, None where there was no distribution.
    """

    relevance: float
    distribution: tuple[float, ...]
    mass: float | None
    entropy: float
    mode: int
    spread: float | None = None


def read(reading: LabelReading, labels: int, min_mass: float) -> Read | str:
    """What a reading says, or why it says nothing.

    The mean over the labels (0 to n-1) is mapped to 1-10: with labels 0-9 relevance is 1 + mean.
    """
    if reading.error is not None:
        return reading.error
    found = reading.probabilities
    if len(found) != labels:
        return f"{len(found)} probabilities for {labels} labels"
    if any(not math.isfinite(p) or p < 0.0 for p in found):
        return "probabilities that are not numbers"
    mass = math.fsum(found)
    if mass <= 0.0 or mass < min_mass:
        return f"only {mass:.4f} of the probability fell on labels, less than {min_mass:g}"
    shares = tuple(p / mass for p in found)
    mean = math.fsum(i * p for i, p in enumerate(shares))
    unit = 9.0 / (labels - 1)
    deviation = math.sqrt(math.fsum(p * (i - mean) ** 2 for i, p in enumerate(shares)))
    return Read(
        relevance=min(10.0, max(1.0, 1.0 + unit * mean)),
        distribution=shares,
        mass=None if reading.from_text else min(mass, 1.0),
        entropy=-math.fsum(p * math.log(p) for p in shares if p > 0.0),
        mode=max(range(labels), key=lambda i: (shares[i], -i)),
        spread=None if reading.from_text else unit * deviation,
    )
