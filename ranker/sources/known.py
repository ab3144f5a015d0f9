"""Rows that a store holds already, recognised by their bytes: they need not be read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from ranker.types import Paper

_READER = b"1"
"""Raised when a row is read differently than before: then every row is read anew, once."""

Key = tuple[str, int]
"""Base id and version, 0 where none is given: what a stored paper is kept under."""


class KnownRows:
    """Digests of rows (16 bytes each, about 80 in memory) that became what the store holds now.

    Skipping such a row is the same as storing it again. Where another row of the same id and version comes first, the
    known one is read again too, so that the last one stands, as ever.
    """

    def __init__(self, stored: Callable[[], Iterable[bytes]], current: Callable[[Key], bytes | None]) -> None:
        """``stored``: all digests, asked for when the first row comes. ``current``: the digest of the row that a stored
        paper came from; None where that is not known.
        """
        self._stored, self._current = stored, current
        self._digests: set[bytes] | None = None
        self._read: dict[Key, bytes] = {}

    def digest(self, content: bytes) -> bytes:
        return hashlib.blake2b(content, digest_size=16, key=_READER).digest()

    def __contains__(self, digest: bytes) -> bool:
        if self._digests is None:
            self._digests = set(self._stored())
        return digest in self._digests

    def note(self, paper: Paper, digest: bytes) -> None:
        """A row was read and became this paper."""
        key = (paper.arxiv_id, paper.version or 0)
        replaced = self._current(key)
        if replaced is not None and self._digests is not None:
            self._digests.discard(replaced)
        self._read[key] = digest

    def take(self) -> dict[Key, bytes]:
        """What was read since the last call, to be stored beside the papers."""
        taken, self._read = self._read, {}
        return taken
