"""The built-in judge: no language model. Relevance from evidence (cold) or fitted heads, reasons from evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ranker import cold, evidence, resources
from ranker.errors import BackendError
from ranker.profile import Profile
from ranker.types import Candidate, EncoderInfo, Evidence, JudgeOutcome, Judgment, Texts, Usage

if TYPE_CHECKING:
    from ranker.heads.model import Heads

# Raise it when relevance or reasons change for the same inputs, so that stored outcomes are judged again.
_REVISION = "4"
_BATCH = 256


class HeadsJudge:
    """Judges from vectors, routes and texts alone; a paper's outcome never depends on the other papers of a run."""

    uses_language_model = False

    def __init__(self, profile: Profile, encoder: EncoderInfo, heads: Heads | None = None) -> None:
        self._profile = profile
        self._heads = heads
        fitted = heads.sha256 if heads is not None else "cold"
        self._hashes = {"heads": fitted, "background_topics": _file_hash(resources.background_topics())}
        self._hashes["roles"] = _file_hash(*sorted((resources.models_dir() / "roles").iterdir()))
        parts = (_REVISION, profile.content_hash(), encoder.key, *self._hashes.values())
        self._key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        self._name = f"heads:{fitted[:12]}" if heads is not None else "heads:cold"

    @property
    def name(self) -> str:
        return self._name

    @property
    def usage(self) -> Usage:
        return Usage()

    @property
    def hashes(self) -> Mapping[str, str]:
        return self._hashes

    def key(self, candidate: Candidate) -> str:
        if self._heads is None:
            return self._key
        # Fitted heads look at the authors (how many), which the text's hash does not cover.
        authors = "\0".join((self._key, *candidate.paper.authors))
        return hashlib.sha256(authors.encode()).hexdigest()

    def text_key(self, candidate: Candidate) -> str | None:
        return None  # the reason comes with the judgment

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        return iter(())

    def close(self) -> None:
        """Nothing is held."""

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        for start in range(0, len(candidates), _BATCH):
            batch = candidates[start : start + _BATCH]
            yield from self._cold(batch) if self._heads is None else self._fitted(batch, self._heads)

    def _cold(self, batch: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        for c in batch:
            found = _evidence(c)
            removed = {e.what for e in c.route.exclusions if e.kind == "field"}
            field = cold.best_field(found, self._profile, removed)
            yield self._judgment(c, field, cold.relevance(found), cold.probability(found))

    def _fitted(self, batch: Sequence[Candidate], heads: Heads) -> Iterator[JudgeOutcome]:
        from ranker.heads.features import cold_row

        found = [_evidence(c) for c in batch]
        predicted = heads.predict(
            [(c.paper.title, c.paper.abstract) for c in batch],
            [c.paper.authors for c in batch],
            np.stack([np.frombuffer(c.vector, dtype=np.float32) for c in batch]),
            np.array([cold_row(e) for e in found], dtype=np.float64),
        )
        for i, c in enumerate(batch):
            removed = {e.what for e in c.route.exclusions if e.kind == "field"}
            chances = {f: float(p) for f, p in zip(heads.fields, predicted.p_field[i], strict=True) if f not in removed}
            field = max(chances, key=lambda f: chances[f]) if chances else c.route.field or ""
            yield self._judgment(c, field, float(predicted.relevance[i]), float(predicted.p_recommended[i]))

    def _judgment(self, c: Candidate, field: str, relevance: float, chance: float | None) -> Judgment:
        detail = cold.describe_unwanted(c.route, self._profile)
        text = evidence.reason(c, self._profile, field=field)
        scored = distinct(relevance, c.text_hash)
        return Judgment(c.paper.arxiv_id, field, scored, text, self._name, p_recommended=chance, detail=detail)


def distinct(relevance: float, text_hash: str) -> float:
    """Relevance with at most 1e-9 taken off by the text's hash.

    Texts that differ only where the encoder does not look (beyond its length, in their case) would tie otherwise.
    """
    return relevance - 1e-9 * (int(text_hash[:12], 16) / 16**12)


def _file_hash(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _evidence(candidate: Candidate) -> Evidence:
    found = candidate.route.evidence
    if found is None:
        raise BackendError(f"no evidence came with {candidate.paper.arxiv_id}", todo="route papers with ranker.route")
    return found
