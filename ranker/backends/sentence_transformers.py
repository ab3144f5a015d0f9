"""The general way: any sentence-transformers folder, by its own library, whatever its modules are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.backends.bert_plan import Plan
from ranker.backends.lanes import cores
from ranker.backends.lazy_encoder import LazyEncoder
from ranker.errors import BackendError
from ranker.model_files import ModelFiles
from ranker.types import EncoderInfo, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

_YIELD_AT_ONCE = 16


class SentenceTransformersEncoder(LazyEncoder[Any]):
    """One text a forward, so that its vector has no company to depend on; prompts and routes are the library's own."""

    def __init__(
        self, files: ModelFiles, plan: Plan, info: EncoderInfo, *, threads: int = 0, device: str = "cpu"
    ) -> None:
        super().__init__(files, plan, info)
        self.device, self.threads = device, cores(threads)

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Groups of (positions (b,), unit vectors (b, dimension) float32); see `ranker.protocols.Encoder`."""
        if not texts:
            return
        model = self.opened()
        encode = model.encode_query if kind == "query" else model.encode_document
        prompt = self.prompt(kind)
        for start in range(0, len(texts), _YIELD_AT_ONCE):
            part = range(start, min(start + _YIELD_AT_ONCE, len(texts)))
            rows = [encode([texts[i]], batch_size=1, show_progress_bar=False, normalize_embeddings=True) for i in part]
            self.truncated += sum(self._is_cut(model, prompt + texts[i]) for i in part)
            yield np.array(part, dtype=np.int64), np.concatenate(rows).astype(np.float32, copy=False)

    def _is_cut(self, model: Any, text: str) -> bool:
        limit, tokenizer = model.max_seq_length, getattr(model, "tokenizer", None)
        if not limit or not callable(tokenizer):
            return False
        return bool(len(tokenizer(text, truncation=False, verbose=False)["input_ids"]) > limit)

    def load(self) -> Any:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.set_num_threads(self.threads)
        types = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
        try:
            return SentenceTransformer(
                str(self.files.folder),
                device=self.device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": types[self.info.precision]} if self.info.precision != "float32" else {},
            )
        except Exception as error:  # the library raises all kinds for a folder that it can't load
            why = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise BackendError(
                f"sentence-transformers can't load it: {why}",
                where=str(self.files.folder),
                todo='name another model folder under [encoder] model, or keep "embedded"',
            ) from error
