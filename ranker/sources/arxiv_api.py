"""Back-fill of a range of submission dates through the ``arxiv`` package, under our own rules of asking.

The package pages and parses; its session is replaced by one that asks through the ``PoliteClient`` and looks at every
page before it is believed: an empty first page, a page cut off and the "Error" entry would all pass for the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ranker.errors import SourceError
from ranker.sources.announcements import check_categories, in_words
from ranker.sources.people import unique
from ranker.sources.polite import Answer, PoliteClient
from ranker.sources.result import FetchResult
from ranker.sources.rows import Fields, RowError, build_paper
from ranker.sources.settings import FetchSettings
from ranker.sources.xml_stream import child_text, children
from ranker.types import Origin, Paper, Rejected

_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Harvest:
    papers: dict[str, Paper] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    short: list[str] = field(default_factory=list)


def fetch_range(
    categories: Sequence[str],
    start: date,
    end: date,
    *,
    client: PoliteClient,
    settings: FetchSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> FetchResult:
    """Papers submitted from ``start`` to ``end`` (both included, GMT), of these categories, cross-lists included.

    Never raises for what arXiv or the network does: the state is ``fresh``, ``partial`` or ``failed``. The papers'
    ``day`` is None: the API does not tell the announcement (``Calendar.day_of_submission`` gives the earliest).
    ``on_progress`` gets (papers so far, results of the query being read).

    Raises:
        ValueError: categories or dates make no query.
    """
    check_categories(categories)
    if end < start:
        raise ValueError(f"end: {end} lies before start, {start}")
    harvest = _Harvest()
    session = _Session(client, settings)
    first, last = (datetime.combine(day, time(), UTC) for day in (start, end))
    try:
        _window(categories, first, last + timedelta(days=1) - _MINUTE, session, settings, harvest, on_progress)
    except SourceError as error:
        state, detail = ("partial" if harvest.papers else "failed"), in_words(error)
        return _result(harvest, state, detail, client)
    if harvest.short:
        return _result(harvest, "partial", "; ".join(harvest.short), client)
    return _result(harvest, "fresh", f"{len(harvest.papers)} papers submitted from {start} to {end}", client)


def _window(
    categories: Sequence[str],
    first: datetime,
    last: datetime,
    session: _Session,
    settings: FetchSettings,
    harvest: _Harvest,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Read [first, last] (minutes, inclusive); where it has more results than a query may give, each half of it."""
    if session.count(_query(categories, first, last)) > settings.max_results and last > first:
        middle = first + (last - first) // 2
        middle = middle.replace(second=0, microsecond=0)
        for a, b in ((first, middle), (middle + _MINUTE, last)):
            _window(categories, a, b, session, settings, harvest, on_progress)
        return
    seen = 0
    for result in session.results(_query(categories, first, last)):
        seen += 1
        _take(result, session.url, seen, harvest)
        if on_progress:
            on_progress(len(harvest.papers), session.total)
    lost = session.entries - seen
    for _ in range(lost):
        harvest.counts["items"] += 1
        harvest.rejected.append(Rejected(session.url, 0, "an entry without id or dates, dropped by the arxiv package"))
    if session.entries < session.total:
        span = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        harvest.short.append(f"{span}: arXiv promised {session.total} results and gave {session.entries}")


