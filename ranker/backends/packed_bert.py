"""A plain BERT on a GPU: many texts a forward, their tokens one behind the other, nothing padded.

Texts are tokenised a window ahead in a thread, sorted by length and put together up to a number of tokens. Products and
norms see the tokens of all of them as one matrix; attention keeps to each text (flash attention with the texts' bounds
where torch has it for the device and precision, else in a padded rectangle, which texts of near lengths fill well).

What `ranker.protocols.Encoder` promises of a text's vector holds here up to rounding only: a GPU chooses its kernels by
the matrix's size, so that a text's neighbours in the batch can move its vector in the last bits of the precision. The
key of these vectors differs from that of the CPU's, so that a store never mixes the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.backends.bert_plan import Bert, Plan
from ranker.backends.lanes import Tokens, WordPieces
from ranker.backends.lazy_encoder import LazyEncoder, plain_bert
from ranker.backends.torch_bert import BertForward
from ranker.errors import BackendError
from ranker.model_files import ModelFiles
from ranker.types import EncoderInfo, TextKind

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Tensor = torch.Tensor

BUDGET = 1 << 16
"""Tokens of a forward, 256 texts of 256; ``benchmarks/gpu_encoder.py`` measures others on a card."""

_WINDOW = 4096


class PackedBert(LazyEncoder["tuple[WordPieces, PackedForward]"]):
    """An `Encoder` for plain BERT folders on a device that one forward fills."""

    def __init__(
        self,
        files: ModelFiles,
        plan: Plan,
        info: EncoderInfo,
        *,
        device: str = "cuda",
        budget: int = BUDGET,
        window: int = _WINDOW,
    ) -> None:
        super().__init__(files, plan, info)
        self.bert = plain_bert(files, plan)
        self.device, self.budget, self.window = device, budget, window

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Groups of (positions (b,), unit vectors (b, dimension) float32); the longest texts of a window first."""
        if not texts:
            return
        prompt = self.prompt(kind)
        tokenise, forward = self.opened()

        def read(start: int) -> list[Tokens]:
            return tokenise([prompt + text for text in texts[start : start + self.window]])

        starts = range(0, len(texts), self.window)
        with ThreadPoolExecutor(1, thread_name_prefix="ranker-tokens") as ahead:
            coming = ahead.submit(read, 0)
            waiting: tuple[NDArray[np.int64], Tensor] | None = None
            for start in starts:
                tokens = coming.result()
                if start + self.window < len(texts):
                    coming = ahead.submit(read, start + self.window)
                self.truncated += sum(t.cut for t in tokens)
                for batch in batches([len(t.ids) for t in tokens], self.budget):
                    vectors = forward.many([tokens[i].ids for i in batch])
                    if waiting is not None:  # fetched only now, so that the device had the next batch meanwhile
                        yield waiting[0], waiting[1].cpu().numpy()
                    waiting = np.array(batch, dtype=np.int64) + start, vectors
            if waiting is not None:
                yield waiting[0], waiting[1].cpu().numpy()

    def load(self) -> tuple[WordPieces, PackedForward]:
        import torch

        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise BackendError("torch finds no GPU", where="[encoder] device", todo='set device = "cpu"')
        dtype = getattr(torch, self.info.precision)
        tokenise = WordPieces(self.files.folder, self.plan.max_tokens)
        return tokenise, PackedForward(self.files.folder, self.bert, dtype, self.device)


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions by length, the longest first, in groups of at most ``budget`` tokens (a longer text goes alone)."""
    found: list[list[int]] = []
    room = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if not found or room < lengths[i]:
            found.append([])
            room = budget
        found[-1].append(i)
        room -= lengths[i]
    return found


class PackedForward(BertForward):
    """The forward of many texts: token ids of each -> unit vectors (b, width) float32, on the device."""

    varlen: Callable[..., Any] | None
    """torch's attention over packed texts, where this device and precision have it; else rectangles."""

    def __init__(self, folder: Any, bert: Bert, dtype: torch.dtype, device: str) -> None:
        super().__init__(folder, bert, dtype, device)
        self.device = device
        self.varlen = _varlen(dtype, device)

    def many(self, texts: Sequence[NDArray[np.int64]]) -> Tensor:
        import torch
        from torch.nn import functional as F

        lengths = np.array([len(ids) for ids in texts], dtype=np.int64)
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)  # each token's position in its text
        with torch.inference_mode():
            ids, at = self._send(np.concatenate(texts)), self._send(places)
            bounds = self._send(np.concatenate([[0], ends]).astype(np.int32))
            attend = self._packed(bounds, int(lengths.max())) if self.varlen else self._padded(lengths, at)
            x = self.hidden(ids, self.positions[at], attend).float()
            if self.bert.pooling == "mean":
                pooled = torch.segment_reduce(x, "mean", lengths=self._send(lengths), axis=0)
            else:
                pooled = x[bounds[:-1].long()]
            return F.normalize(pooled, dim=1)

    def _packed(self, bounds: Tensor, longest: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        assert self.varlen is not None
        varlen = self.varlen

        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            mixed: Tensor = varlen(query, key, value, bounds, bounds, longest, longest)
            return mixed

        return attend

    def _padded(self, lengths: NDArray[np.int64], at: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """Rectangles (b, longest), in which a text's tokens see the text's tokens only."""
        import torch
        from torch.nn import functional as F

        count, longest = len(lengths), int(lengths.max())
        where = self._send(np.repeat(np.arange(count) * longest, lengths)) + at
        even = bool((lengths == longest).all())
        mask = None
        if not even:
            seen = torch.arange(longest, device=self.device) < self._send(lengths)[:, None]
            mask = seen[:, None, None, :]

        def rectangle(part: Tensor) -> Tensor:
            if even:
                whole = part
            else:
                whole = part.new_zeros(count * longest, *part.shape[1:])
                whole[where] = part
            return whole.view(count, longest, *part.shape[1:]).transpose(1, 2)  # (b, heads, longest, size)

        def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            mixed = F.scaled_dot_product_attention(rectangle(query), rectangle(key), rectangle(value), attn_mask=mask)
            flat = mixed.transpose(1, 2).reshape(count * longest, *query.shape[1:])
            return flat if even else flat[where]

        return attend

    def _send(self, values: NDArray[Any]) -> Tensor:
        import torch

        made = torch.from_numpy(values)
        if not self.device.startswith("cuda"):
            return made
        return made.pin_memory().to(self.device, non_blocking=True)


def _varlen(dtype: torch.dtype, device: str) -> Callable[..., Any] | None:
    """``torch.nn.attention.varlen`` (2.10 on; flash attention: half precisions on a GPU only), or None."""
    import torch

    if not device.startswith("cuda") or dtype not in (torch.float16, torch.bfloat16):
        return None
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    made: Callable[..., Any] = varlen_attn
    return made
