"""Fit the role classifier on spans that readers marked. Used by ``benchmarks/roles.py``; nothing else needs scipy."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from ranker.roles.features import PLACES, Abstract, Span, places
from ranker.roles.model import ROLES, Floats, Head

NGRAM_ABSTRACTS = 5
"""An n-gram is kept where it occurs in at least so many abstracts."""
SPAN_STRENGTH, SENTENCE_STRENGTH, VECTOR_STRENGTH = 0.1, 0.02, 0.3
"""Inverse regularisation (C of scikit-learn's LogisticRegression); sentences have more "none" to be modest about."""
VECTOR_SCALE = 4.0
_OVERLAP = 15


@dataclass(frozen=True, slots=True)
class Marked:
    """Spans with classes, each with the number of its abstract; spans of one abstract stand together in order."""

    abstracts: tuple[Abstract, ...]
    group: NDArray[np.int64]
    spans: tuple[Span, ...]
    labels: NDArray[np.int64]


def read(path: Path) -> Marked:
    """``highlights.csv``: abstract, start_idx, end_idx, label."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [(r["abstract"], int(r["start_idx"]), int(r["end_idx"]), r["label"]) for r in csv.DictReader(handle)]
    number = {text: n for n, text in enumerate(dict.fromkeys(row[0] for row in rows))}
    rows.sort(key=lambda row: (number[row[0]], row[1], row[2]))
    return Marked(
        abstracts=tuple(Abstract(text) for text in number),
        group=np.array([number[row[0]] for row in rows]),
        spans=tuple((row[1], row[2]) for row in rows),
        labels=np.array([ROLES.index(row[3]) for row in rows]),
    )


def as_sentences(marked: Marked) -> tuple[Marked, list[frozenset[int]]]:
    """Every sentence with the role of the mark that covers most of it ("none" where none covers 15 characters).

    The second part has all roles that a sentence touches.
    """
    rows: list[tuple[int, Span, int]] = []
    touched: list[frozenset[int]] = []
    for number, abstract in enumerate(marked.abstracts):
        inside = [(marked.spans[row], int(marked.labels[row])) for row in np.flatnonzero(marked.group == number)]
        for start, end in abstract.sentences:
            shares = [(min(end, b) - max(start, a), role) for (a, b), role in inside]
            shares = [share for share in shares if share[0] >= _OVERLAP]
            rows.append((number, (start, end), max(shares)[1] if shares else len(ROLES)))
            touched.append(frozenset(role for _, role in shares))
    groups, spans, labels = zip(*rows, strict=True)
    return Marked(marked.abstracts, np.array(groups), spans, np.array(labels)), touched


def fit(marked: Marked, rows: NDArray[np.int64], classes: int, blend: float, vectors: Floats | None = None) -> Head:
    """A head of 4 classes (spans) or 5 (sentences), fitted on ``rows``; ``vectors`` (n of marked, d) of all rows."""
    strength = SPAN_STRENGTH if classes == len(ROLES) else SENTENCE_STRENGTH
    names_of = [marked.abstracts[marked.group[row]].names(marked.spans[row]) for row in rows]
    names = _vocabulary(names_of, marked.group[rows])
    where = np.vstack([places(marked.abstracts[marked.group[row]], [marked.spans[row]]) for row in rows])
    pairs = [(at, names[name]) for at, found in enumerate(names_of) for name in found if name in names]
    at, column = np.array(pairs).T
    words = sparse.csr_matrix((np.ones(len(at)), (at, column)), shape=(len(rows), len(names)))
    labels = marked.labels[rows]
    weights = softmax_regression(sparse.hstack([words, where]).tocsr(), labels, classes, strength)
    width = vectors.shape[1] if vectors is not None else 0
    other = np.zeros((width + PLACES + 1, classes), dtype=np.float32)
    if vectors is not None:
        # Scaled for the regularisation and back: places by 1/3, vectors by 4.
        scale = np.concatenate([np.full(width, VECTOR_SCALE), np.full(PLACES, 1 / 3)])
        beside = np.hstack([vectors[rows], where]) * scale
        other = softmax_regression(sparse.csr_matrix(beside), labels, classes, VECTOR_STRENGTH)
        other[:-1] *= scale[:, None].astype(np.float32)
    return Head(names, weights, other, blend if vectors is not None else 0.0)


def _vocabulary(names_of: Iterable[set[str]], groups: NDArray[np.int64]) -> dict[str, int]:
    seen: dict[str, set[int]] = defaultdict(set)
    for found, group in zip(names_of, groups, strict=True):
        for name in found:
            seen[name].add(int(group))
    kept = sorted(name for name, abstracts in seen.items() if len(abstracts) >= NGRAM_ABSTRACTS)
    return {name: at for at, name in enumerate(kept)}


def softmax_regression(x: sparse.csr_matrix, labels: NDArray[np.int64], classes: int, strength: float) -> Floats:
    """Weights (features + 1, classes), bias last, that minimise sum of log losses + |weights|^2 / (2 strength).

    The bias is free; the objective is scikit-learn's LogisticRegression(C=strength), which the tests compare with.
    """
    count, width = x.shape
    target = np.zeros((count, classes))
    target[np.arange(count), labels] = 1.0
    transposed = x.T.tocsr()

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(width + 1, classes)
        scores = x @ weights[:-1] + weights[-1]
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        error = np.exp(logs) - target
        slope = np.vstack([transposed @ error + weights[:-1] / strength, error.sum(axis=0)])
        value = -float((logs * target).sum()) + float((weights[:-1] ** 2).sum()) / (2 * strength)
        return value, slope.ravel()

    start = np.zeros((width + 1) * classes)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-10})
    return np.asarray(found.x, dtype=np.float32).reshape(width + 1, classes)


def order_table(marked: Marked, groups: Iterable[int], smoothing: float = 0.3) -> dict[tuple[int, ...], float]:
    """Log probability of each order of roles, among orders of as many marks, with additive smoothing."""
    wanted = set(groups)
    seen: Counter[tuple[int, ...]] = Counter()
    for number in wanted:
        seen[tuple(int(role) for role in marked.labels[marked.group == number])] += 1
    table: dict[tuple[int, ...], float] = {}
    for size in range(1, len(ROLES) + 1):
        orders: Sequence[tuple[int, ...]] = list(permutations(range(len(ROLES)), size))
        total = sum(seen[order] for order in orders) + smoothing * len(orders)
        table |= {order: float(np.log((seen[order] + smoothing) / total)) for order in orders}
    return table


def folds(marked: Marked, seed: int, parts: int = 5) -> list[NDArray[np.int64]]:
    """Numbers of the abstracts in each of ``parts`` folds, shuffled by ``seed``."""
    order = np.random.default_rng(seed).permutation(len(marked.abstracts))
    return [np.sort(order[part::parts]) for part in range(parts)]


def sides(marked: Marked, held_out: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows to fit on, rows held out)."""
    out = np.isin(marked.group, held_out)
    return np.flatnonzero(~out), np.flatnonzero(out)


def macro_f1(labels: NDArray[np.int64], said: NDArray[np.int64], classes: int = len(ROLES)) -> float:
    """Mean over classes of the F1 of each."""
    scores = []
    for role in range(classes):
        hit = int(((labels == role) & (said == role)).sum())
        scores.append(2 * hit / max(int((labels == role).sum() + (said == role).sum()), 1))
    return float(np.mean(scores))
