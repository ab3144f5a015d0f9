"""What a contestant is asked to do, as it goes to its subprocess, and what comes back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Spec:
    """One row of the bench.

    ``row``: the kind of contestant (a key of ``contestants.ROWS``); ``encoder``: "embedded" or a folder; ``lm``:
    ``BACKEND=MODEL`` or ""; ``heads``: folder of fitted heads or "". ``curve``: numbers of judged days of the learning
    curve, each with ``draws`` random draws. ``lm_papers``: how many test papers a language model reads (0: all).
    """

    row: str
    data: str
    profile: str
    test_from: str
    test_until: str | None = None
    encoder: str = "embedded"
    lm: str = ""
    heads: str = ""
    seed: int = 0
    timed_papers: int = 64
    curve: tuple[int, ...] = ()
    draws: int = 5
    lm_papers: int = 120
    lm_reasons: int = 4

    @property
    def name(self) -> str:
        parts = [self.row]
        if self.lm:
            parts.append(Path(self.lm.partition("=")[2]).name)
        if self.encoder != "embedded":
            parts.append(Path(self.encoder).name)
        if self.heads:
            parts.append(Path(self.heads).name)
        return " · ".join(parts)

    def key(self, data_digest: str) -> str:
        """sha256 (hex) of all that was asked for; the code that answered is checked apart (see ``cache``)."""
        asked = dataclasses.asdict(self)
        # Where things lie is no part of what they are.
        for path in ("data", "profile"):
            asked.pop(path)
        asked["profile_text"] = Path(self.profile).read_text(encoding="utf-8")
        return hashlib.sha256(json.dumps([asked, data_digest], sort_keys=True).encode()).hexdigest()

    def dump(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def load(cls, text: str) -> Self:
        table = json.loads(text)
        return cls(**{**table, "curve": tuple(table["curve"])})


@dataclass(frozen=True, slots=True)
class Scored:
    """A contestant's word on n papers.

    ``score`` (n,) float64, NaN: none (unrouted or failed); ``similarity`` (n,) breaks ties and orders the unscored;
    ``chance`` (n,) P(recommended) or NaN; ``field`` (n,) index into the profile's fields, -1: says nothing of
    fields; ``failed`` (n,) bool; ``asked`` (n,) bool: False where a subsample left the paper out.
    """

    score: NDArray[np.float64]
    similarity: NDArray[np.float64]
    chance: NDArray[np.float64]
    field: NDArray[np.int64]
    failed: NDArray[np.bool_]
    asked: NDArray[np.bool_]

    @classmethod
    def of(cls, score: Any, **more: Any) -> Self:
        """From scores; what is not given says nothing."""
        n = len(score)
        values: dict[str, Any] = {
            "score": np.asarray(score, dtype=np.float64),
            "similarity": np.zeros(n),
            "chance": np.full(n, np.nan),
            "field": np.full(n, -1, dtype=np.int64),
            "failed": np.zeros(n, dtype=bool),
            "asked": np.ones(n, dtype=bool),
        }
        return cls(**{**values, **{k: np.asarray(v, dtype=values[k].dtype) for k, v in more.items()}})

    def save(self, path: Path) -> None:
        np.savez_compressed(
            path, allow_pickle=False, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        with np.load(path, allow_pickle=False) as found:
            return cls(**{f.name: found[f.name] for f in dataclasses.fields(cls)})


@dataclass(frozen=True, slots=True)
class Cost:
    """What a contestant cost. Seconds, papers/s, tokens/s, MiB; None: not measured or does not apply.

    ``start_s``: from the start of its process until it could take a paper (imports, weights), fitting left out;
    ``first_s``: until the first paper was scored. ``papers_s``: from text to score, nothing reused. ``fit_s``: of the
    fit, vectors given.
    """

    start_s: float
    first_s: float
    papers_s: float
    fit_s: float
    host_mib: float
    tokens_s: float | None = None
    gpu_mib: float | None = None
