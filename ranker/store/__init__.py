"""The store: one SQLite file (WAL) with papers, vectors, outcomes, texts, runs, what was seen, ticks, judged papers."""

from ranker.store.lock import run_lock
from ranker.store.store import Store
from ranker.types import Tick

__all__ = ["Store", "Tick", "run_lock"]
