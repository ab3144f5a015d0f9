"""What ranker itself brings to the bench: centroids, the cold judge and (in ``fitted``) heads, by its own stages."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.compare.judged import JudgedPaper
from benchmarks.compare.rules import nearest
from benchmarks.compare.spec import Scored
from ranker.backends.faiss import inner_products
from ranker.backends.heads import HeadsJudge
from ranker.libraries import profile_from_library
from ranker.profile import Profile, parse_profile
from ranker.protocols import Encoder
from ranker.route import centroid_texts, route
from ranker.text import document_text, text_hash
from ranker.types import Candidate, Judgment, Paper, Route, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.heads.model import Heads


def encode(encoder: Encoder, texts: Sequence[str], kind: TextKind = "document") -> NDArray[np.float32]:
    """Unit vectors (n, d) of texts, in order, nothing reused."""
    vectors = np.zeros((len(texts), encoder.info.dimension), dtype=np.float32)
    for rows, found in encoder.encode(texts, kind):
        vectors[rows] = found
    return vectors


class DescriptionCentroids:
    """A field is the vector of its description; a paper is worth its best cosine. Nothing is fitted."""

    def __init__(self, profile: Profile, encoder: Encoder) -> None:
        texts = [" ".join(f.description.split()) for f in profile.fields]
        self._centroids = encode(encoder, texts, "query").astype(np.float64)

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        """Descriptions need no judged papers."""

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        return nearest(vectors, self._centroids, np.arange(len(self._centroids)))


class Router:
    """ranker's router over a profile, with the centroids embedded once."""

    def __init__(self, profile: Profile, encoder: Encoder) -> None:
        self.profile = profile
        self._texts = centroid_texts(profile)
        self._centroids = np.zeros((len(self._texts), encoder.info.dimension), dtype=np.float32)
        kinds: tuple[TextKind, ...] = ("query", "document")
        for kind in kinds:
            rows = [i for i, t in enumerate(self._texts) if t.kind == kind]
            if rows:
                self._centroids[rows] = encode(encoder, [self._texts[i].text for i in rows], kind)

    def routes(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> list[Route]:
        return route(papers, vectors, self.profile, self._texts, self._centroids, inner_products)

    def candidates(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> list[Candidate]:
        """One a paper, unrouted ones included (see ``Route.routed``)."""
        return [
            Candidate(p, r, text_hash(p.title, p.abstract), v.astype(np.float32).tobytes())
            for p, r, v in zip(papers, self.routes(papers, vectors), vectors, strict=True)
        ]


class BuiltInJudge:
    """The judge that ships: cold without heads, else by them; an unrouted paper has no score."""

    def __init__(self, profile: Profile, encoder: Encoder, *, router: Router | None = None) -> None:
        self.router = router or Router(profile, encoder)
        self._encoder = encoder
        self.heads: Heads | None = None

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        """The cold judge learns nothing."""

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        judge = HeadsJudge(self.router.profile, self._encoder.info, self.heads)
        candidates = self.router.candidates(papers, vectors)
        return collect(candidates, judge.judge([c for c in candidates if c.route.routed]), self.router.profile)


class LibraryProfile:
    """The newest 300 picks as a library, made a profile by ``ranker profile from-library``, judged cold; nobody edits
    it. It speaks of fields of its own, so it says nothing of the judge's.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        liked = sorted((i for i, p in enumerate(papers) if p.picked), key=lambda i: papers[i].day)[-300:]
        entries = [_Entry(papers[i].paper) for i in liked]
        known = {document_text(papers[i].paper.title, papers[i].paper.abstract): vectors[i] for i in liked}
        text = profile_from_library(entries, _Known(self._encoder, known))
        made = parse_profile(tomllib.loads(text), file="library.toml", text=text)
        self._judge = BuiltInJudge(made, self._encoder)
        self.notes = {"note": f"{len(made.fields)} fields made of {len(liked)} picks"}

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored:
        said = self._judge.score(papers, vectors)
        return dataclasses.replace(said, field=np.full(len(papers), -1))


class _Entry:
    """A judged paper as a library's entry."""

    def __init__(self, paper: Paper) -> None:
        self.title, self.abstract, self.authors = paper.title, paper.abstract, paper.authors
        self.arxiv_id: str | None = paper.arxiv_id
        self.keywords: tuple[str, ...] = ()


class _Known:
    """An encoder that looks up what was embedded before."""

    def __init__(self, encoder: Encoder, known: Mapping[str, NDArray[np.float32]]) -> None:
        self.info, self._known = encoder.info, known

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        yield np.arange(len(texts)), np.stack([self._known[t] for t in texts])


def collect(candidates: Sequence[Candidate], outcomes: object, profile: Profile) -> Scored:
    """Judge outcomes -> scores in the candidates' order; a routed paper without a judgment has failed."""
    place = {c.paper.arxiv_id: i for i, c in enumerate(candidates)}
    field_of = {f: i for i, f in enumerate(profile.field_names)}
    score = np.full(len(candidates), np.nan)
    chance = np.full(len(candidates), np.nan)
    field = np.array([field_of.get(c.route.field or "", -1) for c in candidates])
    failed = np.array([c.route.routed for c in candidates])
    for outcome in outcomes:  # type: ignore[attr-defined]
        if isinstance(outcome, Judgment):
            i = place[outcome.arxiv_id]
            score[i], failed[i], field[i] = outcome.relevance, False, field_of[outcome.field]
            chance[i] = np.nan if outcome.p_recommended is None else outcome.p_recommended
    similarity = [c.route.similarity for c in candidates]
    return Scored.of(score, similarity=similarity, chance=chance, field=field, failed=failed)
