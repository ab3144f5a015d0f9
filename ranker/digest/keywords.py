"""Form C, the short keyword digest (seed 004). Records in, text out, no I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ranker.digest.categories import shown_text
from ranker.digest.entries import Quoter, in_order, key_sentences, pdf_url, shown_date
from ranker.digest.frame import foot, quiet_line
from ranker.digest.text import clean, escape
from ranker.digest.words import words
from ranker.types import Paper, Ranking, Run

_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)*(?:\.[A-Za-z-]+)?")


def render(run: Run, quotes: Quoter, subscriptions: Sequence[str] = ()) -> str:
    """Papers that match a subscription (a category such as ``cs.LG``, or a phrase), each with a brief.

    Without subscriptions: the recommended papers, with their categories as keywords.
    """
    lines: list[str] = []
    for number, (ranking, keywords) in enumerate(selected(run, subscriptions), 1):
        brief = shown_text(run, ranking, "brief", key_sentences(quotes(ranking.paper)))
        lines += [
            f"### {number} {escape(ranking.paper.title)}".rstrip(),
            f"**link**: {pdf_url(ranking.paper)}",
            f"**date**: {escape(shown_date(ranking.paper))}".rstrip(),
            f"**keywords**: {', '.join(escape(keyword).replace(',', _COMMA) for keyword in keywords)}".rstrip(),
            f"**abs**: {escape(brief)}",
            "",  # else the rule below would make a heading of the brief
            "---",
            "",
        ]
    if not lines:
        lines = [quiet_line(run), ""]
    return "\n".join(lines + foot(run, "c", words(run.language)["quoted_form"]))


_COMMA = "\\,"


def selected(run: Run, subscriptions: Sequence[str]) -> tuple[tuple[Ranking, tuple[str, ...]], ...]:
    """Papers of the form in order of rank, each with its keywords."""
    rows = []
    for ranking in in_order(run.rankings):
        if subscriptions:
            keywords = matches(ranking.paper, subscriptions)
            if keywords and ranking.outcome not in ("vetoed", "duplicate"):
                rows.append((ranking, keywords))
        elif ranking.outcome == "recommended":
            rows.append((ranking, tuple(clean(name) for name in ranking.paper.categories)))
    return tuple(rows)


def matches(paper: Paper, subscriptions: Sequence[str]) -> tuple[str, ...]:
    """The subscriptions that a paper meets: its categories (``cs`` takes all of ``cs.*``), and whole phrases.

    Phrases match title and abstract without regard to case or a plural s; space and hyphen are the same in them.
    """
    text = clean(f"{paper.title} \n {paper.abstract}").casefold()
    return tuple(clean(wanted) for wanted in subscriptions if _category(paper, wanted) or _phrase(text, wanted))


def _category(paper: Paper, wanted: str) -> bool:
    if not _CATEGORY.fullmatch(wanted):
        return False
    return any(name == wanted or name.startswith(wanted + ".") for name in paper.categories)


def _phrase(text: str, wanted: str) -> bool:
    parts = [re.escape(part) for part in re.split(r"[\s-]+", clean(wanted).casefold()) if part]
    if not parts or (_CATEGORY.fullmatch(wanted) and "." in wanted):
        return False
    # A boundary only beside Latin letters and digits: Chinese has none.
    start, end = r"(?<![a-z0-9])", r"(?:e?s)?(?![a-z0-9])"
    return re.search(start + r"[\s-]+".join(parts) + end, text) is not None
