"""A first look at very many papers that costs a hundredth of embedding them: only the nearest go through the encoder.

A static encoder has a vector for every token, made once by the real encoder; a paper's is their weighted mean. With
these vectors papers are routed as with any others, keywords included. What is dropped is unrouted, and said to be.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ranker.profile import Profile
from ranker.progress import Tally
from ranker.route import Search, centroid_texts, route
from ranker.text import document_text
from ranker.types import Paper, Ranking, Route

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = 5000
"""Stored papers from which a static encoder takes the tokens' frequencies."""

PREFILTERED = "prefilter"
"""How the detail of a paper begins that is unrouted because the prefilter dropped it."""


class StaticEncoder(Protocol):
    """Text -> unit vectors without a model's forward; a text's vector does not depend on its company."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimension) float32; rows of zeros for texts without a known token."""
        ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of n papers are embedded. ``keeps`` (n,) bool, ``nearness`` (n,) float32, ``field`` (n,) int16: the place
    of the nearest field; ``cut``: the least nearness that was let through.
    """

    keeps: NDArray[np.bool_]
    nearness: NDArray[np.float32]
    field: NDArray[np.int16]
    fields: tuple[str, ...]
    share: float
    cut: float

    def part(self, start: int, stop: int) -> Selection:
        """The same of a slice of the papers."""
        here = slice(start, stop)
        return dataclasses.replace(self, keeps=self.keeps[here], nearness=self.nearness[here], field=self.field[here])

    def routes(self, found: Sequence[Route]) -> list[Route]:
        """Routes of all papers, from those of the papers that are kept (in their order)."""
        source = iter(found)
        return [next(source) if kept else self._dropped(i) for i, kept in enumerate(self.keeps.tolist())]

    def _dropped(self, i: int) -> Route:
        return Route(self.fields[self.field[i]], float(self.nearness[i]), None, 0.0, False, ())

    def explain(self, papers: Sequence[Paper], settled: Sequence[Ranking]) -> list[Ranking]:
        """Rankings of dropped papers have no similarity (none was computed), and say why they are unrouted."""
        dropped = {p.versioned_id: i for i, p in enumerate(papers) if not self.keeps[i]}
        result = []
        for r in settled:
            at = dropped.get(r.paper.versioned_id)
            if at is not None:
                r = dataclasses.replace(r, similarity=None, margin=None)
                if r.outcome == "unrouted":
                    detail = f"{PREFILTERED}: static nearness {self.nearness[at]:.4f} < {self.cut:.4f} ({r.field})"
                    r = dataclasses.replace(r, detail=detail)
            result.append(r)
        return result

    def notes(self, unrouted: int, language: str) -> tuple[str, ...]:
        """What the digest's foot says; ``unrouted``: how many ended so because of it (the others it dropped are
        duplicates and vetoed papers).
        """
        dropped, total = int((~self.keeps).sum()), len(self.keeps)
        if language == "en":
            first = f"the prefilter (share {self.share:g}) dropped {dropped} of {total} papers before the encoder"
            return (f"{first}; {unrouted} of them are counted as unrouted",)
        return (f"预筛（份额 {self.share:g}）：{total} 篇中有 {dropped} 篇未经编码器，其中 {unrouted} 篇计入未归类",)


class Prefilter:
    """Cold evidence (`ranker.cold`) for papers from static vectors: the router's own, on cheaper vectors."""

    def __init__(self, static: StaticEncoder, profile: Profile, search: Search) -> None:
        self._static, self._profile, self._search = static, profile, search
        self._texts = centroid_texts(profile)
        self._centroids = static.vectors([t.text for t in self._texts])
        self._places = {name: i for i, name in enumerate(profile.field_names)}

    def nearness(self, papers: Sequence[Paper]) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """(n,) evidence for the profile, and (n,) the place of the nearest field."""
        vectors = self._static.vectors([document_text(p.title, p.abstract) for p in papers])
        routes = route(papers, vectors, self._profile, self._texts, self._centroids, self._search)
        fields = [self._places[r.field or max(r.similarities, key=lambda s: s[1])[0]] for r in routes]
        evidence = [r.evidence.total if r.evidence else -1.0 for r in routes]
        return np.array(evidence, dtype=np.float32), np.array(fields, dtype=np.int16)

    def select(self, pages: Iterable[Sequence[Paper]], share: float, tally: Tally) -> Selection:
        """The nearest ``share`` of all papers, rounded up; of equal ones the first. Six bytes a paper in memory."""
        if not 0.0 < share <= 1.0:
            raise ValueError(f"share must lie in (0, 1], not {share}")
        parts = [(np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int16))]
        for papers in pages:
            parts.append(self.nearness(papers))
            tally.advance(len(papers))
        nearness = np.concatenate([n for n, _ in parts])
        count = math.ceil(share * len(nearness))
        kept = np.argsort(-nearness, kind="stable")[:count]
        keeps = np.zeros(len(nearness), dtype=np.bool_)
        keeps[kept] = True
        cut = float(nearness[kept[-1]]) if count else 0.0
        fields = np.concatenate([f for _, f in parts])
        return Selection(keeps, nearness, fields, self._profile.field_names, share, cut)
