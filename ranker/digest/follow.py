"""Papers by followed authors or with followed phrases: listed whatever became of them, their score left alone."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ranker.digest.citing import names
from ranker.digest.entries import in_order
from ranker.digest.text import clean
from ranker.match import keyword
from ranker.profile import Subscriptions
from ranker.types import Paper, Ranking, Run


@dataclass(frozen=True, slots=True)
class Followed:
    """A paper with the followed authors and phrases that it meets, as the profile writes them."""

    ranking: Ranking
    authors: tuple[str, ...]
    phrases: tuple[str, ...]


def followed(run: Run, follow: Subscriptions) -> tuple[Followed, ...]:
    """Followed papers in order of rank; vetoed ones and superseded versions are left out."""
    if not (follow.authors or follow.phrases):
        return ()
    rows = []
    for ranking in in_order(run.rankings):
        if ranking.outcome in ("vetoed", "duplicate"):
            continue
        authors, phrases = _authors(ranking.paper, follow.authors), _phrases(ranking.paper, follow.phrases)
        if authors or phrases:
            rows.append(Followed(ranking, authors, phrases))
    return tuple(rows)


def _authors(paper: Paper, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Whole names only: ``Wei Li`` is neither ``Wei Liu`` nor ``Xiaowei Li``, and initials are not guessed at."""
    if not wanted:
        return ()
    present = {plain_name(str(name)) for name in names(paper)}
    return tuple(dict.fromkeys(clean(name) for name in wanted if plain_name(name) and plain_name(name) in present))


def plain_name(name: str) -> str:
    """A name for comparison: without case, accents, dots and hyphens; ``Borel, Émile`` is ``emile borel``."""
    family, comma, given = clean(name).partition(",")
    if comma:
        name = f"{given} {family}"
    letters = unicodedata.normalize("NFKD", clean(name)).casefold()
    bare = "".join(char for char in letters if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", bare))


def _phrases(paper: Paper, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Whole phrases, by the rules of a field's keywords (``ranker.match``)."""
    texts = [(text, text.lower()) for text in (clean(paper.title), clean(paper.abstract))]
    phrases = dict.fromkeys(clean(phrase) for phrase in wanted)
    # Without a letter or digit there is no phrase, and the keyword's rules would have no boundary to hold on to.
    words = [keyword(phrase) for phrase in phrases if re.search(r"[^\W_]", phrase)]
    return tuple(word.text for word in words if any(word.find(*text) is not None for text in texts))
