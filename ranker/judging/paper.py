"""A candidate as the judge reads it: title and abstract, with suspect spans found and, where wanted, cut out."""

from __future__ import annotations

from dataclasses import dataclass

from ranker.judging.injection import find_spans, mask, rules
from ranker.types import Paper


@dataclass(frozen=True, slots=True)
class Reading:
    """``title`` and ``abstract`` to be judged; ``suspicious``: names of the rules that fired, if any."""

    title: str
    abstract: str
    suspicious: tuple[str, ...] = ()


def prepare(paper: Paper, *, masked: bool) -> Reading:
    """What is read of a paper. ``masked``: without suspect spans; a title that is nothing else is then empty."""
    in_title, in_abstract = find_spans(paper.title, title=True), find_spans(paper.abstract)
    names = rules(in_title + in_abstract)
    if not names or not masked:
        return Reading(paper.title, paper.abstract, names)
    return Reading(mask(paper.title, in_title), mask(paper.abstract, in_abstract), names)


def flag(names: tuple[str, ...]) -> str:
    """The flag of a suspicious paper, as judgments carry it: ``suspicious:demand+turn``."""
    return f"suspicious:{'+'.join(names)}"
