"""Judged papers as training examples: the prompts that the judge sends at its default settings, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ranker.backends.chat import ChatRenderer
from ranker.backends.labels import label_tokens
from ranker.errors import ConfigError
from ranker.judging.paper import prepare
from ranker.judging.prompts import Heads
from ranker.judging.render import ProfileLike, render_body
from ranker.judging.template import Template
from ranker.protocols import Prompt
from ranker.types import JudgedPaper, Paper

MOST_TOKENS = 448
"""Longer tails are left out (and counted): one of them takes as long as two others."""
FIELD_WEIGHT = 0.3
"""Of a pick's field in the loss, beside its label."""
UNGRADED = 8.0
"""The commonest score, for a recommendation without one."""


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
    """One example a paper that is short enough: the label of its score, the lowest if it was not recommended.

    Relevance 1-10 lies evenly over the labels, as ``reading.read`` has it. A pick's field follows as a letter, with a
    small weight: nothing reads it, it is there to teach the fields apart. A tick weighs what it weighs for the heads.

    Raises:
        ConfigError: the template has a head for each field; a paper's field is the router's to find, not ours.
    """
    if template.scope != "all":
        todo = 'take a template with scope = "all", such as en-short'
        raise ConfigError("asks about one field at a time", where=f"template {template.name}", todo=todo)
    labels = label_tokens(renderer, template.labels)
    letters = {f.name: renderer.encode_text(chr(ord("A") + i)) for i, f in enumerate(profile.fields)}
    found = []
    for paper, encoded in zip(papers, renderer.encode(prompts(papers, profile, template)), strict=True):
        if len(encoded.tail_ids) > MOST_TOKENS:
            continue
        at = label_of(paper.score or UNGRADED, len(labels.ids)) if paper.recommended else 0
        letter = letters.get(paper.field or "", ()) if paper.recommended else ()
        weights = tuple(w * paper.weight for w in (1.0, *(FIELD_WEIGHT for _ in letter)))
        target = (labels.ids[at], *letter)
        found.append(Example(paper.arxiv_id, encoded.head_ids, encoded.tail_ids, target, weights, paper.recommended))
    return found


def prompts(papers: Sequence[JudgedPaper], profile: ProfileLike, template: Template) -> list[Prompt]:
    """What the judge asks of each paper, keyed by its position: suspect spans masked, no abstract cut."""
    heads = Heads(template, profile)
    head = heads.head(profile.fields[0].name)
    found = []
    for i, paper in enumerate(papers):
        seen = prepare(Paper(paper.arxiv_id, paper.title, paper.abstract), masked=True)
        found.append(Prompt(str(i), head, render_body(heads.template, seen.title, seen.abstract)))
    return found


def label_of(score: float, labels: int) -> int:
    """Index of the label nearest to a score (1-10), never the lowest one: that is for papers not recommended."""
    return max(1, min(labels - 1, round((score - 1.0) / 9.0 * (labels - 1))))
