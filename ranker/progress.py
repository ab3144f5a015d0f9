"""Stages announce their work; the cli shows it with rich, others may ignore it. Also keeps the stage times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ranker.types import Stage


class Progress(Protocol):
    """Where progress goes: a bar, a log, nowhere."""

    def start(self, stage: str, total: int | None) -> None: ...

    def advance(self, count: int = 1) -> None: ...

    def finish(self) -> None: ...


class Silent:
    """Progress that nobody watches."""

    def start(self, stage: str, total: int | None) -> None:
        """Nothing to show."""

    def advance(self, count: int = 1) -> None:
        """Nothing to show."""

    def finish(self) -> None:
        """Nothing to show."""


class Tally:
    """One stage's numbers while it runs: items handled, items reused."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.items = 0
        self.reused = 0

    def advance(self, count: int = 1) -> None:
        self.items += count
        self._progress.advance(count)

    def reuse(self, count: int) -> None:
        self.reused += count
        self._progress.advance(count)


class Stopwatch:
    """Wall seconds and items per stage, in order."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or Silent()
        self.stages: list[Stage] = []

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Tally]:
        tally = Tally(self._progress)
        self._progress.start(name, total)
        started = time.perf_counter()
        try:
            yield tally
        finally:
            self.stages.append(Stage(name, time.perf_counter() - started, tally.items, tally.reused))
            self._progress.finish()
