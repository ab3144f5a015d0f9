"""``ranker fetch`` brings papers from arXiv; ``ranker run`` is fetch, rank and digest: what a cron line calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from ranker.cli import FINE, PARTIAL, QUIET
from ranker.cli.commands.rank import finish
from ranker.cli.console import note, warn
from ranker.cli.options import (
    ConfigOption,
    DebugOption,
    EngineOption,
    HeadsOption,
    JudgeOption,
    ModelOption,
    ProfileOption,
    QuietOption,
    StoreOption,
    WaitOption,
)
from ranker.cli.session import Session, now
from ranker.errors import ConfigError, SourceError
from ranker.output import check_folder
from ranker.pipeline import Request
from ranker.sources.result import FetchResult

CategoryOption = Annotated[list[str] | None, typer.Option("--category", help="Category such as cs.LG; repeatable.")]
CrossOption = Annotated[bool | None, typer.Option("--cross/--no-cross", help="Cross-lists too.")]
ReplacementsOption = Annotated[bool | None, typer.Option("--replacements/--no-replacements", help="New versions too.")]
_DATE = typer.Option(help="YYYY-MM-DD, by submission (GMT).", formats=["%Y-%m-%d"])


def register(app: typer.Typer) -> None:
    app.command("fetch")(fetch)
    app.command("run")(run)


def fetch(
    category: CategoryOption = None,
    cross: CrossOption = None,
    replacements: ReplacementsOption = None,
    start: Annotated[datetime | None, _DATE] = None,
    end: Annotated[datetime | None, _DATE] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    debug: DebugOption = False,
) -> int:
    """Bring the newest announcements (or, with --start and --end, a range of days) from arXiv into the store."""
    with Session(config=config, store=store, wait=wait) as session:
        session.lock()
        if start or end:
            first = (start or end or now()).date()
            result = fetch_days(session, category, first, (end or now()).date())
        else:
            result = fetch_newest(session, category, cross, replacements, now())
        new = _store(session, result)
    print(f"{result.state}: {result.detail}")
    print(f"stored {len(result.papers)} papers ({new} new), refused {len(result.rejected)}; day: {result.day or '-'}")
    return _code(result)


def run(
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the digest.")] = Path("out"),
    category: CategoryOption = None,
    cross: CrossOption = None,
    replacements: ReplacementsOption = None,
    judge: JudgeOption = None,
    model: ModelOption = None,
    heads: HeadsOption = None,
    engine: EngineOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> int:
    """Fetch the newest announcement day, rank it, write the digest: for a cron line."""
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
    ) as session:
        session.lock()
        result = fetch_newest(session, category, cross, replacements, now())
        _store(session, result)
        code = _code(result)
        note(f"{result.state}: {result.detail}")
        if code == QUIET:
            print("a quiet day: nothing was announced, nothing was written")
            return QUIET
        if not result.papers and not result.rejected:
            print(f"{result.state}: nothing to rank, nothing was written")
            return code
        ranked = finish(session, request_of(result), out_folder, quiet=quiet)
        return code if ranked == FINE else ranked


def request_of(result: FetchResult) -> Request:
    """What a fetch brought, as something to rank; what was left out by the switches is noted, not lost."""
    left = {name: result.counts.get(name, 0) for name in ("left_out", "repeated")}
    notes = [f"{result.state}: {result.detail}"] if result.state != "fresh" else []
    notes += [f"feed: {number} items {name.replace('_', ' ')}" for name, number in left.items() if number]
    return Request(
        papers=result.papers,
        read=len(result.papers) + len(result.rejected),
        now=now(),
        rejected=result.rejected,
        day=result.day,
        notes=tuple(notes),
        partial=result.state != "fresh",
    )


def fetch_newest(
    session: Session, categories: list[str] | None, cross: bool | None, replacements: bool | None, clock: datetime
) -> FetchResult:
    """Today's announcements of the configured categories."""
    from ranker.sources.announcements import fetch_announcements
    from ranker.sources.polite import PoliteClient

    wanted = session.config.fetch
    chosen = checked_categories(categories or wanted.categories, session)
    settings = session.config.http_settings()
    with PoliteClient(settings, state_file=_state_file(session), on_wait=_on_wait) as client:
        return fetch_announcements(
            chosen,
            include_cross=wanted.include_cross if cross is None else cross,
            include_replacements=wanted.include_replacements if replacements is None else replacements,
            client=client,
            now=clock,
            settings=settings,
        )


def fetch_days(session: Session, categories: list[str] | None, first: date, last: date) -> FetchResult:
    """A back-fill through the API, by submission date."""
    from ranker.sources.arxiv_api import fetch_range
    from ranker.sources.polite import PoliteClient

    chosen = checked_categories(categories or session.config.fetch.categories, session)
    settings = session.config.http_settings()
    if last < first:
        raise typer.BadParameter(f"--end {last} lies before --start {first}")
    with PoliteClient(settings, state_file=_state_file(session), on_wait=_on_wait) as client:
        return fetch_range(chosen, first, last, client=client, settings=settings)


def checked_categories(categories: Sequence[str], session: Session) -> Sequence[str]:
    """The categories to ask for.

    Raises:
        ConfigError: one is none of arXiv's.
    """
    from ranker.sources.announcements import check_categories

    try:
        check_categories(categories)
    except ValueError as error:
        raise ConfigError(
            str(error), where=f"--category or {session.config.file}", todo="write it like cs.LG"
        ) from error
    return categories


def _store(session: Session, result: FetchResult) -> int:
    from ranker.text import text_hash

    for row in result.rejected[:5]:
        warn(f"{row.path}:{row.line}: refused: {row.why}")
    if result.state == "failed":
        raise SourceError(result.detail, todo="nothing was stored; files can be ranked without a network")
    pairs = [(p, text_hash(p.title, p.abstract)) for p in result.papers]
    return session.store.put_papers(pairs, now().isoformat(timespec="seconds"))


def _code(result: FetchResult) -> int:
    if result.state == "quiet":
        return QUIET
    return PARTIAL if result.state != "fresh" or result.rejected else FINE


def _state_file(session: Session) -> Path:
    return session.store_path.with_name("last-request")


def _on_wait(seconds: float, why: str) -> None:
    note(f"waiting {seconds:.0f} s: {why}")
