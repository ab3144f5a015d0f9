"""A ranking as the card that the page shows: every text made safe, every number rounded, nothing decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from ranker.digest.bibliography import bibtex, ris
from ranker.digest.entries import abs_url, pdf_url, shown_authors, shown_date, shown_reason, shown_score
from ranker.digest.site.records import ROLES, Revision, Span
from ranker.digest.site.rich import changed_text, plain, rich_text
from ranker.digest.text import clean
from ranker.types import Exclusion, Ranking

_AUTHORS_SHOWN = 8
_SUMMARY_PARTS = ("tldr", "motivation", "method", "result", "conclusion", "brief")


@dataclass(frozen=True, slots=True)
class Gauge:
    """The score on its scale, in the drawing's units: 1 at x=3, 10 at x=69; the whisker is one spread each way."""

    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RevisionView:
    line: str
    changes: Markup | None


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows. ``hue``: the field's colour, 0-11. ``number``: place in the page's data."""

    number: int
    anchor: str
    hue: int
    title: Markup
    abs_url: str
    pdf_url: str
    authors: str
    more_authors: int
    all_authors: str
    date: str
    categories: tuple[str, ...]
    score: str
    spread: str
    gauge: Gauge | None
    similarity: str
    reason: Markup
    routed: str
    similarities: tuple[tuple[str, str], ...]
    exclusions: tuple[str, ...]
    judge: str
    abstract: Markup | None
    summary: tuple[tuple[str, Markup], ...]
    by: str
    revision: RevisionView | None


def card(
    ranking: Ranking,
    number: int,
    hue: int,
    words: dict[str, str],
    spans: Sequence[Span] = (),
    revision: Revision | None = None,
) -> Card:
    paper = ranking.paper
    authors = tuple(clean(author) for author in paper.authors)
    shown = ", ".join(authors[:_AUTHORS_SHOWN]) if authors else shown_authors(paper)
    texts = ranking.texts
    labels: dict[str, str] = {role: words[f"role_{role}"] for role in ROLES}
    summary = tuple(
        (words[part], rich_text(text)) for part in _SUMMARY_PARTS if texts and (text := str(getattr(texts, part)))
    )
    return Card(
        number=number,
        anchor=anchor_of(paper.arxiv_id),
        hue=hue,
        title=rich_text(paper.title),
        abs_url=abs_url(paper),
        pdf_url=pdf_url(paper),
        authors=shown,
        more_authors=max(len(authors) - _AUTHORS_SHOWN, 0),
        all_authors=", ".join(authors),
        date=shown_date(paper),
        categories=tuple(clean(category) for category in paper.categories),
        score=shown_score(ranking.score),
        spread="" if ranking.spread is None else f"{ranking.spread:.1f}",
        gauge=_gauge(ranking.score, ranking.spread),
        similarity=_two(ranking.similarity),
        reason=rich_text(shown_reason(ranking)),
        routed=routed_line(ranking, words),
        similarities=tuple((clean(name), _two(value)) for name, value in ranking.similarities),
        exclusions=tuple(exclusion_line(exclusion, words) for exclusion in ranking.exclusions),
        judge=_judge_line(ranking, words),
        abstract=rich_text(paper.abstract, spans, labels) if paper.abstract.strip() else None,
        summary=summary,
        by=_by_line(ranking, words),
        revision=None if revision is None else _revision(ranking, revision, words),
    )


def data_row(ranking: Ranking, fields: Sequence[str]) -> list[Any]:
    """What the page's script knows of a paper (order is shared with ``js/core.js``).

    The bibliography entries are made here, without the abstract, so that what is copied from the page is what the
    exported files say, and no second program escapes LaTeX.
    """
    paper = ranking.paper
    brief = replace(paper, abstract="")
    return [
        clean(paper.arxiv_id),
        paper.version,
        clean(paper.title),
        [clean(author) for author in paper.authors] or [shown_authors(paper)],
        shown_date(paper),
        [clean(category) for category in paper.categories],
        fields.index(ranking.field) if ranking.field in fields else -1,
        ranking.score,
        ranking.similarity,
        1 if ranking.outcome == "recommended" else 0,
        bibtex([brief]),
        ris([brief]),
    ]


def anchor_of(arxiv_id: str) -> str:
    """The ``id`` of a paper's card; spaces can't stand in one."""
    return "p" + clean(arxiv_id).replace(" ", "-")


def routed_line(ranking: Ranking, words: dict[str, str]) -> str:
    """One sentence: the field a paper went to, how close it was, and what came next."""
    if ranking.field is None or ranking.similarity is None:
        return ""
    numbers = {"field": clean(ranking.field), "similarity": _two(ranking.similarity)}
    if ranking.second_field is None or ranking.margin is None:
        return words["routed_alone"].format(**numbers)
    return words["routed"].format(**numbers, second=clean(ranking.second_field), margin=_two(ranking.margin))


def exclusion_line(exclusion: Exclusion, words: dict[str, str]) -> str:
    return words[f"excl_{exclusion.kind}"].format(what=clean(exclusion.what), amount=_two(exclusion.amount))


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _gauge(score: float | None, spread: float | None) -> Gauge | None:
    if score is None:
        return None

    def x(value: float) -> float:
        return round(3 + (min(max(value, 1.0), 10.0) - 1.0) / 9.0 * 66.0, 1)

    return Gauge(x(score), x(score - (spread or 0.0)), x(score + (spread or 0.0)))


def _judge_line(ranking: Ranking, words: dict[str, str]) -> str:
    parts = [words["judge"].format(judge=clean(ranking.judge))] if ranking.judge else []
    if ranking.p_recommended is not None:
        parts.append(words["probability"].format(value=_two(ranking.p_recommended)))
    parts.extend(clean(flag) for flag in ranking.flags)
    return " · ".join(parts)


def _by_line(ranking: Ranking, words: dict[str, str]) -> str:
    texts = ranking.texts
    if texts is None:
        return ""
    line = words["evidence"] if texts.by == "evidence" else words["written_by"].format(by=clean(texts.by))
    if texts.failed:
        line += " · " + words["text_failed"].format(failed=clean(", ".join(texts.failed)))
    return line


def _revision(ranking: Ranking, revision: Revision, words: dict[str, str]) -> RevisionView:
    old = clean(revision.arxiv_id) + (f"v{revision.old_version}" if revision.old_version else "")
    line = words["revision"].format(day=clean(revision.old_day), old=old, new=clean(ranking.paper.versioned_id))
    same = clean(revision.old_abstract) == clean(ranking.paper.abstract)
    return RevisionView(line, None if same else changed_text(revision.old_abstract, ranking.paper.abstract))


def short_title(text: str) -> Markup:
    """A title in a list: formulas rendered, nothing else."""
    return rich_text(text) if len(text) < 2000 else plain(text)
