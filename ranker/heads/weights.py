"""The arrays of fitted heads, and what they say of one paper. One paper at a time: a result depends on no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker.heads.features import surface
from ranker.heads.lexical import Row, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Linear:
    """``coef`` (v, t) and ``bias`` (t,) float32."""

    coef: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Components:
    """The base models. Targets of ``lexical`` (v, 2 + F): recommended, each field, score; of ``dense`` (d + c, 1 + F):
    recommended, each field; ``score`` (d + c + s, 1) and ``surface`` (s, 1): score. Scores are differences from a
    pick's mean score. ``mean``/``scale`` (d + c + s,) standardise vector, cold evidence and surface.
    """

    lexical: Linear
    dense: Linear
    score: Linear
    surface: Linear
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @property
    def fields(self) -> int:
        return len(self.dense.bias) - 1


SIGNALS = ("lexical", "lexical_fields", "dense", "dense_fields", "cold")
SCORE_SIGNALS = ("logit", "lexical", "dense", "surface")


@dataclass(frozen=True, slots=True)
class Signals:
    """What the base models say of n papers, float64.

    ``recommended`` (n, 5): columns of ``SIGNALS``; ``field`` (n, 3, F): lexical, dense and cold evidence per field;
    ``score`` (n, 3): lexical, dense and surface prediction of the score, as a difference from the mean.
    """

    recommended: NDArray[np.float64]
    field: NDArray[np.float64]
    score: NDArray[np.float64]


COLD_SLOPE, COLD_OFFSET = 11.2, 5.74
"""Of ``ranker.cold``: the log odds of a paper with nothing learned, a signal among the others."""
_COLD_FIELD_TEMPERATURE = 0.1


def soft_maximum(logits: NDArray[np.float64]) -> float:
    """ln sum exp: a paper that any one field wants is wanted."""
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum()))


def signals(
    components: Components,
    rows: Iterable[Row],
    texts: Sequence[Text],
    authors: Sequence[Sequence[str]],
    vectors: NDArray[np.float32],
    cold: NDArray[np.float64],
) -> Signals:
    """For n papers: ``rows`` of the vocabulary, ``vectors`` (n, d) unit rows, ``cold`` (n, F + 4) as
    ``features.cold_row``.
    """
    found = [
        _one(components, row, surface(t, a), v, c)
        for row, t, a, v, c in zip(rows, texts, authors, vectors, cold, strict=True)
    ]
    return stack(found, components.fields)


def stack(found: Sequence[tuple[list[float], NDArray[np.float64], list[float]]], fields: int) -> Signals:
    return Signals(
        np.array([f[0] for f in found], dtype=np.float64).reshape(len(found), len(SIGNALS)),
        np.array([f[1] for f in found], dtype=np.float64).reshape(len(found), 3, fields),
        np.array([f[2] for f in found], dtype=np.float64).reshape(len(found), 3),
    )


def _one(
    c: Components, row: Row, shown: Sequence[float], vector: NDArray[np.float32], cold: NDArray[np.float64]
) -> tuple[list[float], NDArray[np.float64], list[float]]:
    columns, values = row
    fields = c.fields
    # Sums over one paper's own numbers, in a fixed order: a matrix product over a batch may round otherwise.
    lexical = (c.lexical.coef[columns] * values[:, None]).sum(axis=0, dtype=np.float64) + c.lexical.bias
    raw = np.concatenate((vector, cold, shown)).astype(np.float64)
    z = np.clip((raw - c.mean) / c.scale, -6.0, 6.0)
    wide = len(z) - len(shown)
    dense = (c.dense.coef * z[:wide, None]).sum(axis=0) + c.dense.bias
    score = float((c.score.coef[:, 0] * z).sum() + c.score.bias[0])
    surface_score = float((c.surface.coef[:, 0] * z[wide:]).sum() + c.surface.bias[0])
    total = COLD_SLOPE * float(cold[fields]) - COLD_OFFSET
    of_fields = np.stack((lexical[1 : 1 + fields], dense[1:], cold[:fields] / _COLD_FIELD_TEMPERATURE))
    wanted = [
        float(lexical[0]),
        soft_maximum(lexical[1 : 1 + fields]),
        float(dense[0]),
        soft_maximum(dense[1:]),
        total,
    ]
    return wanted, of_fields, [float(lexical[1 + fields]), score, surface_score]
