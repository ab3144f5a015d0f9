"""``ranker rank --all`` (or ``--since``, ``--until``): everything that is stored, in bounded memory."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ranker.cli import FINE, PARTIAL
from ranker.cli.console import Bars, note, out, top_table
from ranker.cli.session import Session
from ranker.cli.writing import keep_ticks, say_where
from ranker.errors import InputError
from ranker.types import Run, Stage

if TYPE_CHECKING:
    from ranker.bulk import BulkRequest, Ranked
    from ranker.bulk.prefilter import Prefilter
    from ranker.files import Content
    from ranker.progress import Tally

_LINES_AT_ONCE = 1000
_SPREAD_CHUNK = 100_000


def spread_chunk(session: Session) -> int | None:
    """Papers to embed at once where a pool of replicas starts for every call; None where nothing starts."""
    return _SPREAD_CHUNK if session.engine == "ray" else None


def rank_corpus(session: Session, request: BulkRequest, folder: Path, *, zipped: bool, quiet: bool) -> int:
    """Rank the request, write the folder, print where it lies; returns the exit code."""
    from ranker.bulk import rank_stored, refuse_language_model, spill_beside
    from ranker.progress import Stopwatch

    if session.store.paper_count(request.since, request.until) == 0:
        days = session.store.days(5)
        known = ", ".join(f"{d} ({n})" for d, n in days)
        todo = f"newest days: {known}" if days else "`ranker import` stores papers"
        raise InputError("no papers are stored for that", where=str(session.store_path), todo=todo)
    refuse_language_model(session.judge)
    bars = Bars(quiet=quiet)
    try:
        with spill_beside(folder) as spill:
            prefilter = None
            if request.share is not None:
                with Stopwatch(bars).stage("distil") as tally:
                    prefilter = open_prefilter(session, tally)
            ranked = rank_stored(
                request,
                session.profile,
                encoder=session.encoder,
                search=session.search,
                judge=session.judge,
                store=session.store,
                spill=spill,
                prefilter=prefilter,
                progress=bars,
                versions=session.versions(),
            )
            with Stopwatch(bars).stage("write", ranked.run.counts["read"]) as tally:
                _write(session, ranked, folder, tally, zipped=zipped)
    finally:
        bars.close()
    _say(ranked.run, quiet=quiet)
    say_where(session, folder)
    return PARTIAL if ranked.run.counts["failed"] else FINE


def embed_nearest(session: Session, share: float, bars: Bars) -> tuple[int, int, int]:
    """Embed the nearest ``share`` of all stored papers; how many were embedded, had vectors, and were left out."""
    from ranker.bulk import CHUNK, embed_pages
    from ranker.progress import Stopwatch

    watch, total = Stopwatch(bars), session.store.paper_count()
    with watch.stage("distil") as tally:
        prefilter = open_prefilter(session, tally)
    with watch.stage("prefilter", total) as tally:
        chosen = prefilter.select(session.store.pages(CHUNK), share, tally)
    with watch.stage("embed", int(chosen.keeps.sum())) as tally:
        pages = session.store.pages(spread_chunk(session) or CHUNK)
        embed_pages(pages, chosen, session.encoder, session.store, tally)
    return tally.items, tally.reused, total - int(chosen.keeps.sum())


def open_prefilter(session: Session, tally: Tally) -> Prefilter:
    """Static vectors of the session's encoder, fitted to a sample of what is stored."""
    from ranker import resources
    from ranker.backends.static import open_static
    from ranker.bulk.prefilter import SAMPLE, Prefilter
    from ranker.model_files import find_encoder
    from ranker.text import document_text

    folder = find_encoder(session.config.encoder.model).folder
    static = open_static(session.encoder, folder, resources.user_cache_dir(), tally)
    static.fit([document_text(p.title, p.abstract) for p in session.store.sample(SAMPLE)])
    return Prefilter(static, session.profile, session.search)


def _write(session: Session, ranked: Ranked, folder: Path, tally: Tally, *, zipped: bool) -> None:
    from ranker import output
    from ranker.digest import files as digest
    from ranker.digest.jsonl import report_json
    from ranker.roles import quotes

    # No pages: theirs go by days, and a corpus is none. Those of the days that the folder has stay as they are.
    settings, run = replace(session.config.digest, site=False), ranked.run
    started = time.perf_counter()
    keep_ticks(folder)
    existing = output.existing_files(folder)
    rendered = digest.digest_files(run, settings, session.profile, session.store, quotes=quotes)
    keep = digest.kept_files(run, rendered, session.store, existing, site=False)
    keep |= {path for path in existing if path.startswith(digest.SITE)}
    files: dict[str, Content] = {**rendered}
    del files["rankings.jsonl"]

    def rows(stream: BinaryIO) -> None:
        if not zipped:
            return _lines(ranked, stream, tally)
        with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1, mtime=0, filename="") as packed:
            _lines(ranked, packed, tally)
        return None

    files["rankings.jsonl.gz" if zipped else "rankings.jsonl"] = rows
    stages = (*run.stages, Stage("digest", time.perf_counter() - started, len(files), 0))
    files["report.json"] = report_json(replace(run, stages=stages), {"fields": ranked.field_counts})
    output.write_folder(folder, files, keep)


def _lines(ranked: Ranked, stream: BinaryIO | gzip.GzipFile, tally: Tally) -> None:
    from ranker.digest.jsonl import ranking_line

    held: list[str] = []
    for row in ranked.rows():
        held.append(ranking_line(row))
        if len(held) == _LINES_AT_ONCE:
            stream.write("".join(held).encode())
            tally.advance(len(held))
            held = []
    stream.write("".join(held).encode())
    tally.advance(len(held))


def _say(run: Run, *, quiet: bool) -> None:
    if not quiet:
        out.print(top_table(run))
    for text in run.notes:
        note(text)
    note(", ".join(f"{name} {number}" for name, number in run.counts.items()))
    for stage in run.stages:
        if stage.name == "embed":
            note(f"embedded {stage.items}, reused from the store {stage.reused}")
