"""Form A, the recommendation digest (seeds 000-002), and its README variant. Records in, text out, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ranker.digest.changes import changes
from ranker.digest.entries import abs_url, by_field, shown_authors, shown_date, shown_reason, shown_score
from ranker.digest.follow import followed
from ranker.digest.frame import foot, header, quiet_line
from ranker.digest.sections import Section, followed_section, revisions_section
from ranker.digest.text import Slugs, clean, escape
from ranker.digest.words import words
from ranker.profile import Subscriptions
from ranker.types import Ranking, Run

if TYPE_CHECKING:
    from ranker.digest.site.records import Revision

_NOTHING: Mapping[str, Revision] = MappingProxyType({})
_NOBODY = Subscriptions()


def render(run: Run, revisions: Mapping[str, Revision] = _NOTHING, follow: Subscriptions = _NOBODY) -> str:
    """The day's recommended papers by field, as Markdown; then new versions and followed papers, where there are any.

    ``revisions``: base id -> the earlier version of a paper seen before. ``follow``: the profile's subscriptions.
    """
    title = words(run.language)["title"]
    heading = f"{title} - {escape(run.title_date or run.day)}"
    return _document(run, heading, _sections(run, revisions, follow), navigation=False)


def render_readme(run: Run, revisions: Mapping[str, Revision] = _NOTHING, follow: Subscriptions = _NOBODY) -> str:
    """The same as a repository's README: title without the date, and links to the fields and sections."""
    return _document(run, words(run.language)["title"], _sections(run, revisions, follow), navigation=True)


def _sections(run: Run, revisions: Mapping[str, Revision], follow: Subscriptions) -> list[Section]:
    sections = [
        revisions_section(changes(run, revisions), run.language),
        followed_section(followed(run, follow), run.language),
    ]
    return [section for section in sections if section.entries]


def _document(run: Run, title: str, sections: list[Section], *, navigation: bool) -> str:
    lines = [f"# {title}", "", *header(run)]
    if navigation:
        lines += _navigation(run, title, sections)
    for name, rankings in by_field(run).items():
        lines += [f"## {escape(field_name(run, name))}", ""]
        for ranking in rankings:
            lines += [*entry(ranking), ""]
    if not by_field(run):
        lines += [quiet_line(run), ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        for block in section.entries:
            lines += [*block, ""]
    return "\n".join(lines + foot(run, "a"))


def field_name(run: Run, name: str | None) -> str:
    """Heading of a field; papers without one have a heading of their own."""
    return name or words(run.language)["no_field"]


def _navigation(run: Run, title: str, sections: list[Section]) -> list[str]:
    say = words(run.language)
    slugs = Slugs()
    slugs.of(title)
    slugs.of(say["navigation"])
    lines = [f"## {say['navigation']}", ""]
    # Papers' headings take anchors too, before those of later fields.
    parts = [
        (field_name(run, name), [f"[Score: {shown_score(r.score)}/10] {clean(r.paper.title)}" for r in rankings])
        for name, rankings in by_field(run).items()
    ]
    parts += [(section.title, list(section.headings)) for section in sections]
    for heading, papers in parts:
        count = say["papers"].format(number=len(papers))
        lines.append(f"- [{escape(heading, brackets=True)}](#{slugs.of(heading)}){count}")
        for paper in papers:
            slugs.of(paper)
    if not parts:
        lines.append(f"- {quiet_line(run)}")
    return [*lines, ""]


def entry(ranking: Ranking) -> list[str]:
    """A paper's heading and lines, without the empty line after it."""
    paper, url = ranking.paper, abs_url(ranking.paper)
    return [
        f"### [Score: {shown_score(ranking.score)}/10] {escape(paper.title)}".rstrip(),
        f"- **Authors:** {escape(shown_authors(paper))}".rstrip(),
        f"- **Published:** {escape(shown_date(paper))}".rstrip(),
        f"- **Link:** [{url}]({url})",
        f"- **Reason:** {escape(shown_reason(ranking))}".rstrip(),
    ]
