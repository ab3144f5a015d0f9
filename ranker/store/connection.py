"""Opening, migrating and guarding the SQLite file; SQLite's errors become ours with what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from ranker.errors import StoreError
from ranker.files import file_above
from ranker.store.schema import MIGRATIONS, VERSION

_BUSY_SECONDS = 10.0
_HEADER = b"SQLite format 3\0"  # sqlite.org/fileformat.html, 1.3.1; an empty file is an empty database


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite errors as StoreError: locked, full, damaged, not writable."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error).lower()
        if "locked" in text or "busy" in text:
            todo = "another program holds it; wait for it to end, or use another --store"
        elif "full" in text:
            todo = "the disk is full: free some space and run again; what was stored is intact"
        elif "malformed" in text or "not a database" in text:
            todo = "it is damaged or no ranker store: move it away (a new one is made) or restore a copy"
        elif "readonly" in text or "unable to open" in text:
            todo = "make the file and its folder writable, or use another --store"
        else:
            todo = "see the message; `ranker doctor` checks the store"
        raise StoreError(f"the store failed: {error}", where=str(path), todo=todo) from error


def check_file(path: Path) -> None:
    """Refuse what can't be a store, before anything is made in it or beside it. What is not there may become one.

    Raises:
        StoreError: a folder, a file that is no SQLite database, or a path below a file.
    """
    if above := file_above(path):
        raise StoreError(f"{above} is a file, not a folder", where=str(path), todo="use another --store")
    if path.is_dir():
        raise StoreError("is a folder, not a store", where=str(path), todo="name a file in it by --store")
    try:
        with path.open("rb") as file:
            start = file.read(len(_HEADER))
    except OSError:
        return  # not there, or not readable, which SQLite says itself
    if start not in (b"", _HEADER):
        raise StoreError(
            "is no ranker store (no SQLite database)",
            where=str(path),
            todo="use another --store; a damaged store: move it away (a new one is made) or restore a copy",
        )


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the store; make and migrate it unless ``read_only``.

    Raises:
        StoreError: can't be opened, is damaged, locked, or of a newer schema than this program knows; where it is to
            be read only: is not there, or of an older schema.
    """
    check_file(path)
    if read_only:
        return _connect_to_read(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"its folder can't be made ({error.strerror})", where=str(path), todo="use another --store"
        ) from error
    with translated(path):
        db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            _check_ours(db, path)
            db.execute("PRAGMA journal_mode = WAL")
            # NORMAL: a killed process loses nothing; a power cut may lose the last batches, never the file.
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA foreign_keys = ON")
            _migrate(db, path)
        except BaseException:
            db.close()
            raise
    return db


def _connect_to_read(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise StoreError("there is no store", where=str(path), todo="`ranker rank` or `ranker import` makes it")
    # A reader of a WAL file makes -shm and -wal beside it. Where it can't, nobody else writes either; but immutable
    # also means that a -wal left behind is not read, so a store with something in one is opened as usual.
    log = path.with_name(f"{path.name}-wal")
    still = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    address = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if still else ''}"
    with translated(path):
        db = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            _check_ours(db, path)
            if _version(db, path) < VERSION:
                raise StoreError(
                    "it was written by an older version of this program",
                    where=str(path),
                    todo="`ranker rank` or `ranker import` brings it up to date",
                )
        except BaseException:
            db.close()
            raise
    return db


def _check_ours(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a database of another program, before anything in it is changed: tables, and not those of every version
    of ours.
    """
    tables = {str(row[0]) for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not {"papers", "encoders", "outcomes"} <= tables:
        some = ", ".join(sorted(tables)[:3])
        raise StoreError(
            f"is another program's database (its tables: {some})", where=str(path), todo="use another --store"
        )


def _version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise StoreError(
            f"its schema is version {version}, this program knows up to {VERSION}",
            where=str(path),
            todo="update ranker, or use another --store",
        )
    return version


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    if _version(db, path) == VERSION:
        return
    db.execute("BEGIN EXCLUSIVE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for number in range(version, VERSION):
            for statement in MIGRATIONS[number].split(";"):
                if statement.strip():
                    db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
