"""The ranking rules of known recommenders, written anew, and plain centroids. Vectors in, scores out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.compare.judged import JudgedPaper
from benchmarks.compare.spec import Scored
from ranker.text import document_text
from ranker.types import Paper

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LibraryCosine:
    """Recency-weighted mean cosine to a library, here the fit days' picks (the rule of zotero-arxiv-daily).

    Of a library with the newest paper first, the i-th (from 0) weighs 1 / (1 + log10(i + 1)).
    """

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        liked = sorted(
            (i for i, p in enumerate(papers) if p.picked),
            key=lambda i: (papers[i].day, papers[i].paper.arxiv_id),
            reverse=True,
        )
        weights = 1.0 / (1.0 + np.log10(np.arange(len(liked)) + 1.0))
        # The mean of inner products is the inner product with the mean.
        self._mean = (weights / weights.sum()) @ vectors[liked].astype(np.float64)

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        return Scored.of(vectors.astype(np.float64) @ self._mean)


class LikesLessDislikes:
    """Cosine to the mean of likes less cosine to the mean of dislikes (infiv's rule)."""

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        liked = np.array([p.picked for p in papers])
        self._direction = _unit(vectors[liked].mean(axis=0)) - (
            _unit(vectors[~liked].mean(axis=0)) if not liked.all() else 0
        )

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        return Scored.of(vectors.astype(np.float64) @ self._direction)


class TfidfSvm:
    """A linear support vector machine on TF-IDF of liked papers against the rest (the rule of arxiv-sanity-lite).

    Its settings: words and word pairs, 20,000 features, document frequency of 5 papers to 10%, balanced classes,
    C = 0.1.
    """

    uses_vectors = False

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.svm import LinearSVC

        few = len(papers) < 100  # a single small day has no word in five papers
        self._words: Any = TfidfVectorizer(
            ngram_range=(1, 2),
            max_features=20_000,
            min_df=1 if few else 5,
            max_df=1.0 if few else 0.1,
            stop_words="english",
            sublinear_tf=True,
        )
        self._machine: Any = LinearSVC(class_weight="balanced", C=0.1, max_iter=10_000, random_state=0)
        self._machine.fit(self._words.fit_transform(_texts(p.paper for p in papers)), [p.picked for p in papers])

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        return Scored.of(self._machine.decision_function(self._words.transform(_texts(papers))))


class LearnedCentroids:
    """A field is the mean of its picks; a paper is worth its best cosine."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = tuple(fields)

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        rows = [[i for i, p in enumerate(papers) if p.field == f] for f in self._fields]
        self._known = [f for f, found in enumerate(rows) if found]  # a field that no pick has seen stays silent
        if not self._known:
            raise ValueError("no pick of the fit days has one of the profile's fields")
        self._centroids = np.stack([_unit(vectors[rows[f]].mean(axis=0)) for f in self._known])

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        return nearest(vectors, self._centroids, np.array(self._known))


def nearest(vectors: NDArray[np.float32], centroids: NDArray[np.float64], owners: NDArray[np.int64]) -> Scored:
    """Best cosine over ``centroids`` (k, d), and the field that owns it."""
    products = vectors.astype(np.float64) @ centroids.T
    best = products.max(axis=1)
    return Scored.of(best, similarity=best, field=owners[products.argmax(axis=1)])


def _unit(vector: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    wide = vector.astype(np.float64)
    unit: NDArray[np.float64] = wide / max(float(np.linalg.norm(wide)), 1e-12)
    return unit


def _texts(papers: Any) -> list[str]:
    return [document_text(p.title, p.abstract) for p in papers]
