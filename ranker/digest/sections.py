"""The sections of form A that stand after the fields: new versions, and followed authors and phrases. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ranker.digest.changes import Change
from ranker.digest.entries import abs_url, shown_authors, shown_date, shown_reason, shown_score
from ranker.digest.follow import Followed
from ranker.digest.text import clean, escape
from ranker.digest.words import words
from ranker.types import OutcomeName, Ranking


@dataclass(frozen=True, slots=True)
class Section:
    """``headings``: the entries' headings as a reader sees them; ``entries``: their lines, the heading's first."""

    title: str
    headings: tuple[str, ...]
    entries: tuple[tuple[str, ...], ...]


def revisions_section(found: Sequence[Change], language: str) -> Section:
    """New versions of papers seen before, with the sentences that were added and removed, quoted."""
    say = words(language)
    heads = [f"[New version: {change.versions}]" for change in found]
    bodies = []
    for change in found:
        summary = say[change.kind].format(added=len(change.added), removed=len(change.removed))
        lines = [
            *_about(change.ranking),
            f"- **Seen:** {escape(change.day)}",
            f"- **Score:** {shown_score(change.ranking.score)}/10",
            *_standing(change.ranking, language),
            f"- **Abstract:** {summary}",
        ]
        for label, quotes in (("Added", change.added), ("Removed", change.removed)):
            if quotes:
                lines += [f"- **{label}:**", *(f"  - {escape(f'“{clean(quote)}”')}" for quote in quotes)]
        bodies.append(lines)
    return _section(say["revisions"], heads, [change.ranking for change in found], bodies)


def followed_section(found: Sequence[Followed], language: str) -> Section:
    """Papers by followed authors or with followed phrases, with score and outcome."""
    heads = [f"[Followed: {shown_score(row.ranking.score)}/10]" for row in found]
    bodies = []
    for row in found:
        lines = [*_about(row.ranking), *_standing(row.ranking, language)]
        lines += [f"- **Author:** {escape(name)}" for name in row.authors]
        lines += [f"- **Phrase:** {escape(phrase)}" for phrase in row.phrases]
        if reason := followed_reason(row.ranking):
            lines.append(f"- **Reason:** {escape(reason)}")
        bodies.append(lines)
    return _section(words(language)["followed"], heads, [row.ranking for row in found], bodies)


def followed_reason(ranking: Ranking) -> str:
    """Empty for recommended papers: their reason stands with them in their field."""
    return "" if ranking.outcome == "recommended" else shown_reason(ranking)


def outcome_word(outcome: OutcomeName, language: str) -> str:
    """What a digest calls an outcome."""
    return words(language)["failed_outcome" if outcome == "failed" else outcome]


def _section(title: str, heads: list[str], rankings: list[Ranking], bodies: list[list[str]]) -> Section:
    titles = [ranking.paper.title for ranking in rankings]
    return Section(
        title,
        tuple(f"{head} {clean(name)}".rstrip() for head, name in zip(heads, titles, strict=True)),
        tuple(
            (f"### {head} {escape(name)}".rstrip(), *body)
            for head, name, body in zip(heads, titles, bodies, strict=True)
        ),
    )


def _about(ranking: Ranking) -> list[str]:
    paper, url = ranking.paper, abs_url(ranking.paper)
    return [
        f"- **Authors:** {escape(shown_authors(paper))}".rstrip(),
        f"- **Published:** {escape(shown_date(paper))}".rstrip(),
        f"- **Link:** [{url}]({url})",
    ]


def _standing(ranking: Ranking, language: str) -> list[str]:
    return [
        f"- **Outcome:** {outcome_word(ranking.outcome, language)}",
        f"- **Field:** {escape(ranking.field or words(language)['no_field'])}",
    ]
