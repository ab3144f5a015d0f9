"""Chunks of a corpus: their vectors, and the stages' time over all of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ranker.bulk.chunk import Desk, Done, Work, kept
from ranker.bulk.prefilter import Selection
from ranker.pipeline import embed_papers, embed_profile
from ranker.profile import Profile
from ranker.progress import Tally
from ranker.protocols import Encoder, Judge
from ranker.route import Search, centroid_texts
from ranker.types import Paper, Stage

if TYPE_CHECKING:
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
    """What is needed to make chunks of papers ready and to count what became of them."""

    def __init__(self, profile: Profile, encoder: Encoder, search: Search, judge: Judge, store: Store) -> None:
        self.encoder, self.store = encoder, store
        texts = centroid_texts(profile)
        self.desk = Desk(profile, texts, embed_profile(texts, encoder, store), search, judge)
        self.clock = Clock()
        self.prefiltered = 0  # papers that are unrouted for it

    def embed_ahead(self, pages: Iterable[Sequence[Paper]], chosen: Selection | None, tally: Tally) -> None:
        """Vectors for the chosen papers before any is ranked, for an encoder that wants many at once."""
        with self.clock.stage("embed"):
            embed_pages(pages, chosen, self.encoder, self.store, tally)
        self.clock.items["embed"] += tally.items
        self.clock.reused["embed"] += tally.reused

    def work(
        self, papers: Sequence[Paper], tally: Tally, chosen: Selection | None = None, *, count_vectors: bool = True
    ) -> Work:
        """One chunk with its vectors, ready to be ranked.

        ``chosen``: which of them the prefilter lets through to the encoder, and what it says of the others.
        ``count_vectors``: False where they were counted before.
        """
        embedded = kept(papers, chosen)
        made, reused = tally.items, tally.reused
        with self.clock.stage("embed"):
            vectors = embed_papers(embedded, self.encoder, self.store, tally)
        if count_vectors:
            self.clock.items["embed"] += tally.items - made
            self.clock.reused["embed"] += tally.reused - reused
        tally.advance(len(papers) - len(embedded))
        return Work(papers, vectors, chosen)

    def count(self, done: Done) -> None:
        """Adds a chunk's share of the stages."""
        self.clock.seconds["route"] += done.route_seconds
        self.clock.items["route"] += len(done.rows)
        self.clock.seconds["judge"] += done.judge_seconds
        self.clock.items["judge"] += done.judged
        self.prefiltered += done.prefiltered


def embed_pages(
    pages: Iterable[Sequence[Paper]], chosen: Selection | None, encoder: Encoder, store: Store, tally: Tally
) -> None:
    """Store the vectors that the chosen papers (None: all) of the pages lack."""
    at = 0
    for papers in pages:
        embed_papers(kept(papers, chosen.part(at, at + len(papers)) if chosen else None), encoder, store, tally)
        at += len(papers)
