"""Anchors: invented papers that every run scores. Where they move, the model, the prompt or the engine has changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ranker.errors import ConfigError
from ranker.judging.files import write_text
from ranker.protocols import Judge
from ranker.types import Candidate, JudgeOutcome, Judgment, Paper, Route

_PREFIX = "anchor/"


@dataclass(frozen=True, slots=True)
class Anchor:
    """An invented paper for one field. ``name``: how an alarm calls it."""

    name: str
    field: str
    title: str
    abstract: str

    def candidate(self) -> Candidate:
        """Routed to its field without any doubt, so that only the model is measured."""
        paper = Paper(arxiv_id=f"{_PREFIX}{self.name}", title=self.title, abstract=self.abstract)
        route = Route(self.field, 1.0, None, 2.0, True, ((self.field, 1.0),))
        return Candidate(paper, route, "", b"")


def load_anchors(path: Path) -> tuple[Anchor, ...]:
    """Anchors from a JSON-lines file with name, field, title and abstract.

    Raises:
        ConfigError: names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", where=str(path), todo="name another file") from error
    anchors = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                anchors.append(Anchor(*(str(row[k]) for k in ("name", "field", "title", "abstract"))))
            except (ValueError, KeyError, TypeError) as error:
                todo = "give name, field, title and abstract"
                raise ConfigError(f"is no anchor ({error})", where=f"{path}:{number}", todo=todo) from error
    return tuple(anchors)


def moved(outcomes: Sequence[JudgeOutcome], expected: Mapping[str, float], tolerance: float) -> tuple[str, ...]:
    """One line for every anchor that moved by more than ``tolerance`` or could not be scored; empty if all stand.

    ``expected``: anchor name -> relevance; an anchor that is not in it is new and can't have moved.
    """
    lines = []
    for outcome in sorted(outcomes, key=lambda o: o.arxiv_id):
        name = outcome.arxiv_id.removeprefix(_PREFIX)
        if not isinstance(outcome, Judgment):
            lines.append(f"anchor {name!r} could not be scored: {outcome.kind}: {outcome.detail}")
        elif name in expected and abs(outcome.relevance - expected[name]) > tolerance:
            lines.append(
                f"anchor {name!r} moved from {expected[name]:.2f} to {outcome.relevance:.2f} (tolerance {tolerance:g})"
            )
    return tuple(lines)


def check(judge: Judge, anchors: Sequence[Anchor], record: AnchorRecord, tolerance: float) -> tuple[str, ...]:
    """Score the anchors and compare with the record; what moved, one line each. New ones are remembered.

    A change of model, prompt or field changes the judge's key, and so starts anew.
    """
    candidates = {a.candidate().paper.arxiv_id: a.candidate() for a in anchors}
    names = {i: f"{i.removeprefix(_PREFIX)} {judge.key(c)[:12]}" for i, c in candidates.items()}
    outcomes = [
        dataclasses.replace(o, arxiv_id=_PREFIX + names[o.arxiv_id]) for o in judge.judge(list(candidates.values()))
    ]
    lines = moved(outcomes, record.expected(judge.name), tolerance)
    record.keep(judge.name, outcomes)
    return lines


class AnchorRecord:
    """What anchors scored when they were first seen, by judge: a small JSON file beside the store.

    A change of model or prompt starts a new record: an alarm means that the same judge answers differently.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def expected(self, judge: str) -> dict[str, float]:
        return {str(k): float(v) for k, v in self._read().get(judge, {}).items()}

    def keep(self, judge: str, outcomes: Sequence[JudgeOutcome]) -> None:
        """Remember anchors that are new for this judge; what is known stays."""
        record = self._read()
        known = record.setdefault(judge, {})
        for outcome in outcomes:
            if isinstance(outcome, Judgment):
                known.setdefault(outcome.arxiv_id.removeprefix(_PREFIX), outcome.relevance)
        write_text(self._path, json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n")

    def _read(self) -> dict[str, dict[str, float]]:
        if not self._path.is_file():
            return {}
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"is not JSON ({error})", where=str(self._path), todo="remove it") from error
        return record if isinstance(record, dict) else {}
