"""Inputs of every kind -> papers, one stream, in bounded memory, each row accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ranker.errors import InputError
from ranker.sources import atom_api, feeds, json_rows, oai
from ranker.sources.count import ReadCount
from ranker.sources.kinds import Kind, kind_of
from ranker.sources.known import KnownRows
from ranker.sources.stream import STDIN, Opened, open_input
from ranker.types import Paper, Rejected

Reader = Callable[[Opened, str, ReadCount], Iterator[Paper | Rejected]]

_READERS: dict[Kind, Reader] = {
    "jsonl": json_rows.read_lines,
    "snapshot": json_rows.read_lines,
    "json-array": json_rows.read_array,
    "atom-api": atom_api.read_page,
    "rss": feeds.read_feed,
    "atom": feeds.read_feed,
    "oai": oai.read_oai,
}


def read(
    paths: Sequence[str | Path],
    *,
    on_rejected: Callable[[Rejected], None],
    count: ReadCount | None = None,
    known: KnownRows | None = None,
) -> Iterator[Paper]:
    """Read files (``-``: standard input) one after the other; kinds are recognised by content.

    Every row becomes a paper or a call of ``on_rejected``, never neither: ``count`` grows by one for each. All regular
    files are looked at before the first paper comes, so that a wrong name is met before the work begins. Rows of JSON
    lines that are ``known`` are counted as such, nothing else comes of them.

    Raises:
        InputError: a file is absent, unreadable, a folder, empty, not UTF-8, of no known kind, or an error page.
    """
    if not paths:
        raise InputError("no input was named", todo="name at least one file, or - for standard input")
    if sum(str(path) == STDIN for path in paths) > 1:
        raise InputError("standard input is named twice", where=STDIN, todo="name - once")
    for path in paths:
        if not _is_stream(path):
            peek_kind(path)
    return _read(paths, on_rejected, count if count is not None else ReadCount(), known)


def peek_kind(path: str | Path) -> Kind:
    """The kind of a file, from its first 64 KiB.

    Raises:
        InputError: as ``read`` does. A stream that cannot be read twice is not to be peeked at.
    """
    opened = open_input(path)
    try:
        return kind_of(opened.head, opened.label)
    finally:
        opened.close()


def input_bytes(paths: Sequence[str | Path]) -> int | None:
    """Total size in bytes, what ``ReadCount.bytes_done`` grows to; None where it is not known (``read`` says why)."""
    if any(_is_stream(path) for path in paths):
        return None
    try:
        return sum(Path(path).stat().st_size for path in paths)
    except OSError:
        return None


def _read(
    paths: Sequence[str | Path], on_rejected: Callable[[Rejected], None], count: ReadCount, known: KnownRows | None
) -> Iterator[Paper]:
    for path in paths:
        opened = open_input(path)
        try:
            kind = kind_of(opened.head, opened.label)
            count.kinds.append((opened.label, kind))
            reader = _READERS[kind]
            if known is not None and reader is json_rows.read_lines:
                reader = partial(json_rows.read_new_lines, known=known)
            for outcome in reader(opened, kind, count):
                count.read += 1
                if isinstance(outcome, Paper):
                    count.papers += 1
                    yield outcome
                else:
                    count.rejected += 1
                    on_rejected(outcome)
            if opened.damage:
                count.note(f"{opened.label}: {opened.damage}; the papers before are kept", partial=True)
        finally:
            opened.close()


def _is_stream(path: str | Path) -> bool:
    return str(path) == STDIN or (Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir())
