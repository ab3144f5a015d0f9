"""One run at a time: an advisory lock beside the store, freed by the kernel however the holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ranker.errors import StoreError
from ranker.store.connection import check_file


@contextmanager
def run_lock(store: Path, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold ``<store>.lock``; wait up to ``wait_seconds`` for another run to end.

    Raises:
        StoreError: the file can't be a store, another run holds it still (the message names its process id), or
            ``wait_seconds`` is no time.
    """
    if not wait_seconds >= 0:  # a NaN too: no clock ever passes it
        raise StoreError(f"{wait_seconds:g} seconds can't be waited", where="--wait", todo="give 0 or more")
    check_file(store)  # else a slip in --store would leave a lock beside somebody's file
    path = store.with_name(f"{store.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"can't be opened ({error.strerror})", where=str(path), todo="make the folder writable, or use --store"
        ) from error
    with handle:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    handle.seek(0)
                    holder = handle.read().strip() or "unknown"
                    raise StoreError(
                        f"another run is using this store (process {holder})",
                        where=str(store),
                        todo="wait for it to end (--wait SECONDS does), or use another --store",
                    ) from None
                time.sleep(0.2)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
