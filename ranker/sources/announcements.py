"""Today's announcements from arXiv's RSS or Atom feed: new papers, and a verdict on whether the feed is today's."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ranker.errors import InputError, SourceError
from ranker.sources.count import ReadCount
from ranker.sources.dates import EASTERN
from ranker.sources.feeds import FeedFacts, read_feed
from ranker.sources.kinds import kind_of
from ranker.sources.polite import Answer, PoliteClient
from ranker.sources.result import FetchResult, State
from ranker.sources.settings import FetchSettings
from ranker.sources.stream import HEAD, Opened
from ranker.types import Paper, Rejected

_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)?(?:\.(?:[A-Z]{2}|[a-z]+-[a-z]+|[a-z]+))?")


@dataclass(slots=True)
class _Page:
    papers: list[Paper] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    facts: FeedFacts = field(default_factory=FeedFacts)
    fault: str = ""


def fetch_announcements(
    categories: Sequence[str],
    *,
    include_cross: bool = False,
    include_replacements: bool = False,
    client: PoliteClient,
    now: datetime,
    settings: FetchSettings,
) -> FetchResult:
    """The newest batch of these categories. Never raises for what arXiv or the network does: the state tells.

    New papers only; cross-lists and replacements (with their cross-lists) where asked. ``now`` has a zone.

    Raises:
        ValueError: no category, or one that is written wrongly.
    """
    check_categories(categories)
    due = settings.calendar.expected_batch(now) is not None
    pages: list[_Page] = []
    try:
        for page in _parts(categories, client, settings, due):
            pages.append(page)
    except SourceError as error:
        state: State = "partial" if pages else "failed"
        return _result(pages, include_cross, include_replacements, client, state, in_words(error))
    state, detail = _verdict(pages, now, settings)
    detail += _without_holidays(now, settings)
    return _result(pages, include_cross, include_replacements, client, state, detail)


def in_words(error: SourceError) -> str:
    """An error as one sentence."""
    return "; ".join(part for part in (error.what, error.todo) if part)


def check_categories(categories: Sequence[str]) -> None:
    """Raises ValueError at the first that is no arXiv category in form, or at none."""
    if not categories:
        raise ValueError("categories: at least one is expected, such as cs.LG")
    for category in categories:
        if not _CATEGORY.fullmatch(category):
            raise ValueError(f"categories: {category!r} is none; they are written like cs.LG or hep-th")


def _parts(categories: Sequence[str], client: PoliteClient, settings: FetchSettings, due: bool) -> Iterable[_Page]:
    """One feed for all categories; where arXiv cut it off at its limit, one for each half."""
    page = _fetch(categories, client, settings, due)
    if page.facts.items < settings.feed_limit:
        yield page
    elif len(categories) == 1:
        page.fault = page.fault or f"arXiv cuts a feed off at {settings.feed_limit:,} papers"
        yield page
    else:
        half = len(categories) // 2
        for some in (categories[:half], categories[half:]):
            yield from _parts(some, client, settings, due)


def _fetch(categories: Sequence[str], client: PoliteClient, settings: FetchSettings, due: bool) -> _Page:
    url = f"{settings.feed_url}/{settings.feed_format}/{'+'.join(categories)}"

    def check(answer: Answer, attempt: int) -> str:
        page = _read(answer)
        if page.fault:
            return page.fault
        if due and not page.facts.items and attempt < settings.empty_tries:
            return "the feed is empty although arXiv announces today"
        return ""

    answer = client.get(url, check=check)
    page = _read(answer)
    if not page.facts.items and page.fault and not page.facts.day:
        raise SourceError(page.fault, where=url, todo="try again later")
    return page


def _read(answer: Answer) -> _Page:
    page, count = _Page(fault=answer.fault), ReadCount()
    opened = Opened(answer.url, answer.body[:HEAD], io.BytesIO(answer.body[HEAD:]), lambda: 0)
    try:
        kind = kind_of(opened.head, answer.url)
        if kind not in ("rss", "atom"):
            page.fault = f"the answer is no announcement feed ({kind})"
            return page
        for outcome in read_feed(opened, kind, count, page.facts):
            (page.papers if isinstance(outcome, Paper) else page.rejected).append(outcome)  # type: ignore[arg-type]
    except InputError as error:
        page.fault = page.fault or f"the answer {error.what}"
    if count.partial:
        page.fault = page.fault or page.rejected[-1].why
    return page


def _verdict(pages: Sequence[_Page], now: datetime, settings: FetchSettings) -> tuple[State, str]:
    calendar = settings.calendar
    expected, newest = calendar.expected_batch(now), calendar.announcement_day(now)
    items = sum(page.facts.items for page in pages)
    days = {page.facts.day or next((p.day for p in page.papers), None) for page in pages} - {None}
    day = max((d for d in days if d), default=None)
    if faults := [page.fault for page in pages if page.fault]:
        return ("partial" if items else "failed"), f"papers are missing: {faults[0]}; fetch again later"
    if not items and expected is None:
        return (
            "quiet",
            f"arXiv announces nothing today; the next feed is due at {calendar.next_feed(now):%Y-%m-%d %H:%M} UTC",
        )
    if not items:
        return "stale", f"the feed is empty although a batch of {expected} was due; try again later"
    if day is None:
        return "failed", "the feed carries no date, so its papers belong to no day"
    if day < newest.isoformat():
        return "stale", f"the feed is of {day}, the newest batch is of {newest}; try again later"
    if len(days) > 1:
        return (
            "partial",
            f"the feeds are of different days ({', '.join(sorted(d for d in days if d))}); fetch again later",
        )
    note = "" if expected else f"; arXiv announced nothing after {day}"
    return "fresh", f"the batch of {day}{note}"


def _without_holidays(now: datetime, settings: FetchSettings) -> str:
    year = now.astimezone(EASTERN).year
    if settings.calendar.knows_holidays_of(year):
        return ""
    return f"; fetch.http.holidays lists none of {year}, so the day after a holiday will look like a stale feed"


def _result(
    pages: Sequence[_Page], cross: bool, replacements: bool, client: PoliteClient, state: State, detail: str
) -> FetchResult:
    wanted = {"new"} | ({"cross"} if cross else set()) | ({"replace"} if replacements else set())
    if cross and replacements:
        wanted.add("replace-cross")
    counts: Counter[str] = Counter()
    kept: dict[str, Paper] = {}
    rejected: list[Rejected] = []
    for page in pages:
        rejected += page.rejected
        for paper in page.papers:
            counts["items"] += 1
            # A feed without types would announce everything as if it were unwanted: take such papers.
            kind = paper.announce_type or "unknown"
            counts[kind] += 1
            if kind not in wanted and kind != "unknown":
                counts["left_out"] += 1
            elif paper.arxiv_id in kept:
                counts["repeated"] += 1
            else:
                kept[paper.arxiv_id] = paper
    counts["items"] += len(rejected)
    counts.update(kept=len(kept), rejected=len(rejected), requests=client.requests)
    days = [page.facts.day for page in pages if page.facts.day] or [p.day for p in kept.values() if p.day]
    day = max(days, default=None) if counts["items"] else None
    return FetchResult(tuple(kept.values()), tuple(rejected), state, day, detail, dict(counts))
