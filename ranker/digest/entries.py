"""What a digest shows of a paper, before any markup: shared by the forms, the exports and the tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from ranker.digest.text import clean
from ranker.types import Paper, Ranking, Run

RoleSentences = Mapping[str, tuple[str, ...]]
"""Role (problem, task, idea, result) -> sentences of the abstract, verbatim, in its order."""
Quoter = Callable[[Paper], RoleSentences]

_LEAKED = re.compile(
    r"^[ \t]*(?:(?:score|分数|评分)\s*[:：]\s*[\d.]+(?:\s*/\s*10)?|field\s*[:：].*)[ \t]*$"
    r"|\s+Score\s*[:：]\s*[\d.]+\s+Field\s*[:：].*$",
    re.IGNORECASE | re.MULTILINE,
)


def abs_url(paper: Paper) -> str:
    """Address of the paper's page; what is no id is percent-encoded, so a link leads to arXiv or nowhere."""
    return f"https://arxiv.org/abs/{_id_path(paper)}"


def pdf_url(paper: Paper) -> str:
    """Address of the paper's PDF, as the short digest writes it."""
    return f"https://arxiv.org/pdf/{_id_path(paper)}.pdf"


def _id_path(paper: Paper) -> str:
    return quote(clean(paper.arxiv_id), safe="/.-")


def shown_authors(paper: Paper) -> str:
    """Authors as one line."""
    return clean(", ".join(paper.authors) or paper.authors_text)


def shown_date(paper: Paper) -> str:
    """The date shown: ``published``, else the announcement day, else nothing."""
    return clean(paper.published or paper.day or "")


def shown_reason(ranking: Ranking) -> str:
    """The reason on one line, without the "Score:" and "Field:" lines that models leak into it."""
    reason = ranking.reason or (ranking.texts.reason if ranking.texts else "")
    return clean(_LEAKED.sub("", reason))


def shown_score(score: float | None) -> str:
    """Score with one decimal; the only place where scores are rounded."""
    return "-" if score is None else f"{score:.1f}"


def recommended(run: Run) -> tuple[Ranking, ...]:
    """The recommended papers in the run's order."""
    return in_order(ranking for ranking in run.rankings if ranking.outcome == "recommended")


def in_order(rankings: Iterable[Ranking]) -> tuple[Ranking, ...]:
    """By rank, then id: a total order."""
    return tuple(sorted(rankings, key=lambda ranking: (ranking.rank, ranking.paper.arxiv_id)))


def by_field(run: Run) -> dict[str | None, tuple[Ranking, ...]]:
    """Recommended papers per field, fields in order of their best paper."""
    groups: dict[str | None, list[Ranking]] = {}
    for ranking in recommended(run):
        groups.setdefault(ranking.field, []).append(ranking)
    return {name: tuple(group) for name, group in groups.items()}


QUOTE_MARKS = ("［摘要原句］", "[abstract verbatim]")


def written(ranking: Ranking, name: str) -> str:
    """A language model's text (attribute ``name`` of ``Texts``) on one line; empty where none wrote it."""
    texts = ranking.texts
    if texts is None or texts.by == "evidence":
        return ""
    text = clean(getattr(texts, name))
    while text.startswith(QUOTE_MARKS):  # a model may not pass its words off as the abstract's
        text = text.removeprefix(QUOTE_MARKS[0]).removeprefix(QUOTE_MARKS[1]).strip()
    return text


def quoted(sentences: Iterable[str]) -> str:
    """Sentences of an abstract in quotation marks, each verbatim, on one line."""
    return " ".join(f"“{clean(sentence)}”" for sentence in sentences if clean(sentence))


def key_sentences(roles: RoleSentences) -> tuple[str, ...]:
    """The sentence that says most: the first idea, else result, task, problem."""
    for role in ("idea", "result", "task", "problem"):
        if sentences := roles.get(role):
            return tuple(sentences[:1])
    return ()