class _Session:
    """Stands in for the ``requests.Session`` of ``arxiv.Client``: same ``get``, our manners, every page checked."""

    def __init__(self, client: PoliteClient, settings: FetchSettings) -> None:
        self._client, self._settings = client, settings
        self._cached: Answer | None = None
        self.url, self.total, self.entries = "", 0, 0

    def count(self, query: str) -> int:
        """Number of results, from the first page, which is kept for ``results``."""
        import arxiv

        self.entries = self.total = 0
        search = self._search(arxiv, query)
        url = self._package(arxiv)._format_url(search, 0, self._settings.page_size)
        self._cached = self._ask(url)
        return self.total

    def results(self, query: str) -> Iterator[Any]:
        import arxiv

        self.entries = 0
        try:
            yield from self._package(arxiv).results(self._search(arxiv, query))
        except (arxiv.ArxivError, ValueError) as error:
            raise SourceError(
                f"the arxiv package could not read the page: {error}", where=self.url, todo="try again later"
            ) from error

    def get(self, url: str, **_: Any) -> _Response:
        answer, self._cached = self._cached, None
        if answer is None or answer.url != url:
            answer = self._ask(url)
        self.entries += len(children(fromstring(answer.body), "entry"))
        return _Response(answer.body)

    def _package(self, arxiv: Any) -> Any:
        # Pace and tries are ours: the package's own know neither Retry-After nor a time-out.
        package = arxiv.Client(page_size=self._settings.page_size, delay_seconds=0, num_retries=0)
        package.query_url_format = self._settings.api_url + "?{}"
        package._session = self
        return package

    def _search(self, arxiv: Any, query: str) -> Any:
        order = {"sort_by": arxiv.SortCriterion.SubmittedDate, "sort_order": arxiv.SortOrder.Ascending}
        return arxiv.Search(query=query, max_results=self._settings.max_results, **order)

    def _ask(self, url: str) -> Answer:
        self.url = url
        answer = self._client.get(url, check=self._fault)
        if answer.fault:
            raise SourceError(f"the API's page is no good: {answer.fault}", where=url, todo="try again later")
        return Answer(url, answer.body, answer.headers)

    def _fault(self, answer: Answer, attempt: int) -> str:
        try:
            root = fromstring(answer.body, forbid_dtd=True)
        except ParseError as error:
            return f"damaged or cut off: {error}"
        except DefusedXmlException:
            return "it declares a document type or entities"
        entries = children(root, "entry")
        if len(entries) == 1 and "/api/errors" in child_text(entries[0], "id"):
            said = " ".join(child_text(entries[0], "summary").split())
            raise SourceError(f"the API answered an error: {said}", where=answer.url, todo="correct the query")
        total, start = _number(root, "totalResults"), _number(root, "startIndex") or 0
        if total is None:
            return "it is no page of the API"
        self.total = max(total, self.total) if start else total
        if not entries and start < total:
            return f"empty, although {total} results are promised"
        # Known flakiness: results that exist come as none at all.
        if not entries and not start and attempt < self._settings.empty_tries:
            return "empty"
        return ""


class _Response:
    status_code = 200

    def __init__(self, content: bytes) -> None:
        self.content = content


def _query(categories: Sequence[str], first: datetime, last: datetime) -> str:
    where = " OR ".join(f"cat:{category}" for category in categories)
    return f"({where}) AND submittedDate:[{first:%Y%m%d%H%M} TO {last:%Y%m%d%H%M}]"


def _number(root: Element, name: str) -> int | None:
    found = child_text(root, name).strip()
    return int(found) if found.isdecimal() else None


def _take(result: Any, url: str, number: int, harvest: _Harvest) -> None:
    harvest.counts["items"] += 1
    names = unique(" ".join(author.name.split()) for author in result.authors)
    raw = {
        "id": result.entry_id,
        "title": result.title,
        "summary": result.summary,
        "authors": [{"name": a.name, "affiliation": list(a.affiliation)} for a in result.authors],
        "published": result.published.isoformat(),
        "updated": result.updated.isoformat(),
        "primary_category": result.primary_category,
        "categories": list(result.categories),
        "comment": result.comment,
        "journal_ref": result.journal_ref,
        "doi": result.doi,
    }
    fields = Fields(
        id=result.entry_id,
        title=result.title or None,
        abstract=result.summary,
        authors_text=", ".join(names),
        authors=names,
        affiliations=tuple(f for a in result.authors for f in a.affiliation),
        published=raw["published"],
        categories=unique((result.primary_category, *result.categories)),
    )
    try:
        paper = build_paper(fields, Origin(url, "arxiv-api", number), raw, Counter())
    except RowError as error:
        harvest.rejected.append(Rejected(url, number, str(error), str(result.title)[:200]))
        return
    if paper.arxiv_id in harvest.papers:
        harvest.counts["repeated"] += 1
    harvest.papers[paper.arxiv_id] = paper


def _result(harvest: _Harvest, state: Any, detail: str, client: PoliteClient) -> FetchResult:
    counts = harvest.counts
    counts.update(kept=len(harvest.papers), rejected=len(harvest.rejected), left_out=0, requests=client.requests)
    return FetchResult(tuple(harvest.papers.values()), tuple(harvest.rejected), state, None, detail, dict(counts))
