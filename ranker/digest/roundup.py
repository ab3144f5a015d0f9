"""A week's or a month's digest, made of the days' runs: best papers by field, totals, what was ticked. No I/O."""

from __future__ import annotations

import calendar
import datetime
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ranker.digest.entries import abs_url
from ranker.digest.recommendation import entry
from ranker.digest.text import clean, escape
from ranker.digest.words import words
from ranker.types import Ranking, Run, Tick

_WEEK = re.compile(r"(\d{4})-W(\d\d)")
_MONTH = re.compile(r"(\d{4})-(\d\d)")


@dataclass(frozen=True, slots=True)
class Period:
    """``name``: ``2026-W03`` or ``2026-01``; ``first`` and ``last``: its days (ISO), both inside."""

    kind: Literal["week", "month"]
    name: str
    first: str
    last: str

    def __contains__(self, day: object) -> bool:
        return isinstance(day, str) and self.first <= day <= self.last


def week_of(text: str) -> Period:
    """The ISO week (Monday to Sunday) of a day ``2026-01-14``, or by its name ``2026-W03``.

    Raises:
        ValueError: the text is neither.
    """
    if found := _WEEK.fullmatch(text):
        monday = datetime.date.fromisocalendar(int(found[1]), int(found[2]), 1)
    else:
        day = _day(text)
        monday = day - datetime.timedelta(days=day.weekday())
    year, week, _ = monday.isocalendar()
    sunday = monday + datetime.timedelta(days=6)
    return Period("week", f"{year}-W{week:02d}", monday.isoformat(), sunday.isoformat())


