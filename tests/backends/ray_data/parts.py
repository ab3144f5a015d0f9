"""What replicas open in tests: importable by name, since their processes are others than the test's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranker.backends.fake import FakeGenerator


@dataclass(frozen=True, slots=True)
class Noted:
    """Squares numbers slowly; writes down every beginning with its process. 13 is refused."""

    journal: Path

    def __call__(self) -> Callable[[int], int]:
        return self.work

    def work(self, number: int) -> int:
        with self.journal.open("a", encoding="utf-8") as journal:
            journal.write(f"{number} {os.getpid()}\n")
        time.sleep(0.3)
        if number == 13:
            raise ValueError("thirteen")
        return number * number

    def begun(self) -> list[tuple[int, int]]:
        """(number, process id) of every beginning so far."""
        if not self.journal.exists():
            return []
        rows = [line.split() for line in self.journal.read_text(encoding="utf-8").splitlines()]
        return [(int(number), int(process)) for number, process in rows]


def nothing_there() -> Callable[[Any], Any]:
    raise FileNotFoundError("no such model folder")


def fake_generator() -> FakeGenerator:
    return FakeGenerator()
