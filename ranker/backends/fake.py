"""A generator without a model, for tests and dry runs: same protocol, same suite; it remembers what it was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ranker.errors import BackendError
from ranker.protocols import Completion, GeneratorInfo, LabelReading, Prompt, WriteOptions
from ranker.types import Usage

_WORDS = ("本文", "提出", "一种", "方法", ",", "用", "于", "论文", "排序", ",", "结果", "更", "好")


@dataclass(slots=True)
class FakeGenerator:
    """Answers from a hash of the prompt, so that equal prompts get equal answers in any company.

    Tokens are words split at spaces. ``fails``: prompt key -> error of its result. ``breaks_after``: results until the
    backend itself raises (-1 = never). ``asked`` and ``written`` hold the prompts in the order in which they came.
    """

    fails: Mapping[str, str] = field(default_factory=dict)
    breaks_after: int = -1
    max_context: int = 4096
    asked: list[Prompt] = field(default_factory=list)
    written: list[tuple[Prompt, WriteOptions]] = field(default_factory=list)
    closed: bool = False
    _usage: Usage = Usage()
    _given: int = 0
    _heads: set[str] = field(default_factory=set)

    @property
    def info(self) -> GeneratorInfo:
        return GeneratorInfo("fake", "fake", "1", "1", self.max_context, "float32")

    @property
    def usage(self) -> Usage:
        return self._usage

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        if len(set(labels)) != len(labels) or not labels:
            raise BackendError("the labels must be given and differ", where=" ".join(labels))
        return tuple(labels)

    def read_labels(self, prompts: Iterable[Prompt], labels: Sequence[str]) -> Iterator[LabelReading]:
        wanted = self.check_labels(labels)
        for prompt in prompts:
            self.asked.append(prompt)
            why, usage = self._answer(prompt, 0)
            if why:
                yield LabelReading(prompt.key, (), error=why, usage=usage)
                continue
            digest = hashlib.sha256(f"{prompt.head}\0{prompt.body}".encode()).digest()
            weights = [digest[i % len(digest)] + 1 for i in range(len(wanted))]
            total = sum(weights) * 1.25  # a fifth of the mass falls on no label
            yield LabelReading(prompt.key, tuple(w / total for w in weights), usage=usage)

    def write(self, prompts: Iterable[Prompt], options: WriteOptions) -> Iterator[Completion]:
        for prompt in prompts:
            self.written.append((prompt, options))
            words = _WORDS[: options.max_tokens]
            why, usage = self._answer(prompt, len(words))
            if why:
                yield Completion(prompt.key, "", "error", error=why, usage=usage)
                continue
            text = " ".join(words)
            cut = min((at for s in options.stop if (at := text.find(s)) >= 0), default=-1)
            whole = cut >= 0 or options.max_tokens > len(_WORDS)
            yield Completion(prompt.key, text[:cut] if cut >= 0 else text, "stop" if whole else "length", usage=usage)

    def close(self) -> None:
        self.closed = True

    def _answer(self, prompt: Prompt, generated: int) -> tuple[str | None, Usage]:
        if 0 <= self.breaks_after <= self._given:
            raise BackendError("the fake was told to break", where="backend fake")
        self._given += 1
        head, body = self.count_tokens([prompt.head, prompt.body])
        if head + body + generated > self.max_context:
            return f"prompt of {head + body} tokens, context {self.max_context}: cut the paper's text", Usage()
        if prompt.key in self.fails:
            return self.fails[prompt.key], Usage()
        usage = Usage(head + body, head if prompt.head in self._heads else 0, generated)
        self._heads.add(prompt.head)
        self._usage = self._usage + usage
        return None, usage
