"""Everything that is stored, ranked like one day but in bounded memory: chunk by chunk, rows on disk, marks in memory.

The same stages, in the same order, on the same functions as `ranker.pipeline.rank`; since no stage looks at a paper's
company, a corpus is ranked exactly as a day of the same papers would be. History has no say and learns nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ranker import outcomes, report
from ranker.bulk.chunk import Work
from ranker.bulk.corpus import Clock, Corpus
from ranker.bulk.marks import Marks, Settled
from ranker.bulk.pool import rank_chunks
from ranker.bulk.prefilter import Prefilter, Selection
from ranker.bulk.shown import best_of, notes, rows_of
from ranker.bulk.spill import Spill
from ranker.errors import InputError
from ranker.near_duplicates import near_duplicates
from ranker.pipeline import latest_day
from ranker.profile import Profile
from ranker.progress import Progress, Stopwatch, Tally
from ranker.protocols import Encoder, Judge
from ranker.route import Search
from ranker.types import Paper, Run, Stage

if TYPE_CHECKING:
    from ranker.store import Store

CHUNK = 4000
"""Papers in memory at once, with all that is known of them: about 30 kB each."""

SHOWN = 1000
"""Recommended papers that the digest shows; ``rankings.jsonl`` has all."""


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """Which stored papers: of days from ``since`` to ``until`` (ISO, both included; None: no end). ``share``: what the
    prefilter lets through, in (0, 1]; None: everything. ``embed_at_once``: embed so many papers at a time before any is
    ranked (an engine that starts a pool for every call); None: chunk by chunk, as they are ranked. ``workers``: chunks
    that are routed and judged side by side, each in a process of its own (never more than there are whole chunks).
    """

    now: datetime
    since: str | None = None
    until: str | None = None
    share: float | None = None
    title_date: str | None = None
    shown: int = SHOWN
    at_once: int = CHUNK
    embed_at_once: int | None = None
    workers: int = 1


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
        return rows_of(self.settled, self.spill)


def refuse_language_model(judge: Judge) -> None:
    """Before any work is done for it.

    Raises:
        InputError: the judge is a language model, whose outcomes a corpus is no place for.
    """
    if judge.uses_language_model:
        raise InputError(
            f"{judge.name} would read every stored paper",
            where="--judge",
            todo="rank all that is stored with --judge heads, then single days with the language model",
        )


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
    """Rank every stored paper of the request. Memory: two chunks a worker and one more, 35 bytes a paper (100 while
    they are sorted), no more.

    Raises:
        InputError: the judge is a language model.
        AccountingError: a paper was lost.
    """
    refuse_language_model(judge)
    watch = Stopwatch(progress)
    total = store.paper_count(request.since, request.until)
    selection = None
    if prefilter is not None and request.share is not None:
        with watch.stage("prefilter", total) as tally:
            selection = prefilter.select(
                store.pages(request.at_once, request.since, request.until), request.share, tally
            )
    corpus, marks = Corpus(profile, encoder, search, judge, store), Marks()
    ahead = request.embed_at_once
    if ahead is not None:
        with watch.stage("embed", total if selection is None else int(selection.keeps.sum())) as tally:
            corpus.embed_ahead(store.pages(ahead, request.since, request.until), selection, tally)
    workers = max(1, min(request.workers, total // request.at_once))
    with watch.stage("rank", total) as tally:
        work = _work(request, corpus, selection, tally)
        for done in rank_chunks(corpus.desk, work, workers):
            corpus.count(done)
            with corpus.clock.stage("keep", len(done.rows)):
                spill.add(done.rows)
                marks.add(done.part)
    read = corpus.clock.items["read"]
    with watch.stage("order", read) as tally:
        settled = marks.settle(profile.recommend)
        tally.advance(read)
    counts = {"read": read, "rejected": 0, **settled.counts()}
    report.check(counts)
    stages = _stages(watch.stages, corpus.clock)
    first, last = store.days_between(request.since, request.until, latest_day(request.now)) or (None, None)
    shown = best_of(corpus, settled, spill, request.shown)
    alike = near_duplicates(shown.vectors, [r.paper.arxiv_id for r in shown.rankings], search)
    now = request.now.isoformat(timespec="seconds")
    run = Run(
        day=last or now[:10],
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
        hashes=report.hashes(profile, encoder.info, judge),
        notes=(
            *notes(counts["recommended"], len(shown.rankings), profile.language),
            *(selection.notes(corpus.prefiltered, profile.language) if selection else ()),
            *outcomes.alike_notes(alike, profile.language),
        ),
        title_date=request.title_date or (last if first == last else f"{first} – {last}"),
    )
    return Ranked(run, settled, spill, settled.field_counts(profile.field_names))


def _work(request: BulkRequest, corpus: Corpus, selection: Selection | None, tally: Tally) -> Iterator[Work]:
    """Chunk by chunk, as the processes have room for them."""
    pages, read = corpus.store.pages(request.at_once, request.since, request.until), 0
    while papers := _next(pages, corpus.clock):
        here = selection.part(read, read + len(papers)) if selection else None
        yield corpus.work(papers, tally, here, count_vectors=request.embed_at_once is None)
        read += len(papers)


def _next(pages: Iterator[list[Paper]], clock: Clock) -> list[Paper]:
    with clock.stage("read"):
        papers = next(pages, [])
    clock.items["read"] += len(papers)
    return papers


def _stages(watched: Sequence[Stage], clock: Clock) -> tuple[Stage, ...]:
    """With "rank" as its parts, and the embedding that went ahead of it among them: no second counts twice."""
    stages: list[Stage] = []
    for stage in watched:
        if stage.name == "rank":
            stages += clock.stages()
        elif stage.name != "embed":
            stages.append(stage)
    return tuple(stages)
