"""Signals to P(recommended), P(field), expected score and relevance, and how their weights are fitted.

All weights are shrunk towards values with cold evidence in front: with a handful of papers heads rank like the
description centroids, and move away from them as the papers say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker.heads.weights import SCORE_SIGNALS, SIGNALS, Signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PRIOR_RECOMMENDED = np.array([0.12, 0.12, 0.12, 0.12, 0.8])
_PRIOR_FIELD = np.array([0.1, 0.15, 1.0])
_PRIOR_SCORE = np.array([0.3, 0.2, 0.2, 0.2])
_STRENGTH_RECOMMENDED, _STRENGTH_FIELD, _STRENGTH_SCORE = 120.0, 10.0, 100.0
SCORE_PULL = 0.2
"""How much a standard deviation of expected score moves ln relevance: more costs average precision."""


@dataclass(frozen=True, slots=True)
class Combination:
    """``mean``/``scale`` (5,) standardise the signals; ``recommended`` (5,) and ``bias``: logistic weights over them;
    ``field`` (3,) and ``field_bias`` (F,): softmax over fields; ``score`` (4,) over standardised score signals, with
    ``score_centre``/``score_scale`` (4,); ``score_mean`` and ``score_spread``: of picks' scores and of predictions.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    recommended: NDArray[np.float64]
    bias: float
    field: NDArray[np.float64]
    field_bias: NDArray[np.float64]
    score: NDArray[np.float64]
    score_centre: NDArray[np.float64]
    score_scale: NDArray[np.float64]
    score_mean: float
    score_spread: float


@dataclass(frozen=True, slots=True)
class HeadsPrediction:
    """For n papers, float64: ``p_recommended`` (n,) calibrated; ``p_field`` (n, F), rows sum to 1;
    ``expected_score`` (n,) 1-10, given that the paper is recommended; ``relevance`` (n,) 1-10, the ordering key.
    """

    p_recommended: NDArray[np.float64]
    p_field: NDArray[np.float64]
    expected_score: NDArray[np.float64]
    relevance: NDArray[np.float64]


def apply(c: Combination, found: Signals) -> HeadsPrediction:
    """Element by element, so that no paper's numbers depend on another's.

    relevance = 1 + 9 sqrt(P exp(0.2 (z - 3))), z = 3 tanh(e / 3), e the expected score in standard deviations:
    continuous and strictly increasing in P and in the expected score.
    """
    logit = c.bias + (((found.recommended - c.mean) / c.scale) * c.recommended).sum(axis=1)
    p = 1.0 / (1.0 + np.exp(-logit))
    field_logit = (found.field * c.field[None, :, None]).sum(axis=1) + c.field_bias
    grown = np.exp(field_logit - field_logit.max(axis=1, keepdims=True))
    raw = np.column_stack((logit, found.score))
    e = (((raw - c.score_centre) / c.score_scale) * c.score).sum(axis=1)
    expected = np.clip(c.score_mean + e, 1.0, 10.0)
    z = 3.0 * np.tanh(e / max(c.score_spread, 1e-9) / 3.0)
    relevance = 1.0 + 9.0 * np.sqrt(p * np.exp(SCORE_PULL * (z - 3.0)))
    return HeadsPrediction(p, grown / grown.sum(axis=1, keepdims=True), expected, relevance)


def fit_combination(
    found: Signals,
    recommended: NDArray[np.bool_],
    field: NDArray[np.int64],
    score: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> Combination:
    """From signals of papers that their base models were *not* fitted on; ``weight`` (n,) with mean about 1."""
    mean, scale = found.recommended.mean(axis=0), found.recommended.std(axis=0) + 1e-9
    # Cold evidence comes calibrated: it keeps its own scale, so that its prior weight means what it says.
    cold = SIGNALS.index("cold")
    mean[cold], scale[cold] = 0.0, 1.0
    z = (found.recommended - mean) / scale
    theta = _logistic(z, recommended, weight)
    picks = recommended & (field >= 0)
    field_weights, field_bias = _softmax(found.field[picks], field[picks], weight[picks])
    logit = theta[-1] + z @ theta[:-1]
    scored = recommended & ~np.isnan(score)
    raw = np.column_stack((logit, found.score))
    at = scored if scored.sum() >= 3 else np.ones(len(raw), dtype=bool)
    centre, spread = raw[at].mean(axis=0), raw[at].std(axis=0) + 1e-9
    mean_score = float(np.average(score[scored], weights=weight[scored])) if scored.any() else 7.5
    pull = _ridge((raw[scored] - centre) / spread, score[scored] - mean_score, weight[scored])
    e = ((raw[at] - centre) / spread) @ pull
    return Combination(
        mean, scale, theta[:-1], float(theta[-1]), field_weights, field_bias, pull, centre, spread, mean_score,
        float(e.std()) + 1e-9,
    )  # fmt: skip


def _minimise(
    loss: object, start: NDArray[np.float64], bounds: list[tuple[float | None, float | None]]
) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(result.x, dtype=np.float64)


def _logistic(z: NDArray[np.float64], target: NDArray[np.bool_], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k + 1,) weights >= 0 and bias: log loss + strength/2 * squared distance from the prior."""
    prior, t = np.append(_PRIOR_RECOMMENDED, 0.0), target.astype(np.float64)
    free = np.append(np.ones(z.shape[1]), 0.01)

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = z @ theta[:-1] + theta[-1]
        off = weight * (1.0 / (1.0 + np.exp(-logit)) - t)
        away = _STRENGTH_RECOMMENDED * free * (theta - prior)
        value = float((weight * (np.logaddexp(0.0, logit) - t * logit)).sum() + 0.5 * (away * (theta - prior)).sum())
        return value, np.append(z.T @ off, off.sum()) + away

    return _minimise(loss, prior, [(0.0, None)] * z.shape[1] + [(None, None)])


def _softmax(
    x: NDArray[np.float64], field: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (3,) >= 0 of the three kinds of evidence and a bias a field, shrunk as above."""
    kinds, fields = x.shape[1], x.shape[2]
    prior = np.append(_PRIOR_FIELD, np.zeros(fields))
    one = np.eye(fields)[field] if len(field) else np.zeros((0, fields))

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit = np.einsum("nkf,k->nf", x, theta[:kinds]) + theta[kinds:]
        top = logit.max(axis=1, keepdims=True) if len(logit) else logit[:, :1]
        total = top + np.log(np.exp(logit - top).sum(axis=1, keepdims=True))
        off = weight[:, None] * (np.exp(logit - total) - one)
        away = _STRENGTH_FIELD * (theta - prior)
        value = float((weight[:, None] * one * (total - logit)).sum() + 0.5 * (away * (theta - prior)).sum())
        return value, np.append(np.einsum("nkf,nf->k", x, off), off.sum(axis=0)) + away

    theta = _minimise(loss, prior, [(0.0, None)] * kinds + [(None, None)] * fields)
    return theta[:kinds], theta[kinds:]


def _ridge(z: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) least squares shrunk towards the prior (which is in units of the scores' spread, about 0.6)."""
    prior = _PRIOR_SCORE * 0.35
    if not len(y):
        return prior
    a = (z * weight[:, None]).T @ z + _STRENGTH_SCORE * np.eye(len(SCORE_SIGNALS))
    solved = np.linalg.solve(a, (z * weight[:, None]).T @ y + _STRENGTH_SCORE * prior)
    return np.maximum(np.asarray(solved, dtype=np.float64), 0.0)
