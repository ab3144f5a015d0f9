"""What the page is made from, beside the runs: small records that the store can keep as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ranker.profile import Subscriptions
from ranker.types import OUTCOMES, TICKS, OutcomeName, Run, Tick, TickName

Role = Literal["problem", "task", "idea", "result"]
ROLES: tuple[Role, ...] = ("problem", "task", "idea", "result")

Span = tuple[int, int, Role]
"""Characters [start, end) of ``Paper.abstract`` that play a role."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A new version of a paper that an earlier day had: what the abstract was, and when."""

    arxiv_id: str
    old_version: int | None
    old_day: str
    old_abstract: str


@dataclass(frozen=True, slots=True)
class DayPage:
    """A day whose page is to be made: its run, role spans and revisions by base id, and what its reader follows."""

    run: Run
    spans: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    follow: Subscriptions = field(default_factory=Subscriptions)


@dataclass(frozen=True, slots=True)
class FieldTotal:
    """Papers of one field on one day: how many were recommended, how many had it as their best field."""

    name: str
    recommended: int
    papers: int


@dataclass(frozen=True, slots=True)
class DaySummary:
    """What the history needs of a day.

    ``counts``: outcome -> papers, plus ``read`` and ``rejected``. ``index_bytes``: estimated compressed size of the
    day's part of the search index: recommended papers' titles, their reasons, the other papers' titles.
    """

    day: str
    profile: str
    counts: Mapping[str, int]
    fields: tuple[FieldTotal, ...]
    index_bytes: tuple[int, int, int] = (0, 0, 0)
    language: str = "zh"

    def as_row(self) -> dict[str, Any]:
        return {
            "day": self.day,
            "profile": self.profile,
            "counts": dict(self.counts),
            "fields": [[total.name, total.recommended, total.papers] for total in self.fields],
            "index_bytes": list(self.index_bytes),
            "language": self.language,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> DaySummary:
        """Inverse of ``as_row``; raises KeyError, TypeError or ValueError where ``row`` is none."""
        titles, reasons, rest = row["index_bytes"]
        return cls(
            str(row["day"]),
            str(row["profile"]),
            {str(name): int(number) for name, number in row["counts"].items()},
            tuple(FieldTotal(str(name), int(best), int(all_)) for name, best, all_ in row["fields"]),
            (int(titles), int(reasons), int(rest)),
            str(row["language"]),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A paper in the search index. ``reason`` is shortened, and empty where the paper was not recommended."""

    arxiv_id: str
    version: int | None
    title: str
    field: str | None
    score: float | None
    outcome: OutcomeName
    reason: str = ""

    def as_row(self) -> list[Any]:
        return [self.arxiv_id, self.version, self.title, self.field, self.score, self.outcome, self.reason]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Entry:
        """Inverse of ``as_row``; raises ValueError where ``row`` is none."""
        arxiv_id, version, title, field_name, score, outcome, reason = row
        if outcome not in OUTCOMES:
            raise ValueError(f"no outcome: {outcome!r}")
        return cls(arxiv_id, version, title, field_name, score, outcome, reason)


__all__ = [
    "ROLES",
    "TICKS",
    "DayPage",
    "DaySummary",
    "Entry",
    "FieldTotal",
    "Revision",
    "Role",
    "Span",
    "Tick",
    "TickName",
]
