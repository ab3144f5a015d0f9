"""The other features of a paper: encoder vector, cold evidence, and what its surface shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ranker.heads.lexical import Text
from ranker.types import Evidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURFACE = ("authors", "many_authors", "abstract_length", "title_length", "colon", "figures", "code", "single_author")
_FIGURE = re.compile(r"\d(?:\s*(?:%|\\%|x\b|×)|\s+times\b)")
_CODE = re.compile(r"github|huggingface|\bcode\b", re.IGNORECASE)
_CODE_TAIL = 250


def surface(text: Text, authors: Sequence[str]) -> tuple[float, ...]:
    """The columns of ``SURFACE``. They say little about what is recommended, but much about its score
    (rank correlation 0.20 on picks by themselves). Names of people are not looked at.
    """
    title, abstract = text
    return (
        float(np.log1p(len(authors))),
        float(len(authors) > 8),
        float(np.log1p(len(abstract.split()))),
        float(np.log1p(len(title.split()))),
        float(":" in title),
        float(np.log1p(len(_FIGURE.findall(abstract)))),
        float(_CODE.search(abstract[-_CODE_TAIL:]) is not None),
        float(len(authors) == 1),
    )


def cold_row(evidence: Evidence) -> tuple[float, ...]:
    """(fields..., total, unwanted, unwanted_terms, background): F + 4 numbers; ``ranker.cold`` says what they are."""
    return (*evidence.fields, evidence.total, evidence.unwanted, evidence.unwanted_terms, evidence.background)


def surfaces(papers: Sequence[Text], authors: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """(n, len(SURFACE)) float64."""
    rows = [surface(p, a) for p, a in zip(papers, authors, strict=True)]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(SURFACE))
