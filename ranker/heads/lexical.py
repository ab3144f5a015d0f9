"""Word n-grams of title and abstract as unit TF-IDF rows: our own, so that predicting needs numpy alone.

Two blocks side by side: n-grams of title and abstract together, and n-grams of the title again at half the weight
(a word in a title says more). Sublinear counts, smoothed idf, each block scaled to unit length on its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

_TOKEN = re.compile(r"[a-z0-9][a-z0-9]+")
TITLE_WEIGHT = 0.5
"""Weight of the title's block. 0.25 and 1.0 were worse by 0.005 AP (benchmarks/LOG.md)."""

Text = tuple[str, str]
"""(title, abstract)"""
Row = tuple["NDArray[np.int64]", "NDArray[np.float32]"]
"""(columns ascending, values) of one paper, each of shape (k,)."""


def ngrams(text: str) -> list[str]:
    """Words of two or more letters or digits, and pairs of neighbours, lower-cased, in order, repeats kept."""
    words = _TOKEN.findall(text.lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def _both(text: Text) -> str:
    # The title's last word and the abstract's first count as neighbours: a chance pair is too rare for a vocabulary.
    return f"{text[0]} . {text[1]}"


@dataclass(frozen=True, slots=True)
class Block:
    """One block's n-grams, sorted, with their idf (v,) float32."""

    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {t: i for i, t in enumerate(self.terms)})

    @classmethod
    def fit(cls, documents: Iterable[Sequence[str]], min_papers: int) -> Self:
        """N-grams that occur in at least ``min_papers`` documents; idf = ln((1 + n) / (1 + df)) + 1."""
        counts: Counter[str] = Counter()
        total = 0
        for document in documents:
            counts.update(set(document))
            total += 1
        terms = tuple(sorted(t for t, c in counts.items() if c >= min_papers))
        df = np.array([counts[t] for t in terms], dtype=np.float64)
        return cls(terms, (np.log((1 + total) / (1 + df)) + 1).astype(np.float32))

    def row(self, document: Sequence[str]) -> Row:
        """Unit row of one document; empty where no n-gram is known."""
        known = Counter(i for t in document if (i := self.index.get(t)) is not None)
        columns = np.array(sorted(known), dtype=np.int64)
        values = (1.0 + np.log([known[int(c)] for c in columns])) * self.idf[columns] if len(columns) else np.zeros(0)
        norm = float(np.sqrt((values * values).sum()))
        return columns, (values / norm if norm else values).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Both blocks; columns of the title's block follow those of the text's."""

    text: Block
    title: Block

    @classmethod
    def fit(cls, papers: Sequence[Text], min_papers: int) -> Self:
        return cls(
            Block.fit((ngrams(_both(p)) for p in papers), min_papers),
            Block.fit((ngrams(p[0]) for p in papers), min_papers),
        )

    @property
    def size(self) -> int:
        return len(self.text.terms) + len(self.title.terms)

    def rows(self, papers: Iterable[Text]) -> Iterator[Row]:
        """One row a paper; it depends on nothing but that paper."""
        shift = len(self.text.terms)
        for paper in papers:
            columns, values = self.text.row(ngrams(_both(paper)))
            title_columns, title_values = self.title.row(ngrams(paper[0]))
            yield (
                np.concatenate((columns, title_columns + shift)),
                np.concatenate((values, title_values * np.float32(TITLE_WEIGHT))),
            )

    def matrix(self, papers: Sequence[Text]) -> csr_matrix:
        """(n, size) float32, the rows above; for fitting."""
        from scipy.sparse import csr_matrix

        rows = list(self.rows(papers))
        ends = np.cumsum([0, *(len(c) for c, _ in rows)])
        columns = np.concatenate([c for c, _ in rows]) if rows else np.zeros(0, dtype=np.int64)
        values = np.concatenate([v for _, v in rows]) if rows else np.zeros(0, dtype=np.float32)
        return csr_matrix((values, columns, ends), shape=(len(rows), self.size))
