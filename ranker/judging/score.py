"""Pass 1: one label per paper and field, streamed. Each candidate yields one outcome when its last reading is in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ranker.errors import BackendError
from ranker.judging.budget import fit_bodies
from ranker.judging.paper import Reading, flag, prepare
from ranker.judging.prompts import Heads
from ranker.judging.reading import Read, read
from ranker.judging.settings import JudgeSettings
from ranker.protocols import Generator, LabelReading, Prompt
from ranker.types import Candidate

_WINDOW = 128
"""Papers prepared together: enough to count tokens in one call, few enough that the generator starts at once."""


@dataclass(frozen=True, slots=True)
class Task:
    """One prompt: a candidate (its position), a field, with suspect spans (``plain``) or without."""

    position: int
    field: str
    plain: bool

    @property
    def key(self) -> str:
        return f"{self.position}|{'plain' if self.plain else 'read'}|{self.field}"


@dataclass(slots=True)
class Scored:
    """All readings of one candidate. ``reads``: field -> what was read, or (kind, detail) of the failure.

    ``plain``: field -> relevance with the suspect spans left in, for the record only.
    """

    candidate: Candidate
    open: set[str]
    reads: dict[str, Read | tuple[str, str]] = field(default_factory=dict)
    plain: dict[str, float] = field(default_factory=dict)
    suspicious: tuple[str, ...] = ()
    cut: bool = False
    missing: set[str] = field(default_factory=set)

    def best(self) -> tuple[str, Read] | None:
        """The field that the paper counts for: the one with the highest relevance, the router's first of equals."""
        good = [(name, r) for name, r in self.reads.items() if isinstance(r, Read)]
        first = self.candidate.route.field
        return max(good, key=lambda pair: (pair[1].relevance, pair[0] == first), default=None)

    def flags(self) -> tuple[str, ...]:
        found = [flag(self.suspicious)] if self.suspicious else []
        return (*found, *(["abstract cut to the token budget"] if self.cut else []))


def score(
    candidates: Sequence[Candidate],
    fields: Sequence[Sequence[str]],
    generator: Generator,
    heads: Heads,
    settings: JudgeSettings,
) -> Iterator[Scored]:
    """Every candidate once, as it is finished. ``fields[i]``: names of the fields that candidate i is judged for.

    Prompts go out sorted by field, so that heads are shared. A generator that dies leaves the rest as failures.
    """
    return _Scoring(candidates, fields, generator, heads, settings).run()


class _Scoring:
    def __init__(
        self,
        candidates: Sequence[Candidate],
        fields: Sequence[Sequence[str]],
        generator: Generator,
        heads: Heads,
        settings: JudgeSettings,
    ) -> None:
        self._candidates, self._generator, self._heads, self._settings = candidates, generator, heads, settings
        self._scored = [Scored(c, set()) for c in candidates]
        self._tasks: dict[str, Task] = {}
        self._early: deque[tuple[Task, str]] = deque()  # too long for the context: never sent
        order = {f.name: i for i, f in enumerate(heads.profile.fields)}
        planned = [Task(i, name, False) for i, names in enumerate(fields) for name in names]
        self._planned = sorted(planned, key=lambda t: (order.get(t.field, 0), candidates[t.position].paper.arxiv_id))
        for task in self._planned:
            self._scored[task.position].open.add(task.key)

    def run(self) -> Iterator[Scored]:
        labels = self._heads.template.labels
        try:
            for reading in self._generator.read_labels(self._prompts(), labels):
                yield from self._refused()
                task = self._tasks.pop(reading.key, None)
                if task is None:
                    raise BackendError(
                        f"the generator answered {reading.key!r}, which was not asked or answered before"
                    )
                yield from self._take(task, reading)
            lost = "the generator ended without a reading of this paper"
        except BackendError as error:
            lost = str(error)
        yield from self._refused()
        for scored in self._scored:
            if scored.open:
                for task in self._planned:
                    if task.key in scored.open:
                        scored.reads.setdefault(task.field, ("error", lost))
                scored.open.clear()
                yield scored

    def _prompts(self) -> Iterator[Prompt]:
        for start in range(0, len(self._planned), _WINDOW):
            window = self._planned[start : start + _WINDOW]
            pairs = [pair for task in window for pair in self._readings(task)]
            template = self._heads.template
            heads = {t.field: self._heads.head(t.field) for t, _ in pairs}
            rooms = {name: self._room(head) for name, head in heads.items()}
            for name, head in heads.items():
                mine = [(t, r) for t, r in pairs if t.field == name]
                papers = [(r.title, r.abstract) for _, r in mine]
                bodies = fit_bodies(template, papers, rooms[name], self._generator.count_tokens)
                for (task, _), body in zip(mine, bodies, strict=True):
                    if body is None:
                        self._early.append(
                            (task, f"{rooms[name]} tokens are left for the paper, too few for its title")
                        )
                        continue
                    self._scored[task.position].cut |= body[1]
                    self._tasks[task.key] = task
                    yield Prompt(task.key, head, body[0])

    def _readings(self, task: Task) -> Iterator[tuple[Task, Reading]]:
        paper, scored = self._candidates[task.position].paper, self._scored[task.position]
        masked = self._settings.mask_suspicious
        reading = prepare(paper, masked=masked)
        scored.suspicious = reading.suspicious
        yield task, reading
        if reading.suspicious and masked:
            plain = Task(task.position, task.field, True)
            scored.open.add(plain.key)
            yield plain, Reading(paper.title, paper.abstract, reading.suspicious)

    def _room(self, head: str) -> int:
        """Tokens for the body: the setting, or what the context leaves after the head, the turns and the answer."""
        used = self._generator.count_tokens([head])[0] + 64
        return min(self._settings.max_paper_tokens, self._generator.info.max_context - used)

    def _refused(self) -> Iterator[Scored]:
        while self._early:
            task, why = self._early.popleft()
            yield from self._settle(task, ("too_long", why))

    def _take(self, task: Task, reading: LabelReading) -> Iterator[Scored]:
        found = read(reading, len(self._heads.template.labels), self._settings.min_mass)
        self._scored[task.position].missing.update(reading.missing)
        if isinstance(found, Read):
            yield from self._settle(task, found)
        else:
            yield from self._settle(task, ("error" if reading.error is not None else "no_label", found))

    def _settle(self, task: Task, found: Read | tuple[str, str]) -> Iterator[Scored]:
        scored = self._scored[task.position]
        if not task.plain:
            scored.reads[task.field] = found
        elif isinstance(found, Read):
            scored.plain[task.field] = found.relevance
        scored.open.discard(task.key)
        if not scored.open:
            yield scored
