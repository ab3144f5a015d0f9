"""``ranker fetch`` brings papers from arXiv; ``ranker run`` is fetch, rank and digest: what a cron line calls."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Filled in with the announcement sources."""
