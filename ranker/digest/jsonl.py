"""The files for programs: ``rankings.jsonl``, ``rejected.jsonl``, ``report.json``. Equal runs, equal bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ranker.digest.entries import in_order
from ranker.types import OUTCOMES, Rejected, Run

_SURROGATES = re.compile("[\ud800-\udfff]")
# json leaves these raw, yet str.splitlines and editors end a line at them.
_LINE_ENDS = re.compile("[\x7f-\x9f\u2028\u2029]")


def rankings_jsonl(run: Run) -> str:
    """One line for every parsed paper, in order of rank."""
    return "".join(ranking_line(ranking.as_row()) for ranking in in_order(run.rankings))


def ranking_line(row: Mapping[str, Any]) -> str:
    """A row of ``rankings.jsonl`` as a line of JSON, with its end."""
    return _line(row) + "\n"


def rejected_jsonl(run: Run) -> str:
    """One line for every row that was refused: file, line, why, and its first characters."""
    return "".join(map(rejected_line, run.rejected))


def rejected_line(row: Rejected) -> str:
    """A refused row as a line of JSON, with its end."""
    return _line(asdict(row)) + "\n"


def report(run: Run) -> dict[str, Any]:
    """What ``report.json`` holds: counts, seconds and items per stage, what shaped the result."""
    return {
        "made_by": "ranker",
        "day": run.day,
        "made_at": run.made_at,
        "profile": run.profile,
        "judge": run.judge_line,
        "uses_language_model": run.uses_language_model,
        "threshold": run.threshold,
        "counts": {key: run.counts.get(key, 0) for key in ("read", "rejected", *OUTCOMES)},
        "fields": {name: _field_counts(run, name) for name in run.fields},
        "stages": [asdict(stage) | {"seconds": round(stage.seconds, 3)} for stage in run.stages],
        "tokens": asdict(run.usage),
        "tokens_by_pass": {name: asdict(used) for name, used in run.passes.items()},
        "versions": _sorted(run.versions),
        "hashes": _sorted(run.hashes),
        "notes": list(run.notes),
    }


def report_json(run: Run, more: Mapping[str, Any] | None = None) -> str:
    """``report`` as indented JSON; ``more``: further keys, such as what an audit found."""
    return indented(report(run) | dict(more or {}))


def indented(row: Mapping[str, Any]) -> str:
    """JSON to read, with its end of line."""
    return _safe(json.dumps(row, ensure_ascii=False, allow_nan=False, indent=2)) + "\n"


def _field_counts(run: Run, name: str) -> dict[str, int]:
    outcomes = [ranking.outcome for ranking in run.rankings if ranking.field == name]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES if outcome in outcomes}


def _sorted(values: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(values.items()))


def _line(row: Mapping[str, Any]) -> str:
    return _safe(json.dumps(row, ensure_ascii=False, allow_nan=False))


def _safe(text: str) -> str:
    text = _SURROGATES.sub("\ufffd", text)
    return _LINE_ENDS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