def month_of(text: str) -> Period:
    """The month ``2026-01``, or of a day ``2026-01-14``.

    Raises:
        ValueError: the text is neither.
    """
    first = _day(f"{text}-01" if _MONTH.fullmatch(text) else text).replace(day=1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return Period("month", f"{first:%Y-%m}", first.isoformat(), last.isoformat())


def _day(text: str) -> datetime.date:
    day = datetime.date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(f"{text!r} is not written as YYYY-MM-DD")
    return day


@dataclass(frozen=True, slots=True)
class Pick:
    """A recommended paper and the day that recommended it."""

    day: str
    ranking: Ranking


@dataclass(frozen=True, slots=True)
class DayTotal:
    """``fields``: (name, recommended, papers whose field it was), in the profile's order; "" for none."""

    day: str
    read: int
    recommended: int
    fields: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class RoundUp:
    """What a round-up shows. ``picks``: (field, its papers, best first), fields in order of their best paper."""

    period: Period
    language: str
    uses_language_model: bool
    days: tuple[DayTotal, ...]
    picks: tuple[tuple[str, tuple[Pick, ...]], ...]
    ticked: tuple[tuple[Tick, Ranking | None], ...]


def collect(runs: Iterable[Run], period: Period, ticks: Sequence[Tick] = ()) -> RoundUp:
    """Gather a period's runs, one after another: only what is shown stays in memory.

    A paper that several days recommended stands once, with its best score. Of a paper's ticks the last one counts.

    Raises:
        ValueError: no run lies in the period.
    """
    marks = {tick.arxiv_id: tick for tick in sorted(ticks, key=lambda tick: tick.at) if tick.day in period}
    liked = {arxiv_id: tick for arxiv_id, tick in marks.items() if tick.tick == "up"}
    best: dict[str, Pick] = {}
    totals: dict[str, DayTotal] = {}
    papers: dict[str, Ranking] = {}
    languages: dict[str, str] = {}
    with_model = False
    for run in runs:
        if run.day not in period:
            continue
        totals[run.day] = _total(run)
        languages[run.day] = run.language
        with_model |= run.uses_language_model
        for ranking in run.rankings:
            arxiv_id = ranking.paper.arxiv_id
            if ranking.outcome == "recommended":
                pick = Pick(run.day, ranking)
                best[arxiv_id] = min(best.get(arxiv_id, pick), pick, key=_order)
            if arxiv_id in liked and ranking.outcome != "duplicate":
                here = liked[arxiv_id].day == run.day
                papers[arxiv_id] = ranking if here else papers.get(arxiv_id, ranking)
    if not totals:
        raise ValueError(f"no run lies in {period.name}")
    groups: dict[str, list[Pick]] = {}
    for pick in sorted(best.values(), key=_order):
        groups.setdefault(pick.ranking.field or "", []).append(pick)
    shown = sorted(liked.values(), key=lambda tick: (tick.day, tick.arxiv_id))
    return RoundUp(
        period,
        languages[max(languages)],
        with_model,
        tuple(totals[day] for day in sorted(totals)),
        tuple((name, tuple(picks)) for name, picks in groups.items()),
        tuple((tick, papers.get(tick.arxiv_id)) for tick in shown),
    )


def _order(pick: Pick) -> tuple[float, float, str, str]:
    r = pick.ranking
    similarity = -2.0 if r.similarity is None else r.similarity
    return (-(r.score or 0.0), -similarity, r.paper.arxiv_id, pick.day)


def _total(run: Run) -> DayTotal:
    found = {name: [0, 0] for name in run.fields}
    for ranking in run.rankings:
        if ranking.outcome != "duplicate":
            pair = found.setdefault(ranking.field or "", [0, 0])
            pair[0] += ranking.outcome == "recommended"
            pair[1] += 1
    read = run.counts.get("read", 0) - run.counts.get("rejected", 0)
    fields = tuple((name, *pair) for name, pair in found.items())
    return DayTotal(run.day, read, run.counts.get("recommended", 0), fields)  # type: ignore[arg-type]


def render(roundup: RoundUp, top: int = 0) -> str:
    """The round-up as Markdown. ``top``: at most so many papers of a field, the rest counted; 0: all of them."""
    say, period = words(roundup.language), roundup.period
    facts = say["period"].format(
        first=period.first,
        last=period.last,
        days=len(roundup.days),
        read=sum(total.read for total in roundup.days),
        recommended=sum(len(picks) for _, picks in roundup.picks),
    )
    lines = [f"# {say[period.kind]} - {period.name}", "", f"> {facts}", ""]
    if not roundup.uses_language_model:
        lines += [say["no_model"], ""]
    for name, picks in roundup.picks:
        lines += [f"## {escape(name or say['no_field'])}{say['papers'].format(number=len(picks))}", ""]
        for pick in picks[: top or None]:
            lines += [*entry(pick.ranking), f"- **Day:** {pick.day}", ""]
        if top and len(picks) > top:
            lines += [say["more"].format(number=len(picks) - top), ""]
    if not roundup.picks:
        lines += [say["no_picks"], ""]
    if roundup.ticked:
        lines += [f"## {say['ticked']}", "", *(_ticked(tick, found) for tick, found in roundup.ticked), ""]
    return "\n".join([*lines, f"## {say['totals']}", "", *_table(roundup), "", say["totals_note"], ""])


def report_json(roundup: RoundUp) -> str:
    """The round-up's totals for programs."""
    period = roundup.period
    days = [
        {"day": t.day, "read": t.read, "recommended": t.recommended, "fields": [list(row) for row in t.fields]}
        for t in roundup.days
    ]
    table = {"made_by": "ranker", "round_up": period.name, "first": period.first, "last": period.last, "days": days}
    return json.dumps(table, ensure_ascii=False, indent=2) + "\n"


def _ticked(tick: Tick, found: Ranking | None) -> str:
    if found is None:  # ticked on a day whose run is no longer stored
        return f"- {escape(tick.arxiv_id)} ({tick.day})"
    paper = found.paper
    title = escape(paper.title, brackets=True) or clean(paper.arxiv_id)
    return f"- [{title}]({abs_url(paper)}) ({tick.day})"


def _table(roundup: RoundUp) -> list[str]:
    say = words(roundup.language)
    names = list(dict.fromkeys(name for total in roundup.days for name, _, _ in total.fields))
    heads = [say["day"], say["papers_read"], *(name or say["no_field"] for name in names), say["sum"]]
    rows = [heads, [":--", *("--:" for _ in heads[1:])]]
    sums = {name: [0, 0] for name in names}
    for total in roundup.days:
        here = {name: (best, papers) for name, best, papers in total.fields}
        for name, pair in here.items():
            sums[name] = [sums[name][0] + pair[0], sums[name][1] + pair[1]]
        rows.append([total.day, str(total.read), *_cells([here.get(name, (0, 0)) for name in names])])
    read = sum(total.read for total in roundup.days)
    rows.append([say["sum"], str(read), *_cells([(sums[name][0], sums[name][1]) for name in names])])
    return ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]


def _cells(pairs: Sequence[tuple[int, int]]) -> list[str]:
    whole = (sum(best for best, _ in pairs), sum(papers for _, papers in pairs))
    return [f"{best}/{papers}" for best, papers in (*pairs, whole)]


def _cell(text: str) -> str:
    return escape(text, brackets=True, stars=True).replace("|", "\\|")
