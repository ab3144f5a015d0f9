"""A paper's row of ``rankings.jsonl`` on its way over the disk: written before its rank is known, read once it is."""

from __future__ import annotations

import json
from typing import Any

from ranker.outcomes import reason_with_id
from ranker.types import OUTCOMES, Ranking


def packed(ranking: Ranking) -> bytes:
    """One line of JSON without its end. ASCII, so that it holds nothing that ends a line, and lone surrogates live."""
    return json.dumps(ranking.as_row(), allow_nan=False, separators=(",", ":")).encode()


def unpacked(line: bytes, rank: int, outcome: int, *, repeated: bool) -> dict[str, Any]:
    """The row with its 1-based ``rank`` and its outcome (a position in OUTCOMES); ``repeated``: an earlier paper has
    the same reason, so this one names its id.
    """
    row: dict[str, Any] = json.loads(line)
    row["rank"] = rank
    row["outcome"] = OUTCOMES[outcome]
    if repeated:
        version = row["version"]
        row["reason"] = reason_with_id(row["reason"], row["arxiv_id"] + ("" if version is None else f"v{version}"))
    return row
