"""A generator that remembers what it was asked and answers by rule, a profile, and candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ranker import resources
from ranker.errors import BackendError
from ranker.judging.judge import LanguageModelJudge
from ranker.judging.prompts import load_templates
from ranker.judging.settings import JudgeSettings
from ranker.profile import Field, Profile, Recommend, Topic
from ranker.protocols import Completion, Generator, GeneratorInfo, LabelReading, Prompt, WriteOptions
from ranker.types import Candidate, Paper, Route, Usage

PROMPTS = resources.config_dir() / "prompts"
PROFILE = Profile(
    name="two",
    title="Two fields",
    fields=(
        Field(
            "缓存",
            "KV cache compression.",
            ("Eviction of keys.",),
            ("KV cache", "eviction"),
            exclude=("network cache",),
        ),
        Field("安全", "Jailbreaks and defences.", (), ("jailbreak",)),
    ),
    recommend=Recommend(top_n=5),
    unwanted=(Topic("医疗", "Medicine.", ("MRI",)),),
)
Answer = Callable[[Prompt], tuple[float, ...] | str]
Words = Callable[[Prompt, WriteOptions], str]


def one_label(label: int, mass: float = 1.0) -> tuple[float, ...]:
    return tuple(mass if i == label else 0.0 for i in range(10))


@dataclass
class ScriptedGenerator:
    """``answer``: probabilities or an error text for a prompt; ``words``: a text, ``…`` at its end meaning cut off.

    Tokens are words split at spaces. ``dies_after``: readings until the backend fails.
    """

    answer: Answer = lambda prompt: one_label(5)
    words: Words = lambda prompt, options: ""
    context: int = 4096
    dies_after: int | None = None
    reverse: bool = False
    asked: list[Prompt] = field(default_factory=list)
    written: list[tuple[Prompt, WriteOptions]] = field(default_factory=list)
    revision: str = "0123456789abcdef"
    tuned_for: str = ""
    usage: Usage = Usage()
    closed: bool = False

    @property
    def info(self) -> GeneratorInfo:
        return GeneratorInfo("scripted", "tiny", self.revision, "1", self.context, "float32", tuned_for=self.tuned_for)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        if "two tokens" in labels:
            raise BackendError("labels can't be read as one token each")
        return tuple(labels)

    def read_labels(self, prompts: Iterable[Prompt], labels: Sequence[str]) -> Iterator[LabelReading]:
        found = list(prompts)
        for number, prompt in enumerate(reversed(found) if self.reverse else found):
            if self.dies_after is not None and number >= self.dies_after:
                raise BackendError("the engine died")
            self.asked.append(prompt)
            self.usage = self.usage + Usage(len(prompt.body.split()), 0, 1)
            answer = self.answer(prompt)
            if isinstance(answer, str):
                yield LabelReading(prompt.key, (), error=answer)
            else:
                yield LabelReading(prompt.key, answer)

    def write(self, prompts: Iterable[Prompt], options: WriteOptions) -> Iterator[Completion]:
        for prompt in prompts:
            self.written.append((prompt, options))
            text = self.words(prompt, options)
            self.usage = self.usage + Usage(1, 0, len(text))
            yield Completion(prompt.key, text.removesuffix("…"), "length" if text.endswith("…") else "stop")

    def close(self) -> None:
        self.closed = True


def candidate(
    number: int = 1,
    *,
    field: str = "缓存",
    second: str | None = "安全",
    margin: float = 0.5,
    title: str = "A title",
    abstract: str = "We evict keys. It is fast.",
) -> Candidate:
    paper = Paper(arxiv_id=f"2601.{number:05d}", title=title, abstract=abstract, version=1)
    route = Route(field, 0.6, second, margin, True, ((field, 0.6),))
    return Candidate(paper, route, f"hash{number}", b"")


def judge_of(
    generator: Generator, settings: JudgeSettings | None = None, *, profile: Profile = PROFILE, **more: Any
) -> LanguageModelJudge:
    settings = settings or JudgeSettings()
    templates = load_templates(settings, profile, PROMPTS)
    return LanguageModelJudge(
        generator, profile, templates, settings, evidence=lambda c: f"依据：归入{c.route.field}", **more
    )
