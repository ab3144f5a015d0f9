"""``ranker rank``: the main job, from papers to a digest."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Annotated

import typer

from ranker.cli import FINE, PARTIAL, QUIET
from ranker.cli.commands.bulk import rank_corpus, spread_chunk
from ranker.cli.console import Bars, note, out, top_table, warn
from ranker.cli.options import (
    ConfigOption,
    DebugOption,
    EngineOption,
    FormOption,
    HeadsOption,
    JudgeOption,
    ModelOption,
    PrefilterOption,
    ProfileOption,
    QuietOption,
    ReadmeOption,
    StoreOption,
    WaitOption,
    check_date,
    check_share,
)
from ranker.cli.session import Session, now
from ranker.cli.writing import choose_forms, forget_old, say_where, write_digest
from ranker.errors import InputError
from ranker.output import check_folder
from ranker.pipeline import Request
from ranker.types import Paper, Rejected, Run, Stage

_SHOWN = 5


def register(app: typer.Typer) -> None:
    app.command("rank")(rank_papers)


def rank_papers(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[INPUT...]", help="Files, or - for standard input.")
    ] = None,
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the digest.")] = Path("out"),
    day: Annotated[str | None, typer.Option("--day", help="Rank what is stored of this day (YYYY-MM-DD).")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Rank all that is stored; writes no pages.")] = False,
    since: Annotated[str | None, typer.Option("--since", help="Rank what is stored from this day on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Rank what is stored up to this day.")] = None,
    prefilter: PrefilterOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="With --all: processes; the cores, at most 8, unless given.")
    ] = None,
    zipped: Annotated[bool, typer.Option("--gzip", help="With --all: rankings.jsonl.gz.")] = False,
    date: Annotated[str | None, typer.Option("--date", help="Date in the digest's title.")] = None,
    form: FormOption = None,
    readme: ReadmeOption = None,
    judge: JudgeOption = None,
    model: ModelOption = None,
    heads: HeadsOption = None,
    engine: EngineOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    history: Annotated[bool, typer.Option("--history/--no-history", help="Mind what earlier days showed.")] = True,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Write words again that failed their checks in earlier runs.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, and how long.")] = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> int:
    """Rank papers and write the digest: digest.md, rankings.jsonl, rejected.jsonl, report.json and more."""
    corpus = everything or since is not None or until is not None
    if sum(map(bool, (inputs, day, corpus))) == 0:
        raise typer.BadParameter("give INPUT files, or --day DATE or --all to rank what is stored")
    if sum(map(bool, (inputs, day, corpus))) > 1:
        raise typer.BadParameter("give INPUT files, --day, or --all (--date sets the title's date): one of them")
    if not corpus and (prefilter is not None or workers is not None or zipped):
        raise typer.BadParameter("--prefilter, --workers and --gzip go with --all, --since or --until")
    if corpus and (dry_run or retry_failed):
        raise typer.BadParameter("--dry-run and --retry-failed go with inputs or a --day, not with --all")
    check_share(prefilter)
    for name, value in (("--day", day), ("--date", date), ("--since", since), ("--until", until)):
        check_date(name, value)
    if not dry_run:
        check_folder(out_folder)
    with Session(
        config=config,
        store=store,
        profile=profile,
        judge=judge,
        model=model,
        heads=heads,
        wait=wait,
        engine=engine,
        only_plan=dry_run,
    ) as session:
        choose_forms(session, form, readme)
        if day or corpus:
            session.need_store()
        if not dry_run:
            session.lock()
        if corpus:
            from ranker.backends.lanes import cores
            from ranker.bulk import MOST_WORKERS, BulkRequest

            ahead, side_by_side = spread_chunk(session), workers or min(cores(), MOST_WORKERS)
            bulk = BulkRequest(now(), since, until, prefilter, date, embed_at_once=ahead, workers=side_by_side)
            return rank_corpus(session, bulk, out_folder, zipped=zipped, quiet=quiet)
        request = _from_store(session, day) if day else _from_inputs(session, inputs or [])
        history = history and session.config.digest.history
        request = dataclasses.replace(request, title_date=date, use_history=history, retry_failed=retry_failed)
        if dry_run:
            return _dry_run(session, request)
        return finish(session, request, out_folder, quiet=quiet)


def finish(session: Session, request: Request, out_folder: Path, *, quiet: bool) -> int:
    """Rank a request, write the folder, print where it lies; returns the exit code."""
    from ranker.pipeline import rank

    session.lock()
    if request.read == 0:
        print("a quiet day: nothing was announced, nothing was written")
        return QUIET
    bars = Bars(quiet=quiet)
    try:
        run = rank(
            request,
            session.profile,
            encoder=session.encoder,
            search=session.search,
            judge=session.judge,
            store=session.store,
            progress=bars,
            versions=session.versions(),
        )
    finally:
        bars.close()
    forget_old(session, run)
    write_digest(session, run, out_folder)
    _say(run, quiet=quiet)
    say_where(session, out_folder)
    return exit_code(run, request)


def exit_code(run: Run, request: Request) -> int:
    return PARTIAL if run.counts["rejected"] or run.counts["failed"] or request.partial else FINE


def _from_inputs(session: Session, inputs: list[str]) -> Request:
    from ranker.sources import ReadCount, read

    count = ReadCount()
    started = time.perf_counter()
    rejected: list[Rejected] = []
    papers = tuple(read(inputs, on_rejected=rejected.append, count=count))
    seconds = time.perf_counter() - started
    for row in rejected[:_SHOWN]:
        warn(f"{row.path}:{row.line}: refused: {row.why}")
    if len(rejected) > _SHOWN:
        warn(f"{len(rejected) - _SHOWN} more rows refused; all are in rejected.jsonl")
    for text in count.notes:
        warn(text)
    for flag, number in sorted(count.flags.items()):
        note(f"{number} x {flag}")
    if rejected and not papers:
        raise InputError(
            f"none of the {count.read} rows could be read as a paper",
            where=", ".join(inputs),
            todo="the first reasons are above; `ranker rank --help` and the README name the kinds of input",
        )
    return Request(
        papers=papers,
        read=count.read,
        now=now(),
        rejected=tuple(rejected),
        notes=tuple(count.notes),
        partial=count.partial,
        stages=(Stage("read", seconds, count.read, 0),),
    )


def _from_store(session: Session, day: str | None) -> Request:
    papers: tuple[Paper, ...] = tuple(session.store.papers_of_day(day or ""))
    if not papers:
        known = ", ".join(f"{d} ({n})" for d, n in session.store.days(5)) or "none"
        raise InputError(f"no papers are stored for {day}", where=str(session.store_path), todo=f"newest days: {known}")
    return Request(papers, len(papers), now(), day=day)


def _dry_run(session: Session, request: Request) -> int:
    from ranker.estimate import plan
    from ranker.store import Store

    # Only read: a dry run makes no store where there is none.
    store = Store(session.store_path, read_only=True) if session.store_path.is_file() else None
    found = plan(
        request,
        session.profile,
        encoder=session.encoder,
        search=session.search,
        judge=session.judge,
        store=store,
    )
    for line in found.lines():
        print(line)
    return FINE


def _say(run: Run, *, quiet: bool) -> None:
    if not quiet:
        out.print(top_table(run))
    for text in run.notes:
        note(text)
    reused = {s.name: s.reused for s in run.stages}
    note(", ".join(f"{name} {number}" for name, number in run.counts.items()))
    note(f"reused from the store: {reused.get('embed', 0)} vectors, {reused.get('judge', 0)} judgments")
