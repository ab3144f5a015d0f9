"""Ranking all that is stored, in bounded memory: streamed in chunks, ordered by arrays, written by a merge."""

from __future__ import annotations

from ranker.bulk.corpus import embed_pages
from ranker.bulk.pool import MOST_WORKERS
from ranker.bulk.rank import CHUNK, BulkRequest, Ranked, rank_stored, refuse_language_model
from ranker.bulk.spill import Spill, spill_beside

__all__ = [
    "CHUNK",
    "MOST_WORKERS",
    "BulkRequest",
    "Ranked",
    "Spill",
    "embed_pages",
    "rank_stored",
    "refuse_language_model",
    "spill_beside",
]
