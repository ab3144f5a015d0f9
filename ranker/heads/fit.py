"""Fit heads: base models on all papers, their combination on out-of-fold signals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker.heads import linear
from ranker.heads.combine import Combination, fit_combination
from ranker.heads.data import Columns, folds
from ranker.heads.features import SURFACE, surfaces
from ranker.heads.lexical import Text, Vocabulary
from ranker.heads.weights import Components, Linear, Signals, signals
from ranker.types import JudgedPaper

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

Progress = Callable[[int, int], None]
"""(steps done, steps in all)"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """n papers ready for fitting: ``vectors`` (n, d) float32 unit rows, ``cold`` (n, F + 4) float64."""

    texts: tuple[Text, ...]
    authors: tuple[tuple[str, ...], ...]
    columns: Columns
    vectors: NDArray[np.float32]
    cold: NDArray[np.float64]
    fields: int

    @classmethod
    def of(
        cls,
        papers: Sequence[JudgedPaper],
        vectors: NDArray[np.float32],
        cold: NDArray[np.float64],
        fields: Sequence[str],
    ) -> Inputs:
        return cls(
            tuple((p.title, p.abstract) for p in papers),
            tuple(p.authors for p in papers),
            Columns.of(papers, fields),
            np.ascontiguousarray(vectors, dtype=np.float32),
            np.asarray(cold, dtype=np.float64),
            len(fields),
        )


@dataclass(frozen=True, slots=True)
class _Features:
    lexical: csr_matrix
    presence: csr_matrix
    raw: NDArray[np.float32]


def pick_weight(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """A pick with a high score counts more (6: 0.3, 8: 1.1, 9: 1.5), because its label is surer; without one: 1."""
    return np.where(np.isnan(score), 1.0, np.clip((score - 5.5) / 2.2, 0.3, 1.5))


def fit(
    inputs: Inputs, *, min_papers: int, progress: Progress | None = None
) -> tuple[Vocabulary, Components, Combination, Signals, NDArray[np.int64]]:
    """The models, and the out-of-fold signals (with their folds) that the combination was fitted on."""
    vocabulary = Vocabulary.fit(inputs.texts, min_papers)
    features = _features(inputs, vocabulary)
    fold = folds(inputs.columns)
    count = int(fold.max()) + 1
    parts = _empty(len(fold), inputs.fields)

    def held_out(k: int) -> tuple[NDArray[np.intp], Signals]:
        out = np.flatnonzero(fold == k)
        return out, _signals(inputs, features, fit_components(inputs, features, fold != k), out)

    # Threads: the solvers spend their time outside the interpreter, and share the features.
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done, (out, part) in enumerate(pool.map(held_out, range(count)), 1):
            _fill(parts, out, part)
            if progress is not None:
                progress(done, count + 1)
    c = inputs.columns
    weight = c.weight / c.weight.mean()
    combination = fit_combination(parts, c.recommended, c.field, c.score, weight)
    components = fit_components(inputs, features, np.ones(len(fold), dtype=bool))
    if progress is not None:
        progress(count + 1, count + 1)
    return vocabulary, components, combination, parts, fold


def _features(inputs: Inputs, vocabulary: Vocabulary) -> _Features:
    lexical = vocabulary.matrix(inputs.texts)
    presence = lexical.copy()
    presence.data = np.ones_like(presence.data)
    raw = np.hstack((inputs.vectors, inputs.cold, surfaces(inputs.texts, inputs.authors))).astype(np.float32)
    return _Features(lexical, presence, raw)


def fit_components(inputs: Inputs, features: _Features, inside: NDArray[np.bool_]) -> Components:
    """Base models on the papers where ``inside`` (n,) is set."""
    c = inputs.columns
    at = np.flatnonzero(inside)
    recommended, field, score = c.recommended[at], c.field[at], c.score[at]
    weight = c.weight[at] * np.where(recommended, pick_weight(score), 1.0)
    weight = weight / weight.mean()
    x, presence, raw = features.lexical[at], features.presence[at], features.raw[at]
    mean, scale = raw.mean(axis=0), raw.std(axis=0) + 1e-6
    z = np.clip((raw - mean) / scale, -6.0, 6.0)
    wide = z.shape[1] - len(SURFACE)
    targets = [recommended, *(field == f for f in range(inputs.fields))]
    picks = recommended & ~np.isnan(score)
    off = score[picks] - score[picks].mean() if picks.any() else np.zeros(0)
    lexical = [linear.lexical_logit(x, presence, t, weight) for t in targets]
    lexical.append(linear.lexical_ridge(x[np.flatnonzero(picks)], off))
    dense = [linear.dense_logit(z[:, :wide], t, weight) for t in targets]
    return Components(
        _linear(lexical),
        _linear(dense),
        _linear([linear.dense_ridge(z[picks], off)]),
        _linear([linear.dense_ridge(z[picks][:, wide:], off, surface=True)]),
        mean.astype(np.float32),
        scale.astype(np.float32),
    )


def _linear(models: Sequence[linear.Weights]) -> Linear:
    # Through half precision, which is how they are kept: what was measured is what ships.
    coef = np.column_stack([w for w, _ in models]).astype(np.float16).astype(np.float32)
    return Linear(coef, np.array([b for _, b in models], dtype=np.float32))


def _signals(inputs: Inputs, features: _Features, components: Components, at: NDArray[np.intp]) -> Signals:
    x = features.lexical
    return signals(
        components,
        ((x.indices[x.indptr[i] : x.indptr[i + 1]], x.data[x.indptr[i] : x.indptr[i + 1]]) for i in at),
        [inputs.texts[i] for i in at],
        [inputs.authors[i] for i in at],
        inputs.vectors[at],
        inputs.cold[at],
    )


def _empty(count: int, fields: int) -> Signals:
    return Signals(np.zeros((count, 5)), np.zeros((count, 3, fields)), np.zeros((count, 3)))


def _fill(into: Signals, at: NDArray[np.intp], part: Signals) -> None:
    into.recommended[at], into.field[at], into.score[at] = part.recommended, part.field, part.score
