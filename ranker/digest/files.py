"""Which files an output folder holds. No I/O: a mapping of relative path to content, written by ``ranker.output``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranker.digest import jsonl, recommendation

if TYPE_CHECKING:
    from ranker.config import Config
    from ranker.profile import Profile
    from ranker.store import Store
    from ranker.types import Run


def digest_files(run: Run, config: Config, profile: Profile, store: Store) -> dict[str, str | bytes]:
    """Every file of a run's output folder."""
    return {
        "digest.md": recommendation.render(run),
        "rankings.jsonl": jsonl.rankings_jsonl(run),
        "rejected.jsonl": jsonl.rejected_jsonl(run),
        "report.json": jsonl.report_json(run),
    }
