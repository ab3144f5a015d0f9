"""A place for ticks that can be made to fail."""

from __future__ import annotations

from collections.abc import Sequence

from ranker.digest.site import Tick
from ranker.errors import StoreError


class Shelf:
    """Keeps ticks like a store: the newest of each paper."""

    def __init__(self) -> None:
        self.rows: dict[str, Tick] = {}
        self.broken = False

    def put(self, ticks: Sequence[Tick]) -> None:
        if self.broken:
            raise StoreError("the disk is full", where="ranker.db", todo="make room")
        self.rows.update({tick.arxiv_id: tick for tick in ticks})

    def all(self) -> Sequence[Tick]:
        return tuple(self.rows.values())
