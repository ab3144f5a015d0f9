"""Form A, the recommendation digest (seeds 000-002), and its README variant. Records in, text out, no I/O."""

from __future__ import annotations

from ranker.digest.entries import abs_url, by_field, shown_authors, shown_date, shown_reason, shown_score
from ranker.digest.frame import foot, header, quiet_line
from ranker.digest.text import Slugs, clean, escape
from ranker.digest.words import words
from ranker.types import Ranking, Run


def render(run: Run) -> str:
    """The day's recommended papers by field, as Markdown."""
    title = words(run.language)["title"]
    return _document(run, f"{title} - {escape(run.day)}", navigation=False)


def render_readme(run: Run) -> str:
    """The same as a repository's README: title without the date, and links to the fields."""
    return _document(run, words(run.language)["title"], navigation=True)


def _document(run: Run, title: str, *, navigation: bool) -> str:
    lines = [f"# {title}", "", *header(run)]
    if navigation:
        lines += _navigation(run, title)
    for name, rankings in by_field(run).items():
        lines += [f"## {escape(field_name(run, name))}", ""]
        for ranking in rankings:
            lines += _entry(ranking)
    if not by_field(run):
        lines += [quiet_line(run), ""]
    return "\n".join(lines + foot(run, "a"))


def field_name(run: Run, name: str | None) -> str:
    """Heading of a field; papers without one have a heading of their own."""
    return name or words(run.language)["no_field"]


def _navigation(run: Run, title: str) -> list[str]:
    say = words(run.language)
    slugs = Slugs()
    slugs.of(title)
    slugs.of(say["navigation"])
    lines = [f"## {say['navigation']}", ""]
    for name, rankings in by_field(run).items():
        heading = field_name(run, name)
        count = say["papers"].format(number=len(rankings))
        lines.append(f"- [{escape(heading, brackets=True)}](#{slugs.of(heading)}){count}")
        for ranking in rankings:  # papers' headings take anchors too, before those of later fields
            slugs.of(f"[Score: {shown_score(ranking.score)}/10] {clean(ranking.paper.title)}")
    if not by_field(run):
        lines.append(f"- {quiet_line(run)}")
    return [*lines, ""]


def _entry(ranking: Ranking) -> list[str]:
    paper, url = ranking.paper, abs_url(ranking.paper)
    return [
        f"### [Score: {shown_score(ranking.score)}/10] {escape(paper.title)}".rstrip(),
        f"- **Authors:** {escape(shown_authors(paper))}".rstrip(),
        f"- **Published:** {escape(shown_date(paper))}".rstrip(),
        f"- **Link:** [{url}]({url})",
        f"- **Reason:** {escape(shown_reason(ranking))}".rstrip(),
        "",
    ]
