"""Anchors: invented papers that every run scores. Where they move, the model, the prompt or the engine has changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ranker.errors import ConfigError, RankerError
from ranker.files import write_whole
from ranker.text import text_hash
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
        return Candidate(paper, route, text_hash(self.title, self.abstract), b"")


def load_anchors(path: Path) -> tuple[Anchor, ...]:
    """Anchors from a JSON-lines file with name, field, title and abstract.

    Raises:
        ConfigError: names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't be read ({error})", where=str(path), todo="name another file") from error
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


_SAID = {
    "zh": (
        "锚点论文 {name} 未能评分：{why}",
        "锚点论文 {name} 的相关度由 {old:.2f} 变为 {new:.2f}（容差 {tolerance:g}）：模型、引擎或其设置可能已改变",
    ),
    "en": (
        "anchor {name} could not be scored: {why}",
        "anchor {name} moved from {old:.2f} to {new:.2f} (tolerance {tolerance:g}): model or engine may differ",
    ),
}


def moved(
    outcomes: Sequence[JudgeOutcome], expected: Mapping[str, float], tolerance: float, language: str = "zh"
) -> tuple[str, ...]:
    """One line for every anchor that moved by more than ``tolerance`` or could not be scored; empty if all stand.

    ``expected``: anchor name -> relevance; an anchor that is not in it is new and can't have moved.
    """
    unscored, shifted = _SAID["zh" if language == "zh" else "en"]
    lines = []
    for outcome in sorted(outcomes, key=lambda o: o.arxiv_id):
        key = outcome.arxiv_id.removeprefix(_PREFIX)
        name = repr(key.partition(" ")[0])
        if not isinstance(outcome, Judgment):
            lines.append(unscored.format(name=name, why=f"{outcome.kind}: {outcome.detail}"))
        elif key in expected and abs(outcome.relevance - expected[key]) > tolerance:
            lines.append(shifted.format(name=name, old=expected[key], new=outcome.relevance, tolerance=tolerance))
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Watch:
    """Anchors with their record: what a judge scores beside its papers."""

    anchors: tuple[Anchor, ...]
    record: AnchorRecord
    tolerance: float
    language: str = "zh"

    def check(
        self,
        name: str,
        key: Callable[[Candidate], str],
        judge: Callable[[Sequence[Candidate]], Iterable[JudgeOutcome]],
        fields: Iterable[str] | None = None,
    ) -> tuple[str, ...]:
        """Score the anchors of ``fields`` (None: all) and compare with the record of the judge called ``name``.

        What moved comes back, one line each; new anchors are remembered. A change of model, prompt, field or of the
        anchor's own text changes its key, and so starts anew.
        """
        wanted = None if fields is None else set(fields)
        chosen = [a.candidate() for a in self.anchors if wanted is None or a.field in wanted]
        if not chosen:
            return ()
        names = {c.paper.arxiv_id: _key(c, key(c)) for c in chosen}
        outcomes = [dataclasses.replace(o, arxiv_id=names[o.arxiv_id]) for o in judge(chosen)]
        lines = moved(outcomes, self.record.expected(name), self.tolerance, self.language)
        self.record.keep(name, outcomes)
        return lines


def _key(candidate: Candidate, key: str) -> str:
    shape = hashlib.sha256(f"{key}\0{candidate.text_hash}".encode()).hexdigest()
    return f"{candidate.paper.arxiv_id} {shape[:12]}"


class AnchorRecord:
    """What anchors scored when they were first seen, by judge: a small JSON file beside the store.

    A change of model or prompt starts a new record: an alarm means that the same judge answers differently.

    Raises:
        ConfigError: the file can't be read, or holds something else; from every method.
        RankerError: it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def expected(self, judge: str) -> dict[str, float]:
        return self._read().get(judge, {})

    def keep(self, judge: str, outcomes: Sequence[JudgeOutcome]) -> None:
        """Remember anchors that are new for this judge; what is known stays."""
        record = self._read()
        known = record.setdefault(judge, {})
        for outcome in outcomes:
            if isinstance(outcome, Judgment):
                known.setdefault(outcome.arxiv_id.removeprefix(_PREFIX), outcome.relevance)
        try:
            write_whole(self._path, json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
        except OSError as error:
            todo = "free some space, or set anchors = false in [judging]; what was judged is stored"
            raise RankerError(f"can't be written ({error.strerror})", where=str(self._path), todo=todo) from error

    def _read(self) -> dict[str, dict[str, float]]:
        if not self._path.is_file():
            return {}
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(j): {str(k): float(v) for k, v in known.items()} for j, known in record.items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"is no record of anchors ({error})", where=str(self._path), todo="remove it") from error
