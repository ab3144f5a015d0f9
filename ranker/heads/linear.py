"""Linear models of the heads: logistic and ridge regression on n-grams and on dense features. For fitting only."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

_SMOOTHING = 0.3
_C_LEXICAL, _C_DENSE = 2.0, 3.0
_ALPHA_LEXICAL, _ALPHA_DENSE, _ALPHA_SURFACE = 2.0, 1000.0, 10.0

Weights = tuple["NDArray[np.float64]", float]
"""(coefficients (v,), intercept)"""


def _constant(target: NDArray[np.bool_], weight: NDArray[np.float64], width: int) -> Weights:
    share = (float(weight[target].sum()) + 0.5) / (float(weight.sum()) + 1.0)
    return np.zeros(width), float(np.log(share / (1 - share)))


def log_count_ratio(
    presence: csr_matrix, target: NDArray[np.bool_], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(v,) ln of how much more often an n-gram stands in target papers than in the rest (Wang and Manning, 2012)."""
    inside = np.asarray(presence[target].T @ weight[target]).ravel() + _SMOOTHING
    outside = np.asarray(presence[~target].T @ weight[~target]).ravel() + _SMOOTHING
    ratio: NDArray[np.float64] = np.log((inside / inside.sum()) / (outside / outside.sum()))
    return ratio


def lexical_logit(
    x: csr_matrix, presence: csr_matrix, target: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Weights:
    """Logistic regression on n-grams scaled by the square root of their |log count ratio|; the scale is folded into
    the coefficients. A target with fewer than three papers on a side gets its share as a constant.
    """
    if min(int(target.sum()), int((~target).sum())) < 3:
        return _constant(target, weight, x.shape[1])
    from scipy.sparse import diags
    from sklearn.linear_model import LogisticRegression

    scale = np.sqrt(np.abs(log_count_ratio(presence, target, weight)))
    model = LogisticRegression(C=_C_LEXICAL, solver="liblinear", random_state=0)
    model.fit((x @ diags(scale.astype(np.float32))).tocsr(), target, sample_weight=weight)
    return model.coef_[0] * scale, float(model.intercept_[0])


def dense_logit(x: NDArray[np.float32], target: NDArray[np.bool_], weight: NDArray[np.float64]) -> Weights:
    """Logistic regression on standardised columns, shrunk more the more columns there are."""
    if min(int(target.sum()), int((~target).sum())) < 3:
        return _constant(target, weight, x.shape[1])
    from sklearn.linear_model import LogisticRegression

    shrink = 1.0 / np.sqrt(x.shape[1])
    model = LogisticRegression(C=_C_DENSE, max_iter=100)
    with warnings.catch_warnings():
        # 100 steps are as good as convergence here; a warning a head and fold would only hide others.
        warnings.simplefilter("ignore")
        model.fit(x * np.float32(shrink), target, sample_weight=weight)
    return model.coef_[0] * shrink, float(model.intercept_[0])


def lexical_ridge(x: csr_matrix, y: NDArray[np.float64]) -> Weights:
    if len(y) < 3:
        return np.zeros(x.shape[1]), 0.0
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=_ALPHA_LEXICAL, solver="sparse_cg").fit(x, y)
    return np.asarray(model.coef_, dtype=np.float64), float(model.intercept_)


def dense_ridge(x: NDArray[np.float32], y: NDArray[np.float64], *, surface: bool = False) -> Weights:
    """Ridge regression in closed form; the intercept is shrunk too (``y`` is centred by the caller)."""
    if len(y) < 3:
        return np.zeros(x.shape[1]), 0.0
    z = np.column_stack((x, np.ones(len(x)))).astype(np.float64)
    alpha = _ALPHA_SURFACE if surface else _ALPHA_DENSE
    solved = np.asarray(np.linalg.solve(z.T @ z + alpha * np.eye(z.shape[1]), z.T @ y), dtype=np.float64)
    return solved[:-1], float(solved[-1])
