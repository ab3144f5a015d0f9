"""Language models on the bench: one reads a subsample of the test papers, alone or blended with the heads."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmarks.compare.fitted import Blend
from benchmarks.compare.judged import JudgedPaper
from benchmarks.compare.ours import Router, collect
from benchmarks.compare.spec import Scored, Spec
from ranker import evaluate
from ranker.backends.judges import choose_judge
from ranker.config import JudgeChoice, JudgeName, load_config
from ranker.errors import BackendError
from ranker.profile import Profile
from ranker.protocols import Encoder
from ranker.types import Candidate, JudgeOutcome, Paper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.protocols import Judge

_ORDERED = 12
_RECENT_DAYS = 7
"""The blend's two weights are fitted on papers of the last fit days, judged by heads of the days before those."""


def subsample(days: Sequence[str], ids: Sequence[str], count: int, seed: int = 0) -> NDArray[np.bool_]:
    """``count`` papers (0: all), from each day in proportion to its size, the same for every contestant."""
    asked = np.zeros(len(ids), dtype=bool)
    if not 0 < count < len(ids):
        return ~asked
    for number, day in enumerate(sorted(set(days))):
        rows = sorted((i for i, d in enumerate(days) if d == day), key=lambda i: ids[i])
        take = min(len(rows), max(1, round(count * len(rows) / len(ids))))
        asked[np.random.default_rng([seed, number]).choice(rows, take, replace=False)] = True
    return asked


class LanguageModel:
    """A language model as ranker's judge, with nothing fitted.

    ``first_s``: seconds until its first judgment, its weights loaded on the way. ``notes``: who it is, its reasons.
    """

    def __init__(self, spec: Spec, profile: Profile, encoder: Encoder) -> None:
        backend, _, model = spec.lm.partition("=")
        self._spec, self.router = spec, Router(profile, encoder)
        choice = JudgeChoice(name=cast("JudgeName", backend), model=_folder(model), heads="none")
        self._judge: Judge = choose_judge(choice, load_config(None), profile, encoder)
        if not self._judge.uses_language_model:
            raise BackendError(f"ranker has no language-model judge {backend!r}", where="--lm", todo="see --judge")
        self.first_s = 0.0
        self.papers_s = 0.0
        self.tokens_s: float | None = None
        self.notes: dict[str, Any] = {}
        self.order: float | None = None

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        """Zero-shot: nothing is fitted."""

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        asked = subsample([p.day or "" for p in papers], [p.arxiv_id for p in papers], self._spec.lm_papers)
        said, candidates = self.read(papers, vectors, asked)
        self.order = self._order(candidates)
        worth = dict(zip((p.arxiv_id for p in papers), said.score.tolist(), strict=True))
        scored = [c for c in candidates if not math.isnan(worth[c.paper.arxiv_id])]
        if self._spec.lm_reasons:
            self.notes["reasons"] = self._reasons(sorted(scored, key=lambda c: -worth[c.paper.arxiv_id]))
        self.notes["model"] = self._judge.name
        return said

    def read(
        self, papers: Sequence[Paper], vectors: NDArray[np.float32], asked: NDArray[np.bool_]
    ) -> tuple[Scored, list[Candidate]]:
        """Scores of the papers asked about (unrouted ones have none), and the candidates that were judged."""
        rows = np.flatnonzero(asked).tolist()
        candidates = self.router.candidates([papers[i] for i in rows], vectors[rows])
        judged = [c for c in candidates if c.route.routed]
        before, started = self._judge.usage, time.perf_counter()
        part = collect(candidates, self._timed(judged, started), self.router.profile)
        spent, after = time.perf_counter() - started, self._judge.usage
        self.tokens_s = (after.prompt + after.generated - before.prompt - before.generated) / spent
        whole = Scored.of(np.full(len(papers), np.nan), asked=asked)
        for name in ("score", "similarity", "chance", "field", "failed"):
            getattr(whole, name)[rows] = getattr(part, name)
        return whole, judged

    def _timed(self, candidates: Sequence[Candidate], started: float) -> Iterator[JudgeOutcome]:
        for outcome in self._judge.judge(candidates):
            self.first_s = self.first_s or time.perf_counter() - started
            yield outcome

    def _order(self, candidates: Sequence[Candidate]) -> float | None:
        """1 - Kendall tau-b between two orders of 12 papers, None where too little was judged; its pace, now warm."""
        some = list(candidates[:_ORDERED])
        started = time.perf_counter()
        there = {o.arxiv_id: getattr(o, "relevance", math.nan) for o in self._judge.judge(some)}
        back = {o.arxiv_id: getattr(o, "relevance", math.nan) for o in self._judge.judge(some[::-1])}
        self.papers_s = 2 * len(some) / (time.perf_counter() - started)
        both = [i for i in there if not math.isnan(there[i]) and not math.isnan(back.get(i, math.nan))]
        tau = evaluate.kendall_tau_b([there[i] for i in both], [back[i] for i in both])
        return None if math.isnan(tau) else 1.0 - tau

    def _reasons(self, candidates: Sequence[Candidate]) -> dict[str, int]:
        """Of the papers it likes best (they come first): how many reasons it wrote, how many passed ranker's checks."""
        best = list(candidates[: self._spec.lm_reasons])
        written = list(self._judge.write(best)) if best else []
        return {"written": len(written), "passed": sum(bool(t.reason) and not t.failed for t in written)}


