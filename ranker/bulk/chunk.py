"""One chunk of a corpus through routing and judging: needs nothing but its papers and vectors, so any process can."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker import outcomes
from ranker.bulk.marks import Part, part_of
from ranker.bulk.prefilter import PREFILTERED, Selection
from ranker.bulk.rows import packed
from ranker.pipeline import candidate
from ranker.profile import Profile
from ranker.protocols import Judge
from ranker.rank import order
from ranker.route import CentroidText, Search, route, vetoes
from ranker.types import Candidate, JudgeOutcome, Paper, Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Work:
    """A chunk on its way out. ``vectors`` (m, dimension) float32: of the papers that the prefilter (None: there is
    none) lets through, in their order.
    """

    papers: Sequence[Paper]
    vectors: NDArray[np.float32]
    chosen: Selection | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk on its way back, in its own order of rank: a packed row and a mark for every paper. ``route_seconds``
    and ``judge_seconds``: what the stages took; ``judged``: papers that the judge saw; ``prefiltered``: papers that
    are unrouted for the prefilter.
    """

    rows: list[bytes]
    part: Part
    route_seconds: float
    judge_seconds: float
    judged: int
    prefiltered: int


@dataclass(frozen=True, slots=True)
class Desk:
    """What ranks a chunk; a judge that keeps nothing between papers, so that a copy in another process says the same.

    ``centroids``: (texts, dimension) float32.
    """

    profile: Profile
    texts: Sequence[CentroidText]
    centroids: NDArray[np.float32]
    search: Search
    judge: Judge

    def rank(self, work: Work, beside: int = 1) -> Done:
        """``beside``: how many chunks are ranked side by side, this one included; the seconds are a share of theirs."""
        started = time.perf_counter()
        settled, candidates = self._route(work)
        routed = time.perf_counter()
        rankings = order([*settled, *self._judged(candidates)])
        return Done(
            rows=[packed(ranking) for ranking in rankings],
            part=part_of(rankings),
            route_seconds=(routed - started) / beside,
            judge_seconds=(time.perf_counter() - routed) / beside,
            judged=len(candidates),
            prefiltered=sum(r.detail.startswith(PREFILTERED) for r in settled),
        )

    def rankings(self, work: Work) -> list[Ranking]:
        """Every paper of the chunk duplicate, vetoed, unrouted, judged or failed; none recommended yet."""
        settled, candidates = self._route(work)
        return order([*settled, *self._judged(candidates)])

    def _route(self, work: Work) -> tuple[Sequence[Ranking], list[Candidate]]:
        papers, chosen = work.papers, work.chosen
        found = route(kept(papers, chosen), work.vectors, self.profile, self.texts, self.centroids, self.search)
        routes = found if chosen is None else chosen.routes(found)
        sorting = outcomes.sort_out(papers, routes, vetoes(papers, self.profile), self.profile)
        settled = sorting.settled if chosen is None else chosen.explain(papers, sorting.settled)
        rows = np.arange(len(papers)) if chosen is None else np.cumsum(chosen.keeps) - 1
        return settled, [candidate(papers[i], routes[i], work.vectors[rows[i]]) for i in sorting.routed]

    def _judged(self, candidates: Sequence[Candidate]) -> list[Ranking]:
        """Judgments are not stored: the built-in judge makes them again as fast as the store would give them."""
        said: dict[str, JudgeOutcome] = {o.arxiv_id: o for o in self.judge.judge(candidates)}
        made = (said.get(c.paper.arxiv_id) or outcomes.lost(c, self.judge.name) for c in candidates)
        return [outcomes.judged(c, outcome) for c, outcome in zip(candidates, made, strict=True)]


def kept(papers: Sequence[Paper], chosen: Selection | None) -> Sequence[Paper]:
    """The papers that the prefilter lets through."""
    if chosen is None:
        return papers
    return [paper for paper, keep in zip(papers, chosen.keeps.tolist(), strict=True) if keep]
