"""What the fast encoders share: prompts, tokens, lanes, lazily opened weights; a backend adds its forward."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ranker.backends.bert_plan import Bert, Plan
from ranker.backends.lanes import Forward, WordPieces, cores, run_lanes
from ranker.errors import BackendError
from ranker.model_files import ModelFiles
from ranker.types import EncoderInfo, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LaneEncoder(ABC):
    """An `Encoder` for plain BERT folders. Nothing heavy is imported or read before the first text is encoded.

    ``truncated`` counts the texts that were cut at the model's limit so far.
    """

    def __init__(self, files: ModelFiles, plan: Plan, info: EncoderInfo, *, threads: int = 0) -> None:
        if plan.bert is None:
            raise BackendError(
                f"has no fast path: {plan.why_not}", where=str(files.folder), todo='set [encoder] backend = "auto"'
            )
        self.bert: Bert = plan.bert
        self.files, self.plan = files, plan
        self.threads = cores(threads)
        self.truncated = 0
        self._info = info
        self._forwards: list[Forward] | None = None
        self._tokenise: WordPieces | None = None
        self._loading = threading.Lock()

    @property
    def info(self) -> EncoderInfo:
        return self._info

    @abstractmethod
    def open_forwards(self, lanes: int) -> list[Forward]:
        """Load the weights; one forward for each lane."""

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Groups of (positions (b,), unit vectors (b, dimension) float32); see `ranker.protocols.Encoder`."""
        if not texts:
            return
        prompt = self.plan.query if kind == "query" else self.plan.document
        asked = [prompt + t for t in texts] if prompt else texts
        tokenise, forwards = self._open()
        for positions, vectors, cut in run_lanes(asked, tokenise, forwards):
            self.truncated += cut
            yield np.array(positions, dtype=np.int64), np.stack(vectors).astype(np.float32, copy=False)

    def _open(self) -> tuple[WordPieces, list[Forward]]:
        with self._loading:
            if self._tokenise is None or self._forwards is None:
                self._tokenise = WordPieces(self.files.folder, self.plan.max_tokens)
                self._forwards = self.open_forwards(self.threads)
        return self._tokenise, self._forwards
