"""ranker's own heads, fitted here on the fit days: all of them together (the blend), or one kind alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.compare.judged import JudgedPaper
from benchmarks.compare.ours import BuiltInJudge, Router
from benchmarks.compare.spec import Scored
from ranker import resources, types
from ranker.heads.features import cold_row
from ranker.heads.fit import Inputs, fit
from ranker.heads.model import Heads
from ranker.heads.weights import SIGNALS, signals
from ranker.learn import learn, prepare
from ranker.profile import Profile
from ranker.protocols import Encoder
from ranker.types import Paper, Route

if TYPE_CHECKING:
    from numpy.typing import NDArray

Part = Literal["lexical", "dense"]
_FIELD_KINDS: tuple[str, ...] = ("lexical", "dense", "cold")


class FitRoutes:
    """Routes of the fit papers, computed once: every point of a learning curve fits on some of them again."""

    def __init__(self, profile: Profile, encoder: Encoder) -> None:
        self.router = Router(profile, encoder)
        self._known: dict[str, Route] = {}

    def routes(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> list[Route]:
        rows = [i for i, p in enumerate(papers) if p.arxiv_id not in self._known]
        if rows:
            found = self.router.routes([papers[i] for i in rows], vectors[rows])
            self._known.update({papers[i].arxiv_id: r for i, r in zip(rows, found, strict=True)})
        return [self._known[p.arxiv_id] for p in papers]


_KEPT: dict[tuple[str, str], FitRoutes] = {}


def fit_routes(profile: Profile, encoder: Encoder) -> FitRoutes:
    """One for all contestants of this process that share profile and encoder."""
    key = (profile.content_hash(), encoder.info.key)
    if key not in _KEPT:
        _KEPT[key] = FitRoutes(profile, encoder)
    return _KEPT[key]


def cold_rows(routes: Sequence[Route]) -> NDArray[np.float64]:
    """(n, F + 4) float64, what heads take of the cold evidence."""
    rows = []
    for r in routes:
        assert r.evidence is not None  # the router gives it to every paper
        rows.append(cold_row(r.evidence))
    return np.array(rows, dtype=np.float64)


def labelled(papers: Sequence[JudgedPaper]) -> list[types.JudgedPaper]:
    """As ranker's learning takes them."""
    return [
        types.JudgedPaper(
            p.paper.arxiv_id, p.day, p.paper.title, p.paper.abstract, p.picked, p.field, p.score, p.paper.authors
        )
        for p in papers
    ]


def shipped_heads(profile: Profile, encoder: Encoder) -> Path | None:
    """The folder of the heads that ship for this profile, if they are for this encoder and these fields."""
    folder = resources.models_dir() / f"heads-{profile.name}"
    if not (folder / "heads.json").is_file():
        return None
    meta = json.loads((folder / "heads.json").read_text(encoding="utf-8"))
    fits = meta["encoder_sha256"] == encoder.info.sha256 and tuple(meta["fields"]) == profile.field_names
    return folder if fits else None


class Blend:
    """The shipped judge: all heads and their combination, by ``ranker.learn``, or from a folder.

    ``notes`` says so where heads of a folder had seen a test day: those are refused, and fitted anew.
    """

    def __init__(self, profile: Profile, encoder: Encoder, folder: Path | None = None, test_from: str = "") -> None:
        self._profile, self._encoder = profile, encoder
        self._routes = fit_routes(profile, encoder)
        self.judge = BuiltInJudge(profile, encoder, router=self._routes.router)
        self.notes: dict[str, str] = {}
        self._ready: Heads | None = None
        if folder is not None:
            found = Heads.load(folder, encoder_sha256=encoder.info.sha256)
            seen = [d for d in found.meta.days if d >= test_from]
            if seen:
                self.notes["note"] = f"{folder.name} refused: fitted on {len(seen)} days from {seen[0]} on; refitted"
            else:
                self._ready = found

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        if self._ready is None:
            kept, rows = kept_papers(papers)
            cold = cold_rows(self._routes.routes([papers[i].paper for i in rows], vectors[rows]))
            self.judge.heads = learn(
                kept,
                vectors[rows],
                cold,
                profile=self._profile.name,
                fields=self._profile.field_names,
                encoder_sha256=self._encoder.info.sha256,
            ).heads
        else:
            self.judge.heads = self._ready

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        return self.judge.score(papers, vectors)


class Single:
    """One kind of head alone: on words (``lexical``) or on the encoder's vectors (``dense``).

    P(recommended) by a logistic curve over its out-of-fold log odds.
    """

    def __init__(self, profile: Profile, encoder: Encoder, part: Part) -> None:
        self._profile, self._part = profile, part
        self._routes = fit_routes(profile, encoder)

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        from sklearn.linear_model import LogisticRegression

        kept, rows = kept_papers(papers)
        cold = cold_rows(self._routes.routes([papers[i].paper for i in rows], vectors[rows]))
        inputs = Inputs.of(kept, vectors[rows], cold, self._profile.field_names)
        least = max(2, min(10, len(kept) // 1000))
        self._vocabulary, self._components, _, held_out, _ = fit(inputs, min_papers=least)
        self._curve = LogisticRegression(C=100.0).fit(
            held_out.recommended[:, [SIGNALS.index(self._part)]], inputs.columns.recommended
        )

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        cold = cold_rows(self._routes.router.routes(papers, vectors))
        texts = _texts(papers)
        rows = self._vocabulary.rows(texts)
        found = signals(self._components, rows, texts, [p.authors for p in papers], vectors, cold)
        wanted = found.recommended[:, SIGNALS.index(self._part)]
        return Scored.of(
            wanted,
            chance=self._curve.predict_proba(wanted[:, None])[:, 1],
            field=found.field[:, _FIELD_KINDS.index(self._part)].argmax(axis=1),
        )


def kept_papers(papers: Sequence[JudgedPaper]) -> tuple[list[types.JudgedPaper], list[int]]:
    """What learning keeps of the papers, and their positions."""
    kept = prepare(labelled(papers))
    place = {p.paper.arxiv_id: i for i, p in enumerate(papers)}
    return kept, [place[p.arxiv_id] for p in kept]


def _texts(papers: Sequence[Paper]) -> list[tuple[str, str]]:
    return [(p.title, p.abstract) for p in papers]
