"""A plain BERT on torch alone: reads safetensors, imports neither transformers nor sentence-transformers.

Importing those costs as much time as embedding a hundred papers. The forward is theirs, operation for operation; a
test holds its vectors to those of SentenceTransformer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.backends.bert_plan import Bert
from ranker.backends.lane_encoder import LaneEncoder
from ranker.backends.lanes import Forward
from ranker.errors import BackendError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Tensor = torch.Tensor
    Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class _Linear:
    """Weight (out, in), packed by oneDNN where it can, and bias (out,)."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: _Linear
    out: _Linear
    norm1: tuple[Tensor, Tensor]
    up: _Linear
    down: _Linear
    norm2: tuple[Tensor, Tensor]


def _attend_all(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One text: every token attends to every token; each (t, heads, size), as is the result."""
    from torch.nn import functional as F

    heads_first = [part.transpose(0, 1)[None] for part in (query, key, value)]  # each (1, heads, t, size)
    mixed = F.scaled_dot_product_attention(heads_first[0], heads_first[1], heads_first[2])
    return mixed[0].transpose(0, 1)


class TorchBert(LaneEncoder):
    """The fall-back that is always there: float32 or bfloat16 on the CPU, one text a forward."""

    def open_forwards(self, lanes: int) -> list[Forward]:
        import torch

        dtype = torch.bfloat16 if self.info.precision == "bfloat16" else torch.float32
        model = BertForward(self.files.folder, self.bert, dtype)
        return [model.one] * lanes


class BertForward:
    """Weights on a device, and the forward of one text without padding."""

    def __init__(self, folder: Path, bert: Bert, dtype: torch.dtype, device: str = "cpu") -> None:
        import torch
        from safetensors.torch import load_file

        path = folder / "model.safetensors"
        self.bert = bert
        self.dtype = dtype
        # Packed weights, GELU and additions fused: 1.1 to 1.2 times as fast. Private to torch, so asked for first.
        self.fused = device == "cpu" and bool(torch._C._has_mkldnn) and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        try:
            weights = load_file(str(path), device=device)
            prefix = "" if "embeddings.word_embeddings.weight" in weights else "bert."
            self._load({k.removeprefix(prefix): v for k, v in weights.items()})
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            raise BackendError(
                f"the weights don't fit the config: {error}", where=str(path), todo="copy the model folder again"
            ) from error

    def _load(self, weights: dict[str, Tensor]) -> None:
        import torch

        def norm(name: str) -> tuple[Tensor, Tensor]:
            return weights[f"{name}.weight"].to(self.dtype), weights[f"{name}.bias"].to(self.dtype)

        def linear(*names: str) -> _Linear:
            weight = torch.cat([weights[f"{n}.weight"] for n in names]).to(self.dtype).contiguous()
            if self.fused:
                weight = torch.ops.mkldnn._reorder_linear_weight(weight, 256)
            return _Linear(weight, torch.cat([weights[f"{n}.bias"] for n in names]).to(self.dtype))

        self.words = weights["embeddings.word_embeddings.weight"].float()
        # One segment only: its type embedding is the same for every token, so it joins the positions'.
        self.positions = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        ).float()
        first = "embeddings.LayerNorm"
        self.first_norm = weights[f"{first}.weight"].float(), weights[f"{first}.bias"].float()
        self.layers = []
        for i in range(self.bert.layers):
            at, own = f"encoder.layer.{i}", f"encoder.layer.{i}.attention.self"
            self.layers.append(
                _Layer(
                    qkv=linear(f"{own}.query", f"{own}.key", f"{own}.value"),
                    out=linear(f"{at}.attention.output.dense"),
                    norm1=norm(f"{at}.attention.output.LayerNorm"),
                    up=linear(f"{at}.intermediate.dense"),
                    down=linear(f"{at}.output.dense"),
                    norm2=norm(f"{at}.output.LayerNorm"),
                )
            )

    def one(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Token ids (t,) -> unit vector (width,) float32."""
        import torch

        # Per thread: this lane's forward runs on this core alone, whatever the rest of the process does.
        if torch.get_num_threads() != 1:
            torch.set_num_threads(1)
        with torch.inference_mode():
            vector: NDArray[np.float32] = self._forward(torch.from_numpy(ids)).numpy()
        return vector

    def _forward(self, ids: Tensor) -> Tensor:
        from torch.nn import functional as F

        x = self.hidden(ids, self.positions[: ids.shape[0]], _attend_all)
        pooled = x.float().mean(0) if self.bert.pooling == "mean" else x[0].float()
        return F.normalize(pooled, dim=0)

    def hidden(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Token ids (t,) and their positions' vectors (t, width) -> last hidden states (t, width) in ``dtype``."""
        from torch.nn import functional as F

        bert, tokens = self.bert, ids.shape[0]
        shape, size = (bert.width,), bert.width // bert.heads
        x = F.embedding(ids, self.words) + positions
        x = F.layer_norm(x, shape, *self.first_norm, bert.epsilon).to(self.dtype)  # (t, width)
        for layer in self.layers:
            query, key, value = self._linear(x, layer.qkv).view(tokens, 3, bert.heads, size).unbind(1)
            mixed = attend(query, key, value).reshape(tokens, bert.width)
            x = F.layer_norm(self._linear_plus(mixed, layer.out, x), shape, *layer.norm1, bert.epsilon)
            inner = self._linear(x, layer.up, gelu=True)  # (t, inner)
            x = F.layer_norm(self._linear_plus(inner, layer.down, x), shape, *layer.norm2, bert.epsilon)
        return x

    def _linear(self, x: Tensor, to: _Linear, *, gelu: bool = False) -> Tensor:
        import torch

        if not self.fused:
            y = torch.nn.functional.linear(x, to.weight, to.bias)
            return torch.nn.functional.gelu(y) if gelu else y
        post, algorithm = ("gelu", "none") if gelu else ("none", "")
        result: Any = torch.ops.mkldnn._linear_pointwise(x, to.weight, to.bias, post, [], algorithm)
        return result  # type: ignore[no-any-return]

    def _linear_plus(self, x: Tensor, to: _Linear, other: Tensor) -> Tensor:
        import torch

        if not self.fused:
            return torch.nn.functional.linear(x, to.weight, to.bias) + other
        result: Any = torch.ops.mkldnn._linear_pointwise.binary(x, other, to.weight, to.bias, "add")
        return result  # type: ignore[no-any-return]
