"""What is done to judgments after the store: calibration and blending. Stored judgments hold what the model said."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ranker.errors import ConfigError
from ranker.judging.calibration import Calibration, adjust
from ranker.protocols import Judge
from ranker.types import Candidate, JudgeOutcome, Judgment


@dataclass(frozen=True, slots=True)
class After:
    """``blend``: weight (0-1) of ``built_in``'s relevance; 0 or no such judge leaves the language model alone."""

    calibration: Calibration | None = None
    blend: float = 0.0
    built_in: Judge | None = None
    calibration_hash: str = ""

    def describe(self) -> str:
        """What stands behind the model's name in the header; empty where nothing is done."""
        parts = ["calibrated"] if self.calibration is not None else []
        if self.blend > 0.0 and self.built_in is not None:
            parts.append(f"{self.blend:.0%} {self.built_in.name}")
        return f" + {', '.join(parts)}" if parts else ""

    def hashes(self) -> dict[str, str]:
        """For the report: the map's, and the built-in judge's own with the weight."""
        found = {"calibration": self.calibration_hash} if self.calibration is not None else {}
        if self.blend > 0.0 and self.built_in is not None:
            found["blend"] = f"{self.blend:g}"
            found |= {f"blend.{name}": value for name, value in self.built_in.hashes.items()}
        return found

    def adjust(self, candidates: Sequence[Candidate], outcomes: Mapping[str, JudgeOutcome]) -> dict[str, JudgeOutcome]:
        """Outcomes by versioned id, as they are ordered; failures stay failures.

        The built-in judge takes a moment for a whole day, so its judgments need no store here.
        """
        judged = [c for c in candidates if isinstance(outcomes.get(c.paper.versioned_id), Judgment)]
        built_in: dict[str, float] = {}
        if self.blend > 0.0 and self.built_in is not None:
            found = self.built_in.judge(judged)
            built_in = {o.arxiv_id: o.relevance for o in found if isinstance(o, Judgment)}
        result = dict(outcomes)
        for c in judged:
            outcome = outcomes[c.paper.versioned_id]
            assert isinstance(outcome, Judgment)
            result[c.paper.versioned_id] = adjust(outcome, self.calibration, self.blend, built_in.get(c.paper.arxiv_id))
        return result


def load_calibration(path: Path, judge: str) -> tuple[Calibration, str]:
    """A saved map and the hash of its file.

    Raises:
        ConfigError: no calibration, or one that was fitted for another judge than ``judge``.
    """
    found = Calibration.load(path)
    if found.judge != judge:
        raise ConfigError(
            f"was fitted for {found.judge}, and this judge is {judge}",
            where=str(path),
            todo="fit one for this judge with `ranker calibrate`, or leave judging.calibration empty",
        )
    return found, hashlib.sha256(path.read_bytes()).hexdigest()
