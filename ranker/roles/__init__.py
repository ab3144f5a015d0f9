"""Which sentences of an abstract say the problem, the task, the idea and the result; always the abstract's own words.

A small linear classifier fitted on spans that readers marked (``benchmarks/roles.py``), shipped in ``models/roles``.
"""

from __future__ import annotations

from functools import cache, lru_cache

from ranker import resources
from ranker.roles.choose import best_sentences, together
from ranker.roles.features import Abstract, Span
from ranker.roles.model import ROLES, Floats, Head, RoleModel, load
from ranker.types import Paper

__all__ = ["ROLES", "Abstract", "Head", "RoleModel", "classify", "key_sentence", "load", "quotes", "spans"]

LEAST = 0.15
"""Below this probability a sentence stands for no role."""
SURE = 0.5
"""From here on a further sentence stands for a role beside the best one."""


@cache
def shipped() -> RoleModel:
    """The model that comes with ranker, read once."""
    return load(resources.models_dir() / "roles")


def classify(abstract: str, marked: list[Span], vectors: Floats | None = None) -> Floats:
    """Probabilities of the four roles, shape (n, 4), for spans that a reader marked in one abstract.

    ``marked``: [start, end) in order of their starts; they are judged given each other. ``vectors`` (n, 768): unit
    vectors of the span and of the sentences it touches by all-MiniLM-L6-v2, side by side; they help a little.
    """
    model = shipped()
    return together(model.span.predict(Abstract(abstract), marked, vectors), model.orders)


@lru_cache(maxsize=2048)
def _sentences(text: str) -> tuple[Abstract, Floats]:
    abstract = Abstract(text)
    return abstract, shipped().sentence.predict(abstract, abstract.sentences)


def spans(paper: Paper) -> list[tuple[int, int, str]]:
    """(start, end, role) of the sentences to highlight in ``paper.abstract``, in order; one at most for each role."""
    if not paper.abstract.strip():
        return []
    abstract, probabilities = _sentences(paper.abstract)
    found = best_sentences(probabilities, LEAST)
    return sorted((*abstract.sentences[row], role) for role, row in found.items())


def quotes(paper: Paper) -> dict[str, tuple[str, ...]]:
    """Role -> sentences of the abstract that play it, verbatim and in its order; roles that none plays are left out."""
    if not paper.abstract.strip():
        return {}
    abstract, probabilities = _sentences(paper.abstract)
    best = best_sentences(probabilities, LEAST)
    rows = {role: {row} for role, row in best.items()}
    for row in set(range(len(probabilities))) - set(best.values()):
        role = int(probabilities[row].argmax())
        if role < len(ROLES) and probabilities[row, role] >= SURE:
            rows.setdefault(ROLES[role], set()).add(row)
    return {
        role: tuple(paper.abstract[slice(*abstract.sentences[row])] for row in sorted(rows[role]))
        for role in ROLES
        if role in rows
    }


def key_sentence(title: str, abstract: str) -> str:
    """The abstract's sentence that tells the paper's idea, verbatim; the title where there is no abstract."""
    if not abstract.strip():
        return title
    cut, probabilities = _sentences(abstract)
    return abstract[slice(*cut.sentences[int(probabilities[:, ROLES.index("idea")].argmax())])]
