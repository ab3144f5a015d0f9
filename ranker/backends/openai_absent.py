"""A server that does not answer, for plans: it guesses tokens and can be asked nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ranker.backends.openai_replies import estimate_tokens
from ranker.errors import BackendError
from ranker.protocols import Completion, GeneratorInfo, LabelReading, Prompt, WriteOptions
from ranker.types import Usage

_CONTEXT = 8192


class NoServerError(BackendError):
    """Nothing answers at the address."""


class AbsentServer:
    """A ``Generator`` that only counts. Its ``info`` can't equal the server's, so no stored judgment is found by it."""

    usage = Usage()

    def __init__(self, model: str) -> None:
        self.info = GeneratorInfo("openai", model or "the server's model", "", "absent", _CONTEXT, "")

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [estimate_tokens(text) for text in texts]

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        return tuple(labels)

    def read_labels(self, prompts: Iterable[Prompt], labels: Sequence[str]) -> Iterator[LabelReading]:
        raise BackendError("no server answers", todo="start it")

    def write(self, prompts: Iterable[Prompt], options: WriteOptions) -> Iterator[Completion]:
        raise BackendError("no server answers", todo="start it")

    def close(self) -> None:
        """Nothing is held."""
