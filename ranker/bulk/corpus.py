"""Any chunk of a corpus through the stages, and the stages' time over all chunks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from ranker import outcomes
from ranker.bulk.prefilter import PREFILTERED, Selection
from ranker.pipeline import candidate, embed_papers, embed_profile
from ranker.profile import Profile
from ranker.progress import Tally
from ranker.protocols import Encoder, Judge
from ranker.rank import order
from ranker.route import CentroidText, Search, centroid_texts, route, vetoes
from ranker.types import Candidate, JudgeOutcome, Paper, Ranking, Route, Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.store import Store

StageName = Literal["read", "embed", "route", "judge", "keep"]
_STAGES: tuple[StageName, ...] = ("read", "embed", "route", "judge", "keep")


@dataclass(slots=True)
class Clock:
    """Seconds, items and reused items of the stages, summed over the chunks."""

    seconds: dict[StageName, float] = field(default_factory=lambda: dict.fromkeys(_STAGES, 0.0))
    items: dict[StageName, int] = field(default_factory=lambda: dict.fromkeys(_STAGES, 0))
    reused: dict[StageName, int] = field(default_factory=lambda: dict.fromkeys(_STAGES, 0))

    @contextmanager
    def stage(self, name: StageName, items: int = 0) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started
            self.items[name] += items

    def stages(self) -> tuple[Stage, ...]:
        return tuple(Stage(n, self.seconds[n], self.items[n], self.reused[n]) for n in _STAGES)


class Corpus:
    """What is needed to rank any chunk of papers."""

    def __init__(self, profile: Profile, encoder: Encoder, search: Search, judge: Judge, store: Store) -> None:
        self.profile, self.encoder, self.search, self.judge, self.store = profile, encoder, search, judge, store
        self.texts: list[CentroidText] = centroid_texts(profile)
        self.centroids = embed_profile(self.texts, encoder, store)
        self.clock = Clock()
        self.prefiltered = 0  # papers that are unrouted for it

    def embed_ahead(self, pages: Iterable[Sequence[Paper]], chosen: Selection | None, tally: Tally) -> None:
        """Vectors for the chosen papers before any is ranked, for an encoder that wants many at once."""
        with self.clock.stage("embed"):
            embed_pages(pages, chosen, self.encoder, self.store, tally)
        self.clock.items["embed"] += tally.items
        self.clock.reused["embed"] += tally.reused

    def rank(
        self, papers: Sequence[Paper], tally: Tally, chosen: Selection | None = None, *, count_vectors: bool = True
    ) -> list[Ranking]:
        """One chunk in its own order: every paper duplicate, vetoed, unrouted, judged or failed; none recommended yet.

        ``chosen``: which of them the prefilter lets through to the encoder, and what it says of the others.
        ``count_vectors``: False where they were counted before.
        """
        embedded = _kept(papers, chosen)
        made, reused = tally.items, tally.reused
        with self.clock.stage("embed"):
            vectors = embed_papers(embedded, self.encoder, self.store, tally)
        if count_vectors:
            self.clock.items["embed"] += tally.items - made
            self.clock.reused["embed"] += tally.reused - reused
        tally.advance(len(papers) - len(embedded))
        with self.clock.stage("route", len(papers)):
            found = route(embedded, vectors, self.profile, self.texts, self.centroids, self.search)
            routes = found if chosen is None else chosen.routes(found)
            sorting = outcomes.sort_out(papers, routes, vetoes(papers, self.profile), self.profile)
            settled = sorting.settled if chosen is None else chosen.explain(papers, sorting.settled)
            self.prefiltered += sum(r.detail.startswith(PREFILTERED) for r in settled)
            candidates = _candidates(papers, routes, sorting.routed, vectors, chosen)
        with self.clock.stage("judge", len(candidates)):
            judged = [outcomes.judged(c, o) for c, o in zip(candidates, self._judge(candidates), strict=True)]
        return order([*settled, *judged])

    def _judge(self, candidates: Sequence[Candidate]) -> list[JudgeOutcome]:
        """Judgments are not stored: the built-in judge makes them again as fast as the store would give them."""
        said = {o.arxiv_id: o for o in self.judge.judge(candidates)}
        return [said.get(c.paper.arxiv_id) or outcomes.lost(c, self.judge.name) for c in candidates]


def embed_pages(
    pages: Iterable[Sequence[Paper]], chosen: Selection | None, encoder: Encoder, store: Store, tally: Tally
) -> None:
    """Store the vectors that the chosen papers (None: all) of the pages lack."""
    at = 0
    for papers in pages:
        embed_papers(_kept(papers, chosen.part(at, at + len(papers)) if chosen else None), encoder, store, tally)
        at += len(papers)


def _kept(papers: Sequence[Paper], chosen: Selection | None) -> Sequence[Paper]:
    if chosen is None:
        return papers
    return [paper for paper, keep in zip(papers, chosen.keeps.tolist(), strict=True) if keep]


def _candidates(
    papers: Sequence[Paper],
    routes: Sequence[Route],
    routed: Sequence[int],
    vectors: NDArray[np.float32],
    chosen: Selection | None,
) -> list[Candidate]:
    rows = np.arange(len(papers)) if chosen is None else np.cumsum(chosen.keeps) - 1
    return [candidate(papers[i], routes[i], vectors[rows[i]]) for i in routed]
