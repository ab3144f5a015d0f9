"""What a reading has seen so far: nothing is lost without being counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class ReadCount:
    """Counts of one reading, growing while it goes on; ``read == papers + rejected + known`` at every moment.

    Attributes:
        read: rows met (non-blank lines, feed entries, OAI records), plus one for each place where a file broke off.
        papers: rows that became a paper.
        rejected: rows that did not.
        known: rows that were left unread, since the store holds what they say.
        flags: oddities of accepted papers (``blank abstract``, ``published not understood``) -> how many.
        notes: sentences for the person (a page is one of several, a feed is empty).
        partial: the inputs say of themselves that they are incomplete.
        kinds: (path, kind) of every input begun.
        bytes_done: bytes taken from the inputs (packed size where they are packed), for a progress bar.
    """

    read: int = 0
    papers: int = 0
    rejected: int = 0
    known: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    partial: bool = False
    kinds: list[tuple[str, str]] = field(default_factory=list)
    bytes_done: int = 0

    def note(self, text: str, *, partial: bool = False) -> None:
        self.notes.append(text)
        self.partial = self.partial or partial
