"""A plain BERT on torch alone: reads safetensors, imports neither transformers nor sentence-transformers.

Importing those costs as much time as embedding a hundred papers. The forward is theirs, operation for operation; a
test holds its vectors to those of SentenceTransformer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.backends.lane_encoder import LaneEncoder
from ranker.backends.lanes import Forward
from ranker.errors import BackendError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    Tensor = torch.Tensor


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


class TorchBert(LaneEncoder):
    """The fall-back that is always there: float32 or bfloat16 on the CPU, one text a forward."""

    def open_forwards(self, lanes: int) -> list[Forward]:
        import torch

        model = BertForward(self, torch.bfloat16 if self.info.precision == "bfloat16" else torch.float32)
        return [model.one] * lanes


class BertForward:
    """Weights, and the forward of one text without padding."""

    def __init__(self, encoder: TorchBert, dtype: torch.dtype) -> None:
        import torch
        from safetensors.torch import load_file

        path = encoder.files.folder / "model.safetensors"
        self.bert = encoder.bert
        self.dtype = dtype
        # Packed weights, GELU and additions fused: 1.1 to 1.2 times as fast. Private to torch, so asked for first.
        self.fused = bool(torch._C._has_mkldnn) and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        try:
            weights = load_file(str(path))
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

        bert, tokens = self.bert, ids.shape[0]
        shape, size = (bert.width,), bert.width // bert.heads
        x = F.embedding(ids, self.words) + self.positions[:tokens]
        x = F.layer_norm(x, shape, *self.first_norm, bert.epsilon).to(self.dtype)  # (t, width)
        for layer in self.layers:
            qkv = self._linear(x, layer.qkv).view(1, tokens, 3, bert.heads, size)
            query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (1, heads, t, size)
            mixed = F.scaled_dot_product_attention(query, key, value)
            mixed = mixed.transpose(1, 2).reshape(tokens, bert.width)
            x = F.layer_norm(self._linear_plus(mixed, layer.out, x), shape, *layer.norm1, bert.epsilon)
            inner = self._linear(x, layer.up, gelu=True)  # (t, inner)
            x = F.layer_norm(self._linear_plus(inner, layer.down, x), shape, *layer.norm2, bert.epsilon)
        pooled = x.float().mean(0) if bert.pooling == "mean" else x[0].float()
        return F.normalize(pooled, dim=0)

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
