"""What of a ranked corpus is read: the rows of all its papers, and the best ones whole for the digest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.bulk.chunk import Work
from ranker.bulk.corpus import Corpus
from ranker.bulk.marks import Settled
from ranker.bulk.rows import unpacked
from ranker.bulk.spill import Spill
from ranker.errors import InputError
from ranker.pipeline import embed_papers
from ranker.progress import Silent, Tally
from ranker.types import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rows_of(settled: Settled, spill: Spill) -> Iterator[dict[str, Any]]:
    """Every paper's row of ``rankings.jsonl``, in order of rank."""
    runs = map(int, settled.chunk)
    for at, line in enumerate(spill.merged(runs)):
        yield unpacked(line, at + 1, int(settled.outcome[at]), repeated=bool(settled.repeated[at]))


@dataclass(frozen=True, slots=True)
class Shown:
    """``rankings`` of n papers with their ``vectors``, (n, dimension) float32."""

    rankings: tuple[Ranking, ...]
    vectors: NDArray[np.float32]


def best_of(corpus: Corpus, settled: Settled, spill: Spill, count: int) -> Shown:
    """The best recommended papers with all that a digest shows, ranked again by themselves: the outcome is the same."""
    last = int(settled.recommended[:count].max(initial=-1)) + 1
    rows = [row for row in islice(rows_of(settled, spill), last) if row["outcome"] == "recommended"]
    papers = []
    for row in rows:
        paper = corpus.store.paper_version(row["arxiv_id"], row["version"] or 0)
        if paper is None:
            raise InputError(f"{row['arxiv_id']} left the store", todo="run again, alone on this store")
        papers.append(paper)
    silent = Tally(Silent())
    vectors = embed_papers(papers, corpus.encoder, corpus.store, silent)
    found = {r.paper.arxiv_id: r for r in corpus.desk.rankings(Work(papers, vectors))}
    rankings = tuple(
        dataclasses.replace(
            found[row["arxiv_id"]],
            outcome="recommended",
            rank=row["rank"],
            reason=row["reason"],
            field_rank=settled.field_rank(row["rank"] - 1),
        )
        for row in rows
    )
    return Shown(rankings, vectors)


def notes(recommended: int, shown: int, language: str) -> tuple[str, ...]:
    """What the digest's foot says where it shows fewer papers than are recommended."""
    if shown == recommended:
        return ()
    if language == "en":
        return (f"{recommended} papers are recommended; the best {shown} are shown, rankings.jsonl has all",)
    return (f"共推荐 {recommended} 篇，此处只列出前 {shown} 篇；全部见 rankings.jsonl",)
