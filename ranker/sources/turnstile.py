"""One request at a time, 3 s apart, over all runs of one user: a locked state file holds the last request's time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ranker.errors import SourceError


class Turnstile:
    """Hands out turns. ``clock``: seconds since the epoch. Without a ``state_file`` it knows only its own turns.

    The state file's lock is held while a request runs, so two runs never have two connections.
    """

    def __init__(
        self, interval_s: float, *, state_file: Path | None, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._interval, self._path, self._clock, self._sleep = interval_s, state_file, clock, sleep
        self._last: float | None = None
        self._refused: float | None = None

    @contextmanager
    def turn(self, refused_wait_s: float) -> Iterator[None]:
        """Wait for the turn, hold it while the request runs.

        Raises:
            SourceError: arXiv answered 403 less than ``refused_wait_s`` ago, or the state file cannot be written.
        """
        with self._locked() as file:
            self._load(file)
            now = self._clock()
            if self._refused is not None and 0 <= now - self._refused < refused_wait_s:
                hours = (refused_wait_s - (now - self._refused)) / 3600
                raise SourceError(
                    "arXiv answered 403 to an earlier request: nothing more is asked for now",
                    where=str(self._path or ""),
                    todo=f"wait {hours:.1f} hours; if the cause is known to be gone, delete this file",
                )
            if self._last is not None:
                # A last request in the future means that the clock was set back: never wait longer than the interval.
                wait = min(self._interval, self._interval - (now - self._last))
                if wait > 0:
                    self._sleep(wait)
            self._last = self._clock()
            self._save(file)
            yield

    def refused(self) -> None:
        """Remember a 403, for the runs after this one too."""
        with self._locked() as file:
            self._load(file)
            self._refused = self._clock()
            self._save(file)

    @contextmanager
    def _locked(self) -> Iterator[IO[str] | None]:
        if self._path is None:
            yield None
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(exist_ok=True)
            file = self._path.open("r+", encoding="utf-8")
        except OSError as error:
            todo = "make it writable: it keeps the pace of 1 request per 3 s between runs"
            raise SourceError(f"cannot be written: {error.strerror}", where=str(self._path), todo=todo) from error
        with file:
            _lock(file)  # given back when the file is closed
            yield file

    def _load(self, file: IO[str] | None) -> None:
        if file is None:
            return
        file.seek(0)
        text = file.read()
        try:
            state = json.loads(text) if text.strip() else {}
            self._last, self._refused = _time(state.get("last_request")), _time(state.get("refused_at"))
        except (ValueError, AttributeError):
            # Half written by a run that was killed: be as careful as if it had asked just now.
            self._last = self._clock()

    def _save(self, file: IO[str] | None) -> None:
        if file is None:
            return
        file.seek(0)
        file.truncate()
        json.dump({"last_request": self._last, "refused_at": self._refused}, file)
        file.flush()


def _time(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("not a time")
    return float(value)


def _lock(file: IO[str]) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # no such lock on this system: the time in the file still keeps the pace
        return
    fcntl.flock(file, fcntl.LOCK_EX)