class BlendedModel:
    """A language model's relevance and the heads' probability in one logistic curve, fitted on the last fit days."""

    def __init__(self, spec: Spec, profile: Profile, encoder: Encoder) -> None:
        self._spec, self._profile, self._encoder = spec, profile, encoder
        self._model = LanguageModel(spec, profile, encoder)
        self._heads = Blend(profile, encoder)
        self.notes: dict[str, Any] = {}
        self.order: float | None = None
        self.tokens_s: float | None = None

    @property
    def first_s(self) -> float:
        return self._model.first_s

    @property
    def papers_s(self) -> float:
        """The model's; the heads are a thousand times quicker."""
        return self._model.papers_s

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        from sklearn.linear_model import LogisticRegression

        last = set(sorted({p.day for p in papers})[-_RECENT_DAYS:])
        inside = np.array([p.day in last for p in papers])
        early, late = np.flatnonzero(~inside).tolist(), np.flatnonzero(inside).tolist()
        heads = Blend(self._profile, self._encoder)
        heads.fit([papers[i] for i in early], vectors[early])
        recent = [papers[i].paper for i in late]
        chosen = subsample(
            [p.day or "" for p in recent], [p.arxiv_id for p in recent], max(self._spec.lm_papers // 2, 30)
        )
        read, _ = self._model.read(recent, vectors[late], chosen)
        used = np.flatnonzero(~np.isnan(read.score)).tolist()
        if len(used) < 20:
            raise BackendError(f"the model judged {len(used)} of the fit papers; 20 are needed to blend it")
        sure = heads.score([recent[i] for i in used], vectors[late][used]).chance
        features = _features(sure, read.score[used])
        self._curve = LogisticRegression(C=1.0).fit(features, [papers[late[i]].picked for i in used])
        self._heads.fit(papers, vectors)
        weights = ", ".join(f"{w:.2f}" for w in self._curve.coef_[0])
        self.notes["note"] = f"weights of heads' log odds and the model's relevance: {weights} ({len(used)} papers)"

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        said = self._model.score(papers, vectors)
        self.notes |= self._model.notes
        self.order, self.tokens_s = self._model.order, self._model.tokens_s
        heads = self._heads.score(papers, vectors)
        both = np.flatnonzero(~np.isnan(said.score) & ~np.isnan(heads.chance))
        chance = np.where(said.asked, heads.chance, np.nan)
        # Where the model gave nothing, the heads speak alone.
        chance[both] = self._curve.predict_proba(_features(heads.chance[both], said.score[both]))[:, 1]
        return Scored.of(
            chance, similarity=heads.similarity, chance=chance, field=heads.field, failed=said.failed, asked=said.asked
        )


def _features(chance: NDArray[np.float64], relevance: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.column_stack([np.log(clipped / (1 - clipped)), relevance - 5.5])


def _folder(model: str) -> str:
    """A model by folder or name; ``smollm2``: the small real one out of its installed package."""
    if model == "smollm2":
        from ranker.backends.smollm2 import ensure_smollm2

        return str(ensure_smollm2())
    return str(Path(model).expanduser()) if model.startswith("~") else model
