"""What the fast encoders share: prompts, tokens, lanes, lazily opened weights; a backend adds its forward."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ranker.backends.bert_plan import Plan
from ranker.backends.lanes import Forward, WordPieces, cores, run_lanes
from ranker.backends.lazy_encoder import LazyEncoder, plain_bert
from ranker.model_files import ModelFiles
from ranker.types import EncoderInfo, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LaneEncoder(LazyEncoder[tuple[WordPieces, list[Forward]]]):
    """An `Encoder` for plain BERT folders."""

    def __init__(self, files: ModelFiles, plan: Plan, info: EncoderInfo, *, threads: int = 0) -> None:
        super().__init__(files, plan, info)
        self.bert = plain_bert(files, plan)
        self.threads = cores(threads)

    @abstractmethod
    def open_forwards(self, lanes: int) -> list[Forward]:
        """Load the weights; one forward for each lane."""

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Groups of (positions (b,), unit vectors (b, dimension) float32); see `ranker.protocols.Encoder`."""
        if not texts:
            return
        prompt = self.prompt(kind)
        asked = [prompt + t for t in texts] if prompt else texts
        tokenise, forwards = self.opened()
        for positions, vectors, cut in run_lanes(asked, tokenise, forwards):
            self.truncated += cut
            yield np.array(positions, dtype=np.int64), np.stack(vectors).astype(np.float32, copy=False)

    def load(self) -> tuple[WordPieces, list[Forward]]:
        return WordPieces(self.files.folder, self.plan.max_tokens), self.open_forwards(self.threads)
