"""Which files an output folder holds: the forms, the files for programs, feeds and bibliographies, the pages."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from ranker.digest import categories, exports, jsonl, keywords, recommendation
from ranker.digest.entries import Quoter
from ranker.digest.site.records import DayPage, DaySummary, Entry, Revision
from ranker.digest.site.render import render_site, stale
from ranker.digest.site.summary import entries_of, summarise

if TYPE_CHECKING:
    from ranker.config import DigestSettings
    from ranker.digest.site.records import Span
    from ranker.profile import Profile, Subscriptions
    from ranker.types import Paper, Run

SITE = "site/"
ROUND_UPS = "roundups/"
FORM_FILES = {"a": "digest.md", "b": "categories.md", "c": "keywords.md"}
"""The file of every form."""


OWN_FILES = frozenset(
    {
        *FORM_FILES.values(),
        "rankings.jsonl",
        "rankings.jsonl.gz",
        "rejected.jsonl",
        "report.json",
        "README.md",
        "feed.atom",
        "feed.json",
        "recommended.bib",
        "recommended.ris",
        "recommended.csl.json",
        "recommended.csv",
    }
)
"""What a run may write beside ``site/``; anything else in the folder is a person's and stays."""


class History(Protocol):
    """What the pages ask of the store about earlier days."""

    def run(self, profile: str, day: str | None = None) -> Run | None: ...

    def summary(self, profile: str, day: str) -> str | None: ...

    def paper_version(self, arxiv_id: str, version: int) -> Paper | None: ...

    def seen_before(self, profile: str, day: str, ids: list[str]) -> dict[str, list[tuple[int, str, str, str]]]: ...


def digest_files(
    run: Run,
    settings: DigestSettings,
    profile: Profile,
    history: History,
    *,
    quotes: Quoter,
    spans: dict[str, list[Span]] | None = None,
    existing: Collection[str] = (),
) -> dict[str, str | bytes]:
    """Every file of a run's output folder that is new or changed.

    ``existing``: paths of the folder as it is; days that it has pages for stay in the site's history.
    """
    revisions = earlier_versions(run, history)
    files: dict[str, str | bytes] = {
        "rankings.jsonl": jsonl.rankings_jsonl(run),
        "rejected.jsonl": jsonl.rejected_jsonl(run),
        "report.json": jsonl.report_json(run),
    }
    if "a" in settings.forms:
        files[FORM_FILES["a"]] = recommendation.render(run, revisions, profile.follow)
    if "b" in settings.forms:
        files[FORM_FILES["b"]] = categories.render(run, quotes)
    if "c" in settings.forms:
        wanted = (*profile.follow.categories, *profile.follow.keywords)
        files[FORM_FILES["c"]] = keywords.render(run, quotes, wanted)
    if settings.readme:
        files["README.md"] = recommendation.render_readme(run, revisions, profile.follow)
    if settings.feeds:
        files |= {
            "feed.atom": exports.atom(run),
            "feed.json": exports.json_feed(run),
            "recommended.bib": exports.bibtex(run),
            "recommended.ris": exports.ris(run),
            "recommended.csl.json": exports.csl_json(run),
            "recommended.csv": exports.table(run),
        }
    if settings.site:
        files |= site_files(run, history, spans or {}, existing, revisions, profile.follow)
    return files


def kept_files(
    run: Run, files: Collection[str], history: History, existing: Collection[str], *, site: bool = True
) -> set[str]:
    """Paths of the present folder that stay: round-ups, what a person put there, and the site's pages of days that the
    store still has.
    """
    ours = OWN_FILES | set(files)
    others = {path for path in existing if path not in ours and not path.startswith(SITE)}
    if not site:
        return others
    own = {path.removeprefix(SITE) for path in existing if path.startswith(SITE)}
    gone = {SITE + path for path in stale(_summaries(run, history, own), own)}
    return others | {path for path in existing if path.startswith(SITE) and path not in files and path not in gone}


def _summaries(run: Run, history: History, own: Collection[str]) -> list[DaySummary]:
    """This day's and those of every day that the folder has a page for and the store a run."""
    summaries = {run.day: summarise(run)}
    for page in own:
        day = page.removesuffix(".html")
        if len(day) == 10 and day not in summaries and (row := history.summary(run.profile, day)):
            summaries[day] = DaySummary.from_row(json.loads(row))
    return list(summaries.values())


def site_files(
    run: Run,
    history: History,
    spans: dict[str, list[Span]],
    existing: Collection[str],
    revisions: dict[str, Revision],
    follow: Subscriptions,
) -> dict[str, str | bytes]:
    """The site's new and changed files."""
    own = {path.removeprefix(SITE) for path in existing if path.startswith(SITE)}
    days = _summaries(run, history, own)

    def entries(day: str) -> tuple[Entry, ...]:
        found = run if day == run.day else history.run(run.profile, day)
        return entries_of(found) if found else ()

    page = DayPage(run, spans, revisions, follow)
    return {SITE + path: content for path, content in render_site([page], days, entries, existing=own)}


def summary_row(run: Run) -> str:
    """What the store keeps of a run for the history pages."""
    return json.dumps(summarise(run).as_row(), ensure_ascii=False)


def earlier_versions(run: Run, history: History) -> dict[str, Revision]:
    """Base id -> the version that the newest earlier day had, for papers that came back with another text."""
    newer = [r.paper.arxiv_id for r in run.rankings if any(f.startswith("new version") for f in r.flags)]
    found: dict[str, Revision] = {}
    for arxiv_id, sightings in history.seen_before(run.profile, run.day, newer).items():
        version, day = sightings[-1][0], sightings[-1][1]
        old = history.paper_version(arxiv_id, version)
        if old is not None:
            found[arxiv_id] = Revision(arxiv_id, version or None, day, old.abstract)
    return found
