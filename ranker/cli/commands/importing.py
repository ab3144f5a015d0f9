"""``ranker import``: store papers without ranking, streamed in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer

from ranker.cli import FINE, PARTIAL, QUIET
from ranker.cli.console import err, note, warn
from ranker.cli.options import ConfigOption, DebugOption, QuietOption, StoreOption, WaitOption
from ranker.cli.session import Session, now
from ranker.errors import InputError
from ranker.types import Paper, Rejected

_CHUNK = 1000
_SHOWN = 5


def register(app: typer.Typer) -> None:
    app.command("import")(import_papers)


def import_papers(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, or - for standard input.")],
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    rejected: Annotated[
        Path | None, typer.Option("--rejected", help="File for all refused rows, as JSON lines.")
    ] = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> int:
    """Store papers without ranking them; `ranker rank --day DATE` ranks what is stored."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from ranker.digest.jsonl import rejected_line
    from ranker.sources import KnownRows, ReadCount, input_bytes, read
    from ranker.text import text_hash

    count, refused, new = ReadCount(), 0, 0
    lines: TextIO | None = None

    def on_rejected(row: Rejected) -> None:
        nonlocal refused
        refused += 1
        if refused <= _SHOWN:
            warn(f"{row.path}:{row.line}: refused: {row.why}")
        if lines is not None:
            lines.write(rejected_line(row))

    columns = (
        TextColumn("import"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[n]}"),
    )
    hidden = quiet or not err.is_terminal
    with (
        contextlib.ExitStack() as stack,
        Session(config=config, store=store, wait=wait) as session,
        Progress(*columns, console=err, disable=hidden) as bar,
    ):
        known = KnownRows(lambda: session.store.known_rows(), lambda key: session.store.row_of(key))
        # A wrong name ends here, before the store is made.
        papers = read(inputs, on_rejected=on_rejected, count=count, known=known)
        session.lock()
        lines = stack.enter_context(_opened(rejected)) if rejected is not None else None
        task = bar.add_task("import", total=input_bytes(inputs), n="")
        for chunk in _chunks(papers):
            pairs = [(p, text_hash(p.title, p.abstract)) for p in chunk]
            new += session.store.put_papers(pairs, now().isoformat(timespec="seconds"), known.take())
            bar.update(task, completed=count.bytes_done, n=f"{count.papers + count.known} papers")
    if refused > _SHOWN and rejected is None:
        warn(f"{refused - _SHOWN} more rows refused; --rejected FILE keeps them all")
    for text in count.notes:
        warn(text)
    for flag, number in sorted(count.flags.items()):
        warn(f"{flag}: {number} of {count.papers} papers")
    unchanged = f", {count.known} unchanged" if count.known else ""
    print(
        f"read {count.read}, stored {count.papers} ({new} new){unchanged}, refused {count.rejected}; "
        f"store: {session.store_path}"
    )
    if count.read == 0:
        note("nothing was announced in these inputs")
        return QUIET
    return PARTIAL if count.rejected or count.partial else FINE


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        todo = "name a file in a folder that can be written to"
        raise InputError(f"can't be written ({error.strerror})", where=str(path), todo=todo) from error


def _chunks(papers: Iterable[Paper]) -> Iterator[list[Paper]]:
    source = iter(papers)
    with contextlib.closing(source):  # type: ignore[type-var]
        while chunk := list(islice(source, _CHUNK)):
            yield chunk
