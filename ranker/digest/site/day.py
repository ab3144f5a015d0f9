"""What a day's page and its page of left-out papers show, from the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from ranker.digest.entries import abs_url, in_order, shown_score
from ranker.digest.follow import Followed, followed
from ranker.digest.sections import outcome_word
from ranker.digest.site.records import DayPage
from ranker.digest.site.views import Card, anchor_of, card, data_row, exclusion_line, routed_line, short_title
from ranker.digest.text import clean
from ranker.digest.words import beijing_time
from ranker.types import OutcomeName, Ranking, Rejected, Run

NEAR_MISSES = 30


@dataclass(frozen=True, slots=True)
class Section:
    """A field on the page: its cards and, folded, the judged papers below the threshold."""

    name: str
    place: int
    hue: int
    anchor: str
    href: str
    cards: tuple[Card, ...]
    rest: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class FollowedRow:
    """A followed paper's line; ``href`` leads to its card, on this page or among what was left out."""

    title: Markup
    href: str
    score: str
    outcome: str
    met: str


@dataclass(frozen=True, slots=True)
class DayView:
    sections: tuple[Section, ...]
    revisions: tuple[Card, ...]
    followed: tuple[FollowedRow, ...]
    categories: tuple[str, ...]
    data: list[list[Any]]
    facts: str
    model: str
    made: str
    accounts: str
    recommended: int
    has_roles: bool


@dataclass(frozen=True, slots=True)
class LeftPaper:
    """``number``: place in the page's data, None where the paper can't be ticked here (a duplicate)."""

    number: int | None
    anchor: str
    title: Markup
    arxiv_id: str
    abs_url: str
    field: str
    score: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftGroup:
    """Papers that ended the same way. ``key`` is also the string table's key of its name and note."""

    key: str
    papers: tuple[LeftPaper, ...]


@dataclass(frozen=True, slots=True)
class LeftView:
    groups: tuple[LeftGroup, ...]
    data: list[list[Any]]
    rejected: tuple[tuple[str, str, str], ...]
    accounts: str


def day_view(page: DayPage, words: dict[str, str]) -> DayView:
    run = page.run
    shown = [ranking for ranking in in_order(run.rankings) if ranking.outcome in ("recommended", "not_recommended")]
    cards = {
        ranking.paper.arxiv_id: card(
            ranking,
            number,
            _hue(run, ranking.field),
            words,
            page.spans.get(ranking.paper.arxiv_id, ()),
            page.revisions.get(ranking.paper.arxiv_id),
        )
        for number, ranking in enumerate(shown)
    }
    known = [ranking for ranking in shown if ranking.paper.arxiv_id in page.revisions]
    fresh = [ranking for ranking in shown if ranking.paper.arxiv_id not in page.revisions]
    names = dict.fromkeys(ranking.field for ranking in fresh if ranking.outcome == "recommended")
    names.update(dict.fromkeys(ranking.field for ranking in fresh))
    sections = []
    for place, name in enumerate(names):
        anchor = field_anchor(name, place, words)
        groups: dict[OutcomeName, list[Card]] = {"recommended": [], "not_recommended": []}
        for ranking in fresh:
            if ranking.field == name:
                groups[ranking.outcome].append(cards[ranking.paper.arxiv_id])
        sections.append(
            Section(
                clean(name) if name else words["no_field"],
                run.fields.index(name) if name in run.fields else -1,
                _hue(run, name),
                anchor,
                "#" + quote(anchor),
                tuple(groups["recommended"]),
                tuple(groups["not_recommended"]),
            )
        )
    counts = {"read": 0, "recommended": 0, **run.counts}
    return DayView(
        sections=tuple(sections),
        revisions=tuple(cards[ranking.paper.arxiv_id] for ranking in known),
        followed=tuple(_followed_row(row, run) for row in followed(run, page.follow)),
        categories=tuple(sorted({category for view in cards.values() for category in view.categories})),
        data=[data_row(ranking, run.fields) for ranking in shown],
        facts=words["facts"].format(read=counts["read"], recommended=counts["recommended"]),
        model=words["model"].format(model=clean(run.judge_line), tokens=run.usage.prompt + run.usage.generated),
        made=words["made"].format(time=beijing_time(run.made_at)),
        accounts=accounts_line(run, words),
        recommended=counts["recommended"],
        has_roles=any(page.spans.get(ranking.paper.arxiv_id) for ranking in shown),
    )


def _followed_row(row: Followed, run: Run) -> FollowedRow:
    ranking = row.ranking
    here = ranking.outcome in ("recommended", "not_recommended")
    page = "" if here else f"{run.day}-left-out.html"
    return FollowedRow(
        short_title(ranking.paper.title),
        f"{page}#{quote(anchor_of(ranking.paper.arxiv_id))}",
        shown_score(ranking.score),
        outcome_word(ranking.outcome, run.language),
        " · ".join((*row.authors, *row.phrases)),
    )


def field_anchor(name: str | None, place: int, words: dict[str, str]) -> str:
    """``id`` of a field's section: its name, which stays readable in the address; unique by the section's place."""
    text = "-".join(clean(name or words["no_field"]).split()) or "field"
    return f"{place + 1}-{text}"


def accounts_line(run: Run, words: dict[str, str]) -> str:
    names = ("rejected", "duplicate", "vetoed", "unrouted", "recommended", "not_recommended", "failed", "read")
    return words["accounts"].format(**{name: run.counts.get(name, 0) for name in names})


def left_view(run: Run, words: dict[str, str]) -> LeftView:
    rankings = in_order(run.rankings)
    near = [ranking for ranking in rankings if ranking.outcome == "not_recommended"][:NEAR_MISSES]
    members = {"near": near}
    for outcome in ("failed", "unrouted", "vetoed"):
        members[outcome] = [ranking for ranking in rankings if ranking.outcome == outcome]
    data: list[list[Any]] = []
    groups = []
    for key, found in members.items():
        groups.append(LeftGroup(key, tuple(_left(ranking, len(data) + n, words) for n, ranking in enumerate(found))))
        data.extend(data_row(ranking, run.fields) for ranking in found)
    doubles = tuple(_left(ranking, None, words) for ranking in rankings if ranking.outcome == "duplicate")
    groups.append(LeftGroup("duplicate", doubles))
    return LeftView(tuple(groups), data, tuple(_rejected(row) for row in run.rejected), accounts_line(run, words))


def _left(ranking: Ranking, number: int | None, words: dict[str, str]) -> LeftPaper:
    why = [routed_line(ranking, words)]
    why.extend(exclusion_line(exclusion, words) for exclusion in ranking.exclusions)
    why.append(clean(ranking.detail))
    return LeftPaper(
        number,
        anchor_of(ranking.paper.arxiv_id),
        short_title(ranking.paper.title),
        clean(ranking.paper.versioned_id),
        abs_url(ranking.paper),
        clean(ranking.field or ""),
        shown_score(ranking.score),
        tuple(dict.fromkeys(line for line in why if line)),
    )


def _rejected(row: Rejected) -> tuple[str, str, str]:
    """Where (the file's name only: a page may be shared, and folders are private), why, and how the line began."""
    return f"{clean(PurePath(row.path).name)}:{row.line}", clean(row.why), clean(row.snippet)


def _hue(run: Run, name: str | None) -> int:
    return run.fields.index(name) % 12 if name in run.fields else 11
