"""The site as files: a page a day, the newest as ``index.html``, history, search with its index, and what was left out.

Pure: nothing is read or written here but the package's own templates. Rendering a day costs that day, the month of
the index it is in, and the small pages that list days; the pages of other days stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ranker.digest.site import assets
from ranker.digest.site.day import day_view, left_view
from ranker.digest.site.history import CHART_HEIGHT, CHART_WIDTH, chart_of, months_of
from ranker.digest.site.records import DayPage, DaySummary, Entry
from ranker.digest.site.shards import BUDGET, Shard, plan_shards, render_shard
from ranker.digest.site.strings import PAGE, SCRIPT, strings
from ranker.digest.text import clean
from ranker.errors import InputError

SiteFile = tuple[str, bytes]
"""Path below the site's folder (with ``/``) and content."""

# A last look at the whole page: no control or reordering character gets out, whichever text brought it
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render_site(
    pages: Sequence[DayPage],
    history: Sequence[DaySummary],
    entries: Callable[[str], Sequence[Entry]],
    *,
    existing: Collection[str] = (),
    budget: int = BUDGET,
) -> Iterator[SiteFile]:
    """Yield the files to write, each whole.

    Args:
        pages: the days that are new or changed. The site's newest day must be among them, or ``index.html`` stays.
        history: summaries of every day of the site, those of ``pages`` too, in any order.
        entries: search entries of a day; asked only for the days of months whose shard is rendered.
        existing: paths below the site's folder that are there already; shards of unchanged months that are among
            them are not rendered again. Without it every shard is.
        budget: bytes that the search index may take.

    Files in ``existing`` that the site no longer has are named by ``stale``.

    Raises:
        InputError: a day that is no ISO date.
        ValueError: a page whose day is not in ``history``.
    """
    days = tuple(sorted((summary.day for summary in history), reverse=True))
    newest = max(history, key=lambda summary: summary.day, default=None)
    language, profile = (newest.language, newest.profile) if newest else ("zh", "")
    absent = {page.run.day for page in pages} - set(days)
    if absent:
        raise ValueError(f"no summary in history for the page of {min(absent)}")
    changed = {page.run.day[:7] for page in pages}
    for page in pages:
        yield from _day_files(page, days)
    yield "history.html", _history_page(history, language, profile).encode("utf-8", "replace")
    shards = plan_shards(history, budget)
    yield "search.html", _search_page(shards, history, language, profile).encode("utf-8", "replace")
    yield "days.js", f"rankerDays({json.dumps(days)});\n".encode()
    for shard in shards:
        if shard.month in changed or shard.path not in existing:
            yield shard.path, render_shard(shard, ((day, entries(day)) for day in shard.days))


def stale(history: Sequence[DaySummary], existing: Collection[str], *, budget: int = BUDGET) -> tuple[str, ...]:
    """Paths in ``existing`` that the site of ``history`` no longer has: pages of forgotten days, replaced shards."""
    kept = {"index.html", "history.html", "search.html", "days.js"}
    for summary in history:
        kept.update((day_path(summary.day), left_path(summary.day)))
    kept.update(shard.path for shard in plan_shards(history, budget))
    return tuple(sorted(path for path in existing if path not in kept))


def day_path(day: str) -> str:
    return f"{_iso(day)}.html"


def left_path(day: str) -> str:
    return f"{_iso(day)}-left-out.html"


def _iso(day: str) -> str:
    """``day``, which may come from a paper's own words, once it is sure that it names a day and no other file."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day):
        raise InputError(f"no day: {day!r}", todo="name the digest's day with --date YYYY-MM-DD")
    return day


def _day_files(page: DayPage, days: Sequence[str]) -> Iterator[SiteFile]:
    run = page.run
    words = strings(PAGE, run.language)
    view = day_view(page, words)
    older = next((day for day in days if day < run.day), None)
    data = {**_data(run.language, run.profile), "day": run.day, "fields": run.fields, "papers": view.data}
    html = _render("day.html", "day", words, data, day=run.day, run=run, view=view, older=older)
    content = html.encode("utf-8", "replace")
    yield day_path(run.day), content
    if days and run.day == days[0]:
        yield "index.html", content
    left = left_view(run, words)
    data = {**_data(run.language, run.profile), "day": run.day, "fields": run.fields, "papers": left.data}
    html = _render("left.html", "left", words, data, day=run.day, run=run, left=left)
    yield left_path(run.day), html.encode("utf-8", "replace")


def _history_page(history: Sequence[DaySummary], language: str, profile: str) -> str:
    words = strings(PAGE, language)
    ordered = sorted(history, key=lambda summary: summary.day)
    totals = {name: sum(summary.counts.get(name, 0) for summary in history) for name in ("read", "recommended")}
    return _render(
        "history.html", "history", words, _data(language, profile),
        months=months_of(ordered), chart=chart_of(ordered, words["no_field"]), totals=totals, days=len(history),
        width=CHART_WIDTH, height=CHART_HEIGHT,
    )  # fmt: skip


def _search_page(shards: Sequence[Shard], history: Sequence[DaySummary], language: str, profile: str) -> str:
    words = strings(PAGE, language)
    days = [summary.day for summary in history]
    fields = dict.fromkeys(clean(total.name) for summary in history for total in summary.fields if total.name)
    full = [day for shard in shards if shard.kind == "full" for day in shard.days]
    reasons = [day for shard in shards if shard.kind != "titles" for day in shard.days]
    partial = len(full) < len(days)
    note = words["index_note"].format(full=min(full, default="-"), reasons=min(reasons, default="-")) if partial else ""
    data = {**_data(language, profile), "shards": [[shard.path, shard.month] for shard in shards]}
    return _render(
        "search.html", "search", words, data,
        note=note, fields=tuple(fields), first=min(days, default=""), last=max(days, default=""),
    )  # fmt: skip


def _data(language: str, profile: str) -> dict[str, Any]:
    return {"profile": profile, "words": strings(SCRIPT, language)}


def _render(template: str, page: str, words: dict[str, str], data: dict[str, Any], **context: Any) -> str:
    html = _environment().get_template(template).render(
        t=words, page=page, data=_island(data), style=Markup(assets.style()), script=Markup(assets.script(page)),
        policy=Markup(assets.policy(page)), **context,
    )  # fmt: skip
    return _UNSEEN.sub("", html)


def _island(data: dict[str, Any]) -> Markup:
    """JSON for a data block: nothing in it can end the block or open a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for char, safe in _ESCAPES.items():
        text = text.replace(char, safe)
    return Markup(text)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("ranker.digest.site", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
