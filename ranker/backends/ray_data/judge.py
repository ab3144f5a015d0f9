"""A language-model judge over a pool: each replica holds a judge with its own generator; keys are made here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ranker import evidence
from ranker.backends.ray_data.cluster import Cluster, Share
from ranker.backends.ray_data.pool import cause, run, split
from ranker.backends.ray_data.settings import AS_MODEL_NEEDS
from ranker.config import Config
from ranker.errors import BackendError
from ranker.judging.judge import LanguageModelJudge
from ranker.profile import Profile
from ranker.protocols import Completion, Generator, GeneratorInfo, Judge, LabelReading
from ranker.types import Candidate, JudgeOutcome, Paper, Route, Texts, Unscored, Usage

Work = tuple[Literal["judge", "write"], list[Candidate]]
Outcomes = tuple[list[Any], Usage]


@dataclass(frozen=True, slots=True)
class JudgeRecipe:
    """Opens the judge anew elsewhere. ``open_generator`` must pickle (a function's name, or a partial of one).

    ``identity``: the driver's, so that no other weights or templates answer under its keys; None: not asked for.
    """

    config: Config
    profile: Profile
    open_generator: Callable[[], Generator]
    identity: str | None = None

    def judge(
        self, generator: Generator, built_in: Callable[[], Judge] | None = None, record: Path | None = None
    ) -> LanguageModelJudge:
        from ranker.backends.language_model import language_model_judge

        return language_model_judge(self.config, self.profile, generator, built_in=built_in, record=record)

    def __call__(self) -> Callable[[Work], Outcomes]:
        # What comes after the store is the driver's: a replica needs no file of it.
        plain = dataclasses.replace(self.config, judging={**self.config.judging, "calibration": "", "blend": 0.0})
        judge = dataclasses.replace(self, config=plain).judge(self.open_generator())
        if self.identity not in (None, identity(judge, self.profile)):
            raise BackendError(
                "the model or the templates on this machine are others than the driver's",
                where=judge.name,
                todo="give every machine the same model folder, prompt templates and versions",
            )
        return lambda work: work_on(judge, *work)

    def describe(self) -> GeneratorInfo:
        """Who the generator is; opened and closed for that."""
        generator = self.open_generator()
        try:
            return generator.info
        finally:
            generator.close()


def identity(judge: Judge, profile: Profile) -> str:
    """All that shapes a judge's answers, as one string: its keys for a blank paper of every field."""
    blank = Paper("blank", "", "")
    routes = [Route(f, 0.0, None, 1.0, True, ()) for f in profile.field_names]
    return " ".join(f"{judge.key(c)} {judge.text_key(c)}" for c in (Candidate(blank, r, "", b"") for r in routes))


def work_on(judge: LanguageModelJudge, what: Literal["judge", "write"], candidates: Sequence[Candidate]) -> Outcomes:
    """A block's outcomes or texts, and the tokens that they took."""
    before = judge.usage
    results: list[Any] = list(judge.judge(candidates) if what == "judge" else judge.write(candidates))
    return results, judge.usage - before


class RayJudge:
    """A `Judge` and a `ModelJudge`. Readings come from replicas; the driver loads no model, and asks one who it is.

    Which papers share a batch depends on the blocks, so a model's readings agree with the local engine's as far as its
    readings don't depend on their batch.
    """

    uses_language_model = True

    def __init__(
        self,
        recipe: JudgeRecipe,
        cluster: Cluster,
        *,
        gpus: float,
        built_in: Callable[[], Judge] | None = None,
        record: Path | None = None,
    ) -> None:
        """Ask who the model is.

        Args:
            gpus: of a replica where the settings leave it to the model.
            built_in: opens the judge that is blended in.
            record: the file that remembers what anchors scored.

        Raises:
            BackendError: the generator can't be opened in the cluster.
        """
        s = cluster.settings
        self._recipe, self._cluster = recipe, cluster
        each = gpus if s.judge_gpus == AS_MODEL_NEEDS else s.judge_gpus
        self._share = Share("judge", s.judge_replicas, s.judge_cpus, each)
        self._here = recipe.judge(_Described(self._ask()), built_in, record)
        self._recipe = dataclasses.replace(recipe, identity=identity(self._here, recipe.profile))
        self._order = {name: i for i, name in enumerate(recipe.profile.field_names)}
        self._spent = {"score": Usage(), "write": Usage()}

    @property
    def name(self) -> str:
        return self._here.name

    @property
    def scale(self) -> str:
        return self._here.scale

    @property
    def hashes(self) -> Mapping[str, str]:
        return self._here.hashes

    @property
    def usage(self) -> Usage:
        return sum(self._spent.values(), Usage())

    @property
    def usage_by_pass(self) -> dict[str, Usage]:
        return dict(self._spent)

    def start(self) -> None:
        """Nothing to prepare: replicas begin with their first block."""

    def check(self, candidates: Sequence[Candidate]) -> tuple[str, ...]:
        """Anchors that moved; scored by replicas, compared here."""
        return self._here.check(candidates, lambda anchors: self._outcomes(anchors, "anchors"))

    def adjust(
        self, candidates: Sequence[Candidate], outcomes: Mapping[str, JudgeOutcome]
    ) -> tuple[dict[str, JudgeOutcome], tuple[str, ...]]:
        return self._here.adjust(candidates, outcomes)

    def engine_notes(self) -> tuple[str, ...]:
        """Nothing: replicas and their engines are gone when their pass is over."""
        return ()

    def key(self, candidate: Candidate) -> str:
        return self._here.key(candidate)

    def text_key(self, candidate: Candidate) -> str | None:
        return self._here.text_key(candidate)

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        """One outcome a candidate, a block at a time; `Unscored` where no replica could do its block.

        Raises:
            BackendError: no replica could do anything.
        """
        return self._outcomes(candidates, "score")

    def _outcomes(self, candidates: Sequence[Candidate], name: str) -> Iterator[JudgeOutcome]:
        for block, found, error in self._run("judge", candidates, name):
            if error is not None:
                yield from (Unscored(c.paper.arxiv_id, "error", error, self.name) for c in block)
            else:
                yield from found

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        """Texts a block at a time; where a block failed, quoted evidence that is marked as such."""
        for block, found, error in self._run("write", candidates, "write"):
            if error is not None:
                reasons = ((c, evidence.reason(c, self._recipe.profile)) for c in block)
                yield from (Texts(c.paper.arxiv_id, "evidence", reason=r, failed=("error",)) for c, r in reasons)
            else:
                yield from found

    def close(self) -> None:
        """Nothing is held: replicas end with their pass."""

    def _run(
        self, what: Literal["judge", "write"], candidates: Sequence[Candidate], name: str
    ) -> Iterator[tuple[list[Candidate], list[Any], str | None]]:
        if not candidates:
            return
        # Field by field, so that a block's prompts share their heads.
        rows = sorted(candidates, key=lambda c: (self._order.get(c.route.field or "", 0), c.paper.arxiv_id))
        parts = split(len(rows), self._cluster.room(self._share), self._cluster.settings.judge_rows)
        blocks: list[Work] = [(what, [rows[i] for i in part]) for part in parts]
        for done in run(self._cluster, self._share, self._recipe, blocks):
            found, usage = done.result if done.error is None else ([], Usage())
            self._spent[name] = self._spent.get(name, Usage()) + usage
            yield blocks[done.number][1], found, done.error

    def _ask(self) -> GeneratorInfo:
        self._cluster.room(self._share)
        ray = self._cluster.ray()
        task = ray.remote(max_retries=1, **self._share.options())(JudgeRecipe.describe)
        try:
            info: GeneratorInfo = ray.get(task.remote(self._recipe))
        except ray.exceptions.RayError as error:
            raise BackendError(
                f"the language model can't be opened in the cluster: {cause(error)}",
                where="--engine ray, judge",
                todo="the model's folder and its backend must be on every machine; try --engine local on one of them",
            ) from error
        return info


@dataclass(slots=True)
class _Described:
    """Stands in for a generator where only its name is needed: keys and hashes are made of that."""

    info: GeneratorInfo
    usage: Usage = field(default_factory=Usage)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        raise NotImplementedError("the driver holds no language model")

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        raise NotImplementedError("the driver holds no language model")

    def read_labels(self, prompts: object, labels: Sequence[str]) -> Iterator[LabelReading]:
        raise NotImplementedError("the driver holds no language model")

    def write(self, prompts: object, options: object) -> Iterator[Completion]:
        raise NotImplementedError("the driver holds no language model")

    def close(self) -> None:
        """Nothing is held."""
