"""A chat template as token ids: the static head once, the paper's tail per prompt, with thinking off.

A prompt's ids are ``head_ids + tail_ids``. All prompts of one head share ``head_ids`` to the token, which is what makes
its KV cache shareable, in our own forwards as in an engine that caches prefixes by blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

from ranker.errors import BackendError
from ranker.protocols import Prompt

_BODY = "␟BODY␟"  # no tokenizer strips or merges it away, no paper holds it
_PROBE = "<paper>\nA probe, 用来核对。"
_LONGEST_SPECIAL = 64
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Frame:
    """A head, rendered: its ids, the text between them and the body, and the text behind the body."""

    head_ids: tuple[int, ...]
    before: str
    after: str
    trims: bool


@dataclass(frozen=True, slots=True)
class Encoded:
    """One prompt as ids; ``head_ids`` is the same object for all prompts of a head."""

    key: str
    head_ids: tuple[int, ...]
    tail_ids: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.head_ids) + len(self.tail_ids)

    @property
    def ids(self) -> list[int]:
        return [*self.head_ids, *self.tail_ids]


@dataclass(slots=True)
class ChatRenderer:
    """Renders prompts with a Hugging Face tokenizer. Holds the frames of the heads that it has met."""

    tokenizer: Any
    model: str = ""
    _frames: dict[str, Frame] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)  # a Rust tokenizer lets no second thread in
    _breaks: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        added = [str(token) for token in self.tokenizer.get_added_vocab()]
        markers = {t for t in added if 3 <= len(t) <= _LONGEST_SPECIAL and t.strip() == t and set(t) & set("<>[]|")}
        self._breaks = tuple((t, f"{t[0]} {t[1:]}") for t in sorted(markers, key=len, reverse=True))

    def encode_text(self, text: str) -> list[int]:
        """Ids of text as it stands in a rendered template (nothing is added in front)."""
        return self._ids([text])[0]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        with self._lock:
            return list(self.tokenizer(texts, add_special_tokens=False)["input_ids"])

    def count(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        return [len(ids) for ids in self._ids(list(texts))]

    def neutralise(self, body: str) -> str:
        """The body with the tokenizer's markers broken: an abstract that quotes ``<|im_end|>`` ends no turn."""
        for marker, broken in self._breaks:
            if marker in body:
                body = body.replace(marker, broken)
        return body

    def encode(self, prompts: Sequence[Prompt]) -> list[Encoded]:
        """Ids of the prompts, in their order; the tails are tokenised in one call."""
        if not prompts:
            return []
        frames = [self.frame(p.head) for p in prompts]
        tails = []
        for prompt, frame in zip(prompts, frames, strict=True):
            body = self.neutralise(prompt.body)
            tails.append(f"{frame.before}{body.strip() if frame.trims else body}{frame.after}")
        ids = self._ids(tails)
        return [Encoded(p.key, f.head_ids, tuple(i)) for p, f, i in zip(prompts, frames, ids, strict=True)]

    def frame(self, head: str) -> Frame:
        """The head's frame; rendered on first use.

        Raises:
            BackendError: the model's template loses the head or the body.
        """
        known = self._frames.get(head)
        if known is None:
            known = self._frames[head] = self.make_frame(head)
        return known

    def make_frame(self, head: str) -> Frame:
        """The head's frame, rendered anew and not remembered."""
        text = self.render(head, _BODY)
        before, found, after = text.partition(_BODY)
        if not found or head.strip() not in before:
            raise BackendError(
                "the chat template of this model loses part of the prompt",
                where=self.model,
                todo="use a model whose template takes a system or a user turn",
            )
        if after.rstrip().endswith("<think>"):  # a template that opens the thinking: close it, empty
            after = f"{after.rstrip()}\n\n</think>\n\n"
        trims = f" {_BODY} " not in self.render(head, f" {_BODY} ")
        for cut in self._cuts(before):
            first, rest = before[:cut], before[cut:]
            whole = self.encode_text(before + _PROBE + after)
            ids = self.encode_text(first)
            if ids + self.encode_text(rest + _PROBE + after) == whole:
                return Frame(tuple(ids), rest, after, trims)
        return Frame((), before, after, trims)

    def _cuts(self, before: str) -> list[int]:
        """Where the head may end without changing any token: before the body, before the white space in front of it
        (some tokenizers split a run of line breaks by what follows), else behind the last marker."""
        markers = [before.rfind(t) + len(t) for t, _ in self._breaks if t in before]
        return [len(before), len(before.rstrip()), *([max(markers)] if markers else [])]

    def render(self, head: str, body: str) -> str:
        """Template text with the assistant's turn opened; both parts in the user turn where there is no system turn."""
        if not getattr(self.tokenizer, "chat_template", None):
            return f"{head}\n\n{body}\n"
        turns = [{"role": "system", "content": head}, {"role": "user", "content": body}]
        try:
            text = self._apply(turns)
        except Exception as error:  # jinja's raise_exception("System role not supported"), in any of its shapes
            if "role" not in str(error).lower() and "system" not in str(error).lower():
                raise
            text = ""
        if head.strip() in text:
            return text
        return self._apply([{"role": "user", "content": f"{head}\n\n{body}"}])

    def _apply(self, turns: list[dict[str, str]]) -> str:
        return str(
            self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        )


def windows(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of up to ``size`` items, taken as they are asked for."""
    rest = iter(items)
    while window := list(islice(rest, size)):
        yield window


def too_long(encoded: Encoded, room: int, limit: int) -> str | None:
    """Why this prompt is refused, or None. ``room``: tokens kept for the answer."""
    if encoded.length + room <= limit:
        return None
    return f"prompt of {encoded.length} tokens + {room} for the answer, context {limit}: cut the paper's text"
