"""What the stages need from the heavy libraries, in our words. Backends implement these; fakes meet the same suite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from ranker.types import Candidate, EncoderInfo, JudgeOutcome, TextKind, Texts, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Encoder(Protocol):
    """Text -> unit vectors."""

    @property
    def info(self) -> EncoderInfo: ...

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield (positions into ``texts`` of shape (b,), unit vectors of shape (b, dimension) float32) per batch.

        Every position comes exactly once, in any order. A text's vector is the same, bit for bit, whatever other
        texts are in the call: that is what makes an interrupted run end like an unbroken one. On a GPU
        (`ranker.backends.packed_bert`) it is the same up to rounding, since its kernels depend on the batch.
        """
        ...


class Judge(Protocol):
    """Turns candidates into judgments; every candidate yields exactly one outcome, in any order, as it comes."""

    @property
    def name(self) -> str: ...

    @property
    def uses_language_model(self) -> bool: ...

    @property
    def hashes(self) -> Mapping[str, str]:
        """Name -> hash of what shapes its judgments, for the report."""
        ...

    def key(self, candidate: Candidate) -> str:
        """Hash of everything that shapes this candidate's outcome besides the paper's id, version and text hash."""
        ...

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]: ...

    def text_key(self, candidate: Candidate) -> str | None:
        """Key of the texts that ``write`` would make; None where it writes none (the reason came with the judgment)."""
        ...

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        """Second pass: words for papers that will be read."""
        ...

    @property
    def usage(self) -> Usage: ...

    def close(self) -> None: ...


@runtime_checkable
class ModelJudge(Protocol):
    """What a judge over a language model has besides: a start to prepare, anchors, and steps after the store."""

    @property
    def scale(self) -> str:
        """Whose relevance a calibration maps: model, weights and template."""
        ...

    def start(self) -> None:
        """New papers are there, so the model will be needed: begin to load, without waiting."""
        ...

    def check(self, candidates: Sequence[Candidate]) -> tuple[str, ...]:
        """What is odd about the model, one line each, after it was asked about ``candidates``."""
        ...

    def adjust(
        self, candidates: Sequence[Candidate], outcomes: Mapping[str, JudgeOutcome]
    ) -> tuple[dict[str, JudgeOutcome], tuple[str, ...]]:
        """Outcomes by versioned id as they are ordered (calibrated, blended; stored ones stay as the model said), and
        what a reader should know of them, one line each.
        """
        ...

    def engine_notes(self) -> tuple[str, ...]:
        """What the model's engine tells when all is done, one line each: hit rate of its prefix cache, restarts."""
        ...

    @property
    def usage_by_pass(self) -> dict[str, Usage]:
        """Tokens of each pass: score, write, anchors."""
        ...


@dataclass(frozen=True, slots=True)
class GeneratorInfo:
    """Who a generator is; ``revision``: hub revision or hash of the weights; ``max_context`` in tokens. Of a fine-tuned
    model ``templates`` are the files of the prompts that it was trained on (the label's first), ``tuned_for`` is the
    hash of the label's, rendered for its profile (``judging.prompts.Heads.template_hash``).
    """

    backend: str
    model: str
    revision: str
    engine_version: str
    max_context: int
    dtype: str
    gives_logprobs: bool = True
    templates: tuple[str, ...] = ()
    tuned_for: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One paper, one prompt. ``head`` (rules, scale, field) is static and shared, it goes into the system turn;
    ``body`` is the delimited paper with the question. ``key`` is ours: no model ever echoes it.
    """

    key: str
    head: str
    body: str


@dataclass(frozen=True, slots=True)
class LabelReading:
    """Probabilities of the labels (raw, not renormalised; NaN never) after the prompt, or an error.

    ``missing`` labels are those that the engine did not return (their probability counts as 0).
    """

    key: str
    probabilities: tuple[float, ...]
    missing: tuple[str, ...] = ()
    error: str | None = None
    from_text: bool = False
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write: token limit, stops, temperature (0 = greedy), seed."""

    max_tokens: int
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """Text after a prompt. ``finish``: stop, length (cut off) or error."""

    key: str
    text: str
    finish: Literal["stop", "length", "error"]
    error: str | None = None
    usage: Usage = Usage()


class Generator(Protocol):
    """A local language model: read label probabilities, write text, count tokens, say who you are."""

    @property
    def info(self) -> GeneratorInfo: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels as they are read in place (perhaps with a space in front), each a single token there.

        Raises:
            BackendError: this tokenizer has no such form of them; try another label set, or another model.
        """
        ...

    def read_labels(self, prompts: Iterable[Prompt], labels: Sequence[str]) -> Iterator[LabelReading]: ...

    def write(self, prompts: Iterable[Prompt], options: WriteOptions) -> Iterator[Completion]: ...

    @property
    def usage(self) -> Usage: ...

    def close(self) -> None: ...
