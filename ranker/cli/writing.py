"""From a run to its folder on disk: what `rank`, `run` and `digest` share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranker.cli.session import Session
from ranker.types import Run


def write_digest(session: Session, run: Run, folder: Path) -> None:
    """Render every file and put the folder in place in one step."""
    from ranker import output
    from ranker.digest import files as digest
    from ranker.roles import quotes, spans

    settings = session.config.digest
    session.store.put_summary(run.profile, run.day, digest.summary_row(run))
    existing = output.existing_files(folder)
    marked: Any = {r.paper.arxiv_id: spans(r.paper) for r in run.rankings if r.outcome == "recommended"}
    files = digest.digest_files(
        run, settings, session.profile, session.store, quotes=quotes, spans=marked, existing=existing
    )
    keep = digest.kept_files(run, files, session.store, existing) if settings.site else set()
    output.write_folder(folder, files, keep)
