"""Judged papers as training examples: the very prompts that the judge will send, and what is to be answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ranker.backends.chat import ChatRenderer
from ranker.backends.labels import label_tokens
from ranker.judging.paper import prepare
from ranker.judging.prompts import Heads
from ranker.judging.render import ProfileLike, render_body
from ranker.judging.template import Template
from ranker.protocols import Prompt
from ranker.types import JudgedPaper, Paper

MOST_TOKENS = 448
"""Longer examples are left out (and counted): one of them takes as long as five others."""


@dataclass(frozen=True, slots=True)
class Example:
    """``tail_ids`` stand behind the shared ``head_ids``, ``target_ids`` behind them; ``weights`` are the targets' in
    the loss. ``positive``: whether the paper was recommended.
    """

    key: str
    head_ids: tuple[int, ...]
    tail_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    weights: tuple[float, ...]
    positive: bool

    @property
    def length(self) -> int:
        """Tokens behind the head."""
        return len(self.tail_ids) + len(self.target_ids)


def label_examples(
    papers: Sequence[JudgedPaper], profile: ProfileLike, template: Template, renderer: ChatRenderer
) -> list[Example]:
    """One example a paper: the label that stands for its score, the lowest for a paper that was not recommended.

    Relevance 1-10 lies evenly over the labels, as ``reading.read`` has it; a pick without a score counts as 8. A pick's
    field follows as a letter, with a small weight: nothing reads it, but what is learned for it tells picks better.
    """
    heads = Heads(template, profile)
    labels = label_tokens(renderer, template.labels)
    letters = {f.name: renderer.encode_text(chr(ord("A") + i)) for i, f in enumerate(profile.fields)}
    names = list(letters)
    found = []
    for paper, tail, head in _encoded(papers, heads, renderer, names[0]):
        at = label_of(paper.score or 8.0, len(labels.ids)) if paper.recommended else 0
        letter = letters.get(paper.field or "", ()) if paper.recommended else ()
        target = (labels.ids[at], *letter)
        weights = (1.0, *(FIELD_WEIGHT for _ in letter))
        found.append(Example(paper.arxiv_id, head, tail, target, weights, paper.recommended))
    return found


FIELD_WEIGHT = 0.3


def label_of(score: float, labels: int) -> int:
    """Index of the label nearest to a score (1-10), never the lowest one: that is for papers not recommended."""
    return max(1, min(labels - 1, round((score - 1.0) / 9.0 * (labels - 1))))


def text_examples(
    texts: Iterable[tuple[JudgedPaper, str]], profile: ProfileLike, template: Template, renderer: ChatRenderer, end: int
) -> list[Example]:
    """One example a (pick, reason): the reason and the token that ends it. Every text weighs 1, whatever its length."""
    heads, fields = Heads(template, profile), {f.name for f in profile.fields}
    by_id = {p.arxiv_id: text for p, text in texts}
    papers = [p for p, _ in texts if p.field in fields]
    found = []
    for paper, tail, head in _encoded(papers, heads, renderer, None):
        ids = (*renderer.encode_text(by_id[paper.arxiv_id]), end)
        found.append(Example(paper.arxiv_id, head, tail, ids, (1.0 / len(ids),) * len(ids), True))
    return found


def _encoded(
    papers: Sequence[JudgedPaper], heads: Heads, renderer: ChatRenderer, name: str | None
) -> Iterable[tuple[JudgedPaper, tuple[int, ...], tuple[int, ...]]]:
    """(paper, tail ids, head ids) of papers that are short enough; ``name``: the head's field, None for the paper's."""
    prompts = []
    for paper in papers:
        reading = prepare(Paper(paper.arxiv_id, paper.title, paper.abstract), masked=True)
        head = heads.head(name or paper.field or "")
        prompts.append(Prompt(paper.arxiv_id, head, render_body(heads.template, reading.title, reading.abstract)))
    for paper, encoded in zip(papers, renderer.encode(prompts), strict=True):
        if len(encoded.tail_ids) <= MOST_TOKENS:
            yield paper, encoded.tail_ids, encoded.head_ids
