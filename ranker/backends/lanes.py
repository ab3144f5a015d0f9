"""The encoder's loop on a CPU: one text a forward, one forward a core, as many lanes as cores.

A text alone has no batch-mates: nothing is padded and its vector can't depend on its company, bit for bit. On the
machines measured one thread a forward also beats many threads in one forward, and it degrades gently when the cores
are shared (see benchmarks/LOG.md). Tokenising runs ahead in a thread of its own.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ranker.errors import BackendError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Forward = Callable[["NDArray[np.int64]"], "NDArray[np.float32]"]
"""Token ids (t,) -> unit vector (dimension,) float32. Used by one thread at a time."""

_TOKENISE_AT_ONCE = 256
_YIELD_AT_ONCE = 32


def cores(asked: int = 0) -> int:
    """``asked``, or as many cores as this process may use."""
    if asked > 0:
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of one text (t,), and whether it was cut at the model's limit."""

    ids: NDArray[np.int64]
    cut: bool


class WordPieces:
    """The folder's own tokenizer, cut at ``max_tokens`` (special tokens included), never padded."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library raises bare Exception
            raise BackendError(
                f"can't be read: {error}", where=str(folder / "tokenizer.json"), todo="copy the model folder again"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        found = self._tokenizer.encode_batch_fast(list(texts))
        return [Tokens(np.array(e.ids, dtype=np.int64), bool(e.overflowing)) for e in found]


def run_lanes(
    texts: Sequence[str], tokenise: Callable[[Sequence[str]], list[Tokens]], forwards: Sequence[Forward]
) -> Iterator[tuple[list[int], list[NDArray[np.float32]], int]]:
    """Yield (positions, vectors, how many were cut) in groups; every position once.

    At most a few hundred texts are tokenised ahead, so memory does not grow with the input.
    """
    lanes = len(forwards)
    idle = deque(forwards)

    def one(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        forward = idle.pop()  # there are as many forwards as threads, so one is always idle; deques are thread-safe
        try:
            return forward(ids)
        finally:
            idle.append(forward)

    slices = [range(s, min(s + _TOKENISE_AT_ONCE, len(texts))) for s in range(0, len(texts), _TOKENISE_AT_ONCE)]
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(lanes) as pool:
        pending: deque[tuple[int, bool, Future[NDArray[np.float32]]]] = deque()
        try:
            coming = ahead.submit(tokenise, [texts[i] for i in slices[0]]) if slices else None
            for number, rows in enumerate(slices):
                assert coming is not None
                tokens = coming.result()
                if number + 1 < len(slices):
                    coming = ahead.submit(tokenise, [texts[i] for i in slices[number + 1]])
                pending.extend((i, t.cut, pool.submit(one, t.ids)) for i, t in zip(rows, tokens, strict=True))
                last = number + 1 == len(slices)
                # Keep one slice in flight behind the one being collected, so that no lane waits for the tokenizer.
                while len(pending) > (0 if last else _TOKENISE_AT_ONCE // 2):
                    yield _collect(pending)
        finally:
            for _, _, future in pending:
                future.cancel()


def _collect(
    pending: deque[tuple[int, bool, Future[NDArray[np.float32]]]],
) -> tuple[list[int], list[NDArray[np.float32]], int]:
    group = [pending.popleft() for _ in range(min(_YIELD_AT_ONCE, len(pending)))]
    return [i for i, _, _ in group], [f.result() for _, _, f in group], sum(cut for _, cut, _ in group)
