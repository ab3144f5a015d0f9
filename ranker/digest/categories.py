"""Form B, by category with structured summaries (seed 003). Records in, text out, no I/O."""

from __future__ import annotations

import re

from ranker.digest.entries import (
    Quoter,
    RoleSentences,
    abs_url,
    in_order,
    key_sentences,
    quoted,
    shown_authors,
    written,
)
from ranker.digest.frame import foot, quiet_line
from ranker.digest.text import clean, escape
from ranker.digest.words import words
from ranker.types import Ranking, Run

# Label of the form -> (attribute of Texts, roles whose sentences stand in where no model wrote). The task's
# sentence mostly opens an abstract and says what the work is about, so it stands with the problem.
LABELS = {
    "Motivation": ("motivation", ("task", "problem")),
    "Method": ("method", ("idea",)),
    "Result": ("result", ("result",)),
    "Conclusion": ("conclusion", ()),
}


def render(run: Run, quotes: Quoter) -> str:
    """All papers that were not vetoed, by first category, as Markdown.

    ``quotes`` gives the abstract's own sentences by role; they stand, marked as such, where no language model wrote.
    Superseded versions (outcome ``duplicate``) stand once, as their newest version.
    """
    groups = by_category(run)
    anchors = {name: _anchor(name, number) for number, name in enumerate(groups)}
    lines = ["<div id=toc></div>", "", "# Table of Contents", ""]
    for name, rankings in groups.items():
        lines.append(f"- [{escape(name, brackets=True)}](#{anchors[name]}) [Total: {len(rankings)}]")
    if not groups:
        lines.append(quiet_line(run))
    lines += ["", ""]
    number = 0
    for name, rankings in groups.items():
        lines += [f"<div id='{anchors[name]}'></div>", "", f"# {escape(name)} [[Back]](#toc)", ""]
        for ranking in rankings:
            number += 1
            lines += _entry(run, ranking, number, name, quotes(ranking.paper))
    return "\n".join([*lines, *foot(run, "b", words(run.language)["quoted_form"])])


def by_category(run: Run) -> dict[str, tuple[Ranking, ...]]:
    """Papers per first category in alphabetical order, those without one last; within a category by rank."""
    none = words(run.language)["uncategorised"]
    groups: dict[str, list[Ranking]] = {}
    for ranking in in_order(run.rankings):
        if ranking.outcome not in ("vetoed", "duplicate"):
            first = clean(ranking.paper.categories[0]) if ranking.paper.categories else ""
            groups.setdefault(first or none, []).append(ranking)
    return {name: tuple(groups[name]) for name in sorted(groups, key=lambda name: (name == none, name))}


def _anchor(category: str, number: int) -> str:
    return category if re.fullmatch(r"[\w.-]+", category) else f"category-{number}"


def _entry(run: Run, ranking: Ranking, number: int, category: str, roles: RoleSentences) -> list[str]:
    paper = ranking.paper
    lines = [
        f"### [{number}] [{escape(paper.title, brackets=True)}]({abs_url(paper)})",
        f"*{escape(','.join(paper.authors) or shown_authors(paper), stars=True)}*",
        "",
        f"Main category: {escape(category)}",
        "",
        f"TL;DR: {_text(run, ranking, 'tldr', key_sentences(roles))}",
        "",
        "",
        "<details>",
        "  <summary>Details</summary>",
        "",  # ends the HTML block, so that what follows is Markdown and its escapes count
    ]
    for label, (attribute, names) in LABELS.items():
        sentences = tuple(sentence for name in names for sentence in roles.get(name, ()))
        lines += [f"{label}: {_text(run, ranking, attribute, _in_text_order(paper.abstract, sentences))}", ""]
    return [*lines, f"Abstract: {escape(paper.abstract)}".rstrip(), "", "</details>", "", ""]


def _text(run: Run, ranking: Ranking, attribute: str, sentences: tuple[str, ...]) -> str:
    return escape(shown_text(run, ranking, attribute, sentences))


def shown_text(run: Run, ranking: Ranking, attribute: str, sentences: tuple[str, ...]) -> str:
    """A model's text, or the abstract's sentences marked as such, or that there are none."""
    say = words(run.language)
    if text := written(ranking, attribute):
        return text
    if quotes := quoted(sentences):
        return say["quote"] + quotes
    return say["no_quote"] if clean(ranking.paper.abstract) else say["no_abstract"]


def _in_text_order(abstract: str, sentences: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(sentences, key=abstract.find))
