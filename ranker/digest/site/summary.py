"""From a run to the small records that outlive it: what history and search keep of a day."""

from __future__ import annotations

from collections.abc import Iterable

from ranker.digest.entries import shown_reason
from ranker.digest.site.records import DaySummary, Entry, FieldTotal
from ranker.digest.text import clean
from ranker.types import Run

_TITLE_LENGTH = 300
_REASON_LENGTH = 200
# Compressed bytes a paper costs in a shard, measured on 38,000 real titles (29 each) and 4,500 Chinese summaries
# (0.38 a byte of UTF-8), with id, field and score: see benchmarks/site.py
_FIXED_BYTES, _TITLE_SHARE, _REASON_SHARE = 6.0, 0.35, 0.38


def entries_of(run: Run) -> tuple[Entry, ...]:
    """Search entries of all papers of a run, in its order; duplicates of a paper that is there are left out."""
    return tuple(
        Entry(
            ranking.paper.arxiv_id,
            ranking.paper.version,
            _cut(clean(ranking.paper.title), _TITLE_LENGTH),
            ranking.field,
            ranking.score,
            ranking.outcome,
            _cut(shown_reason(ranking), _REASON_LENGTH) if ranking.outcome == "recommended" else "",
        )
        for ranking in run.rankings
        if ranking.outcome != "duplicate"
    )


def summarise(run: Run) -> DaySummary:
    """What the history shows of a run. Fields in the profile's order; "" stands for papers without a field."""
    picks = dict.fromkeys(run.fields, 0)
    papers = dict.fromkeys(run.fields, 0)
    for ranking in run.rankings:
        name = ranking.field or ""
        papers[name] = papers.get(name, 0) + 1
        picks[name] = picks.get(name, 0) + (ranking.outcome == "recommended")
    totals = tuple(FieldTotal(name, picks[name], papers[name]) for name in papers)
    return DaySummary(run.day, run.profile, dict(run.counts), totals, index_bytes(entries_of(run)), run.language)


def index_bytes(entries: Iterable[Entry]) -> tuple[int, int, int]:
    """Estimated bytes, deflated, in the search index: recommended papers' titles, their reasons, other titles."""
    titles = {True: 0.0, False: 0.0}
    reasons = 0.0
    for entry in entries:
        size = _FIXED_BYTES + _TITLE_SHARE * len(entry.title.encode("utf-8", "replace"))
        titles[entry.outcome == "recommended"] += size
        reasons += _REASON_SHARE * len(entry.reason.encode("utf-8", "replace"))
    return round(titles[True]), round(reasons), round(titles[False])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
