"""The open file: one connection, writes that are whole or not at all, rows by lists of keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ranker.store.connection import connect, translated

_CHUNK = 500  # under SQLite's oldest limit of 999 variables


class Base:
    """One SQLite file, opened; made and migrated unless ``read_only``."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._db = connect(path, read_only=read_only)
        self._encoders: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with translated(self.path):
            return self._db.execute(sql, values).fetchall()

    def _by_chunks(self, sql: str, head: Sequence[Any], keys: Sequence[str]) -> Iterator[sqlite3.Row]:
        for start in range(0, len(keys), _CHUNK):
            part = keys[start : start + _CHUNK]
            yield from self._rows(sql.replace("@keys", ",".join("?" * len(part))), (*head, *part))

    def _encoder(self, key: str) -> int | None:
        """The number that stands for an encoder here; None where it never stored a vector."""
        if key not in self._encoders and (rows := self._rows("SELECT id FROM encoders WHERE key = ?", (key,))):
            self._encoders[key] = rows[0]["id"]
        return self._encoders.get(key)
