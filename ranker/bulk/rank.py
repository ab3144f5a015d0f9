"""Everything that is stored, ranked like one day but in bounded memory: chunk by chunk, rows on disk, marks in memory.

The same stages, in the same order, on the same functions as `ranker.pipeline.rank`; since no stage looks at a paper's
company, a corpus is ranked exactly as a day of the same papers would be. History has no say and learns nothing here.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ranker import outcomes, report
from ranker.bulk.marks import Marks, Settled
from ranker.bulk.rows import packed, unpacked
from ranker.bulk.spill import Spill
from ranker.errors import InputError
from ranker.near_duplicates import near_duplicates
from ranker.pipeline import embed_papers, embed_profile
from ranker.prefilter import PREFILTERED, Prefilter, Selection
from ranker.profile import Profile
from ranker.progress import Progress, Silent, Stopwatch, Tally
from ranker.protocols import Encoder, Judge
from ranker.rank import order
from ranker.route import CentroidText, Search, centroid_texts, route, vetoes
from ranker.text import text_hash
from ranker.types import Candidate, JudgeOutcome, Paper, Ranking, Route, Run, Stage, Unscored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.store import Store

CHUNK = 4000
"""Papers in memory at once, with all that is known of them: about 30 kB each."""

SHOWN = 1000
"""Recommended papers that the digest shows; ``rankings.jsonl`` has all."""

StageName = Literal["read", "embed", "route", "judge", "keep"]
_STAGES: tuple[StageName, ...] = ("read", "embed", "route", "judge", "keep")


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """Which stored papers: of days from ``since`` to ``until`` (ISO, both included; None: no end). ``share``: what the
    prefilter lets through, in (0, 1); None: everything.
    """

    now: datetime
    since: str | None = None
    until: str | None = None
    share: float | None = None
    title_date: str | None = None
    shown: int = SHOWN
    at_once: int = CHUNK


@dataclass(slots=True)
class _Clock:
    """Seconds and items of the stages, summed over the chunks."""

    seconds: dict[StageName, float] = field(default_factory=lambda: dict.fromkeys(_STAGES, 0.0))
    items: dict[StageName, int] = field(default_factory=lambda: dict.fromkeys(_STAGES, 0))

    @contextmanager
    def stage(self, name: StageName, items: int) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started
            self.items[name] += items

    def stages(self, reused: int) -> tuple[Stage, ...]:
        return tuple(Stage(n, self.seconds[n], self.items[n], reused if n == "embed" else 0) for n in _STAGES)


class Corpus:
    """What is needed to rank any chunk of papers."""

    def __init__(self, profile: Profile, encoder: Encoder, search: Search, judge: Judge, store: Store) -> None:
        self.profile, self.encoder, self.search, self.judge, self.store = profile, encoder, search, judge, store
        self.texts: list[CentroidText] = centroid_texts(profile)
        self.centroids = embed_profile(self.texts, encoder, store)
        self.clock = _Clock()
        self.prefiltered = 0  # papers that are unrouted for it

    def rank(self, papers: Sequence[Paper], tally: Tally, chosen: Selection | None = None) -> list[Ranking]:
        """One chunk in its own order: every paper duplicate, vetoed, unrouted, judged or failed; none recommended yet.

        ``chosen``: which of them the prefilter lets through to the encoder, and what it says of the others.
        """
        embedded = [p for i, p in enumerate(papers) if chosen is None or chosen.keeps[i]]
        with self.clock.stage("embed", len(embedded)):
            vectors = embed_papers(embedded, self.encoder, self.store, tally)
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
        lost = ("lost", "the judge gave no outcome for this paper", self.judge.name)
        return [said.get(c.paper.arxiv_id) or Unscored(c.paper.arxiv_id, *lost) for c in candidates]


def _candidates(
    papers: Sequence[Paper],
    routes: Sequence[Route],
    routed: Sequence[int],
    vectors: NDArray[np.float32],
    chosen: Selection | None,
) -> list[Candidate]:
    rows = np.arange(len(papers)) if chosen is None else np.cumsum(chosen.keeps) - 1
    return [
        Candidate(papers[i], routes[i], text_hash(papers[i].title, papers[i].abstract), vectors[rows[i]].tobytes())
        for i in routed
    ]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked corpus. ``run``: as of a day, but with the best recommended papers only (``BulkRequest.shown``) and the
    counts of all; ``field_counts``: field -> outcome -> number. Lives as long as the spill.
    """

    run: Run
    settled: Settled
    spill: Spill
    field_counts: Mapping[str, Mapping[str, int]]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every paper's row of ``rankings.jsonl``, in order of rank."""
        return _rows(self.settled, self.spill)


