"""Rows on disk between being judged and being ranked: one file of sorted runs, merged by a known order."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from ranker.errors import RankerError

_BLOCK = 1 << 16


class Spill:
    """Lines (without their ends) of runs, appended; read back from all runs at once, a block of each in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends = [0]
        self._file = path.open("w+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, lines: Iterable[bytes]) -> None:
        """One run, in its own order.

        Raises:
            RankerError: the disk is full.
        """
        try:
            for line in lines:
                self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            raise RankerError(
                f"the rows can't be kept ({error.strerror})",
                where=str(self._path),
                todo="free some space or choose another --out; vectors are stored, so running again is quicker",
            ) from error
        self._ends.append(self._file.tell())

    def merged(self, runs: Iterable[int]) -> Iterator[bytes]:
        """The next line of run ``r`` for every ``r``: the order was worked out before, nothing is compared here."""
        readers = [self._lines(start, end) for start, end in zip(self._ends, self._ends[1:], strict=False)]
        for run in runs:
            yield next(readers[run])

    def _lines(self, at: int, end: int) -> Iterator[bytes]:
        tail = b""
        while at < end:
            block = os.pread(self._file.fileno(), min(_BLOCK, end - at), at)
            at += len(block)
            *lines, tail = (tail + block).split(b"\n")
            yield from lines


@contextmanager
def spill_beside(out: Path) -> Iterator[Spill]:
    """A spill on the disk that ``out`` will lie on, gone afterwards; what a killed run leaves is cleared by the next
    one that writes ``out`` (see ``ranker.files``).
    """
    out = out.resolve()
    folder = out.with_name(f".{out.name}.spill.{os.getpid()}.tmp")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with Spill(folder / "rows.jsonl") as spill:
            yield spill
    finally:
        shutil.rmtree(folder, ignore_errors=True)
