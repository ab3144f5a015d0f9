"""Search over every paper that was ever stored: by a text, or by a paper, with filters by date, field and category."""

from __future__ import annotations

from ranker.search.history import History, Hit, PaperSource, Searcher
from ranker.search.rows import Filter

__all__ = ["Filter", "History", "Hit", "PaperSource", "Searcher"]