def rank_stored(
    request: BulkRequest,
    profile: Profile,
    *,
    encoder: Encoder,
    search: Search,
    judge: Judge,
    store: Store,
    spill: Spill,
    prefilter: Prefilter | None = None,
    progress: Progress | None = None,
    versions: Mapping[str, str] | None = None,
) -> Ranked:
    """Rank every stored paper of the request. Memory: a chunk, 35 bytes a paper (100 while they are sorted), no more.

    Raises:
        InputError: the judge is a language model, whose outcomes a corpus is no place for.
        AccountingError: a paper was lost.
    """
    if judge.uses_language_model:
        raise InputError(
            f"{judge.name} would read every stored paper",
            where="--judge",
            todo="rank all that is stored with --judge heads, then single days with the language model",
        )
    watch = Stopwatch(progress)
    total = store.paper_count(request.since, request.until)
    selection = None
    if prefilter is not None and request.share is not None:
        with watch.stage("prefilter", total) as tally:
            selection = prefilter.select(
                store.pages(request.at_once, request.since, request.until), request.share, tally
            )
    corpus, marks, days = Corpus(profile, encoder, search, judge, store), Marks(), _Days()
    read = 0
    with watch.stage("rank", total) as tally:
        pages = store.pages(request.at_once, request.since, request.until)
        while papers := _next(pages, corpus.clock):
            here = selection.part(read, read + len(papers)) if selection else None
            rankings = corpus.rank(papers, tally, here)
            with corpus.clock.stage("keep", len(papers)):
                spill.add(map(packed, rankings))
                marks.add(rankings)
                days.add(papers)
            read += len(papers)
    with watch.stage("order", read) as tally:
        settled = marks.settle(profile.recommend)
        tally.advance(read)
    counts = {"read": read, "rejected": 0, **settled.counts()}
    report.check(counts)
    stages = (*watch.stages, *corpus.clock.stages(_reused(watch)))
    shown = _shown(corpus, settled, spill, request.shown)
    alike = near_duplicates(shown.vectors, [r.paper.arxiv_id for r in shown.rankings], search)
    now = request.now.isoformat(timespec="seconds")
    run = Run(
        day=days.last or now[:10],
        made_at=now,
        profile=profile.name,
        profile_title=profile.title,
        fields=profile.field_names,
        language=profile.language,
        rankings=shown.rankings,
        rejected=(),
        counts=counts,
        stages=stages,
        judge_line=judge.name,
        usage=judge.usage,
        uses_language_model=False,
        threshold=profile.recommend.describe(),
        versions=dict(versions or {}),
        hashes={
            "profile": profile.content_hash(),
            "encoder": encoder.info.key,
            "weights": encoder.info.sha256,
            **judge.hashes,
        },
        notes=(
            *_notes(counts["recommended"], len(shown.rankings), profile.language),
            *(selection.notes(corpus.prefiltered, profile.language) if selection else ()),
            *outcomes.alike_notes(alike, profile.language),
        ),
        title_date=request.title_date or days.title(),
    )
    return Ranked(run, settled, spill, settled.field_counts(profile.field_names))


def _next(pages: Iterator[list[Paper]], clock: _Clock) -> list[Paper]:
    with clock.stage("read", 0):
        papers = next(pages, [])
    clock.items["read"] += len(papers)
    return papers


def _reused(watch: Stopwatch) -> int:
    return next(s.reused for s in watch.stages if s.name == "rank")


class _Days:
    """The first and the last day of what was read."""

    def __init__(self) -> None:
        self.first: str | None = None
        self.last: str | None = None

    def add(self, papers: Sequence[Paper]) -> None:
        days = [d[:10] for p in papers if (d := p.day or p.published)]
        if days:
            self.first = min(days) if self.first is None else min(self.first, *days)
            self.last = max(days) if self.last is None else max(self.last, *days)

    def title(self) -> str | None:
        return self.first if self.first == self.last else f"{self.first} – {self.last}"


def _rows(settled: Settled, spill: Spill) -> Iterator[dict[str, Any]]:
    runs = map(int, settled.chunk)
    for at, line in enumerate(spill.merged(runs)):
        yield unpacked(line, at + 1, int(settled.outcome[at]), repeated=bool(settled.repeated[at]))


@dataclass(frozen=True, slots=True)
class _Shown:
    rankings: tuple[Ranking, ...]
    vectors: NDArray[np.float32]


def _shown(corpus: Corpus, settled: Settled, spill: Spill, count: int) -> _Shown:
    """The best recommended papers with all that a digest shows, ranked again by themselves: the outcome is the same."""
    last = int(settled.recommended[:count].max(initial=-1)) + 1
    rows = [row for row in islice(_rows(settled, spill), last) if row["outcome"] == "recommended"]
    papers = []
    for row in rows:
        paper = corpus.store.paper_version(row["arxiv_id"], row["version"] or 0)
        if paper is None:
            raise InputError(f"{row['arxiv_id']} left the store", todo="run again, alone on this store")
        papers.append(paper)
    silent = Tally(Silent())
    found = {r.paper.arxiv_id: r for r in corpus.rank(papers, silent)}
    vectors = embed_papers(papers, corpus.encoder, corpus.store, silent)
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
    return _Shown(rankings, vectors)


def _notes(recommended: int, shown: int, language: str) -> tuple[str, ...]:
    if shown == recommended:
        return ()
    if language == "en":
        return (f"{recommended} papers are recommended; the best {shown} are shown, rankings.jsonl has all",)
    return (f"共推荐 {recommended} 篇，此处只列出前 {shown} 篇；全部见 rankings.jsonl",)
