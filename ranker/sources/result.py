"""What a fetch ends as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ranker.types import Paper, Rejected

State = Literal["fresh", "quiet", "stale", "partial", "failed"]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """Papers from arXiv, and how far to trust them.

    Attributes:
        state: ``fresh``: what was asked for, whole. ``quiet``: arXiv announces nothing on this day. ``stale``: the feed
            does not hold the batch that is due; its papers, if any, are an older day's. ``partial``: some papers are
            missing. ``failed``: nothing usable came.
        day: the announcement day (ISO) that the papers belong to, None where there is none.
        detail: one sentence for the person: what happened, and what to do.
        counts: ``items`` met = ``kept`` + ``left_out`` + ``repeated`` + ``rejected``; besides, how many of each
            announce type, and ``requests``.
    """

    papers: tuple[Paper, ...]
    rejected: tuple[Rejected, ...]
    state: State
    day: str | None
    detail: str
    counts: Mapping[str, int]
