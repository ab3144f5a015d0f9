"""``ranker search`` and ``ranker similar`` over the history; ``ranker embed`` gives stored papers their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ranker.cli import FINE
from ranker.cli.console import Bars, note, out
from ranker.cli.options import (
    ConfigOption,
    DebugOption,
    EngineOption,
    PrefilterOption,
    ProfileOption,
    QuietOption,
    StoreOption,
    WaitOption,
    check_date,
    check_share,
)
from ranker.cli.session import Session
from ranker.errors import InputError

if TYPE_CHECKING:
    from ranker.search import Filter, History, Hit
    from ranker.types import Paper

_CHUNK = 2000

CountOption = Annotated[int, typer.Option("--count", "-n", help="How many.", min=1, max=1000)]
SinceOption = Annotated[str | None, typer.Option("--since", help="From this day on (YYYY-MM-DD).")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Up to this day.")]
CategoryOption = Annotated[list[str] | None, typer.Option("--category", help="Category such as cs.LG, or cs.")]
FieldOption = Annotated[str | None, typer.Option("--field", help="Papers that the profile put into this field.")]


def register(app: typer.Typer) -> None:
    app.command("search")(search)
    app.command("similar")(similar)
    app.command("embed")(embed_stored)


def search(
    text: Annotated[str, typer.Argument(help="What to look for, in words.")],
    count: CountOption = 10,
    since: SinceOption = None,
    until: UntilOption = None,
    category: CategoryOption = None,
    field: FieldOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Find stored papers by meaning."""
    if not text.strip():
        raise InputError("nothing to search for", todo="give some words")
    with Session(config=config, store=store, profile=profile) as session:
        session.need_store()
        history = _history(session)
        vector = next(iter(session.encoder.encode([text], "query")))[1][0]
        _show(session, history.search(vector, count, _filter(session, since, until, category, field)))
    return FINE


def similar(
    arxiv_id: Annotated[str, typer.Argument(metavar="ID", help="arXiv id, or a link.")],
    count: CountOption = 10,
    since: SinceOption = None,
    until: UntilOption = None,
    category: CategoryOption = None,
    field: FieldOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Find stored papers like one of them."""
    from ranker.ids import parse_id

    try:
        base = parse_id(arxiv_id).base
    except ValueError as error:
        raise InputError(str(error), todo="give an id such as 2601.06067, or a link to the paper") from error
    with Session(config=config, store=store, profile=profile) as session:
        session.need_store()
        history = _history(session)
        _show(session, history.similar(base, count, _filter(session, since, until, category, field)))
    return FINE


def embed_stored(
    quiet: QuietOption = False,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    engine: EngineOption = None,
    prefilter: PrefilterOption = None,
    debug: DebugOption = False,
) -> int:
    """Embed stored papers that have no vector yet (imported, never ranked), so that search finds them."""
    from ranker.cli.commands.bulk import embed_nearest, spread_chunk
    from ranker.pipeline import embed_papers
    from ranker.progress import Stopwatch

    check_share(prefilter)
    with Session(config=config, store=store, wait=wait, engine=engine) as session:
        session.need_store()
        session.lock()
        if prefilter is not None:
            bars = Bars(quiet=quiet)
            try:
                made, had, left = embed_nearest(session, prefilter, bars)
            finally:
                bars.close()
            added = _open(session).update().added
            print(f"embedded {made} papers, {had} had vectors, {left} left out by the prefilter; index: {added} added")
            return FINE
        total = session.store.paper_count()
        bars = Bars(quiet=quiet)
        at_once = spread_chunk(session) or _CHUNK
        try:
            with Stopwatch(bars).stage("embed", total) as tally:
                handled = 0
                for chunk in _chunks(session.store.papers_without_vector(session.encoder.info.key), at_once):
                    embed_papers(chunk, session.encoder, session.store, tally)
                    handled += len(chunk)
                tally.reuse(total - handled)
        finally:
            bars.close()
        update = _open(session).update()
    print(f"embedded {tally.items} papers, {tally.reused} had vectors; index: {update.added} added")
    return FINE


def _chunks(papers: Iterator[Paper], at_once: int) -> Iterator[list[Paper]]:
    while chunk := list(islice(papers, at_once)):
        yield chunk


def _open(session: Session) -> History:
    from ranker.backends.faiss_parts import FaissParts
    from ranker.search import History

    folder = session.store_path.with_name(f"{session.store_path.stem}-index")
    return History(folder, session.encoder.info, session.store, FaissParts())


def _history(session: Session) -> History:
    """The index, brought up to the store."""
    history = _open(session)
    update = history.update()
    if update.added:
        note(f"index: {update.added} papers added")
    if update.without_vector:
        note(f"{update.without_vector} stored papers have no vector yet: `ranker embed` makes them searchable")
    if len(history) == 0:
        raise InputError(
            "the store holds no embedded papers", where=str(session.store_path), todo="rank or import some"
        )
    return history


def _filter(
    session: Session, since: str | None, until: str | None, categories: list[str] | None, field: str | None
) -> Filter:
    from ranker.search import Filter

    check_date("--since", since)
    check_date("--until", until)
    if field is not None and field not in session.profile.field_names:
        raise InputError(f"no field {field!r}", todo=f"fields: {', '.join(session.profile.field_names)}")
    ids = frozenset(session.store.ids_of_field(session.profile.name, field)) if field is not None else None
    return Filter(since, until, tuple(categories or ()), ids)


def _show(session: Session, hits: list[Hit]) -> None:
    table = Table()
    for name in ("similarity", "paper", "day", "title"):
        table.add_column(name, no_wrap=name != "title")
    for hit in hits:
        paper = session.store.paper(hit.arxiv_id)
        title = paper.title if paper else ""
        table.add_row(f"{hit.similarity:.4f}", hit.arxiv_id, hit.day or "", escape(title))
    out.print(table)
