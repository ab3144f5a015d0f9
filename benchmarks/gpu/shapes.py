"""Published model shapes, and the least time that a card needs for a paper with them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_BYTES = 2  # bfloat16


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder of the Qwen3 family, from its published config.json. ``experts`` 0: dense."""

    name: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    inner: int
    tied: bool = False
    head_dim: int = 128
    vocab: int = 151_936
    experts: int = 0
    experts_used: int = 0
    expert_inner: int = 0

    @property
    def query(self) -> int:
        """Width of the queries, q."""
        return self.heads * self.head_dim

    @property
    def active(self) -> int:
        """N: non-embedding parameters that a token passes (norms left out: under 0.01%)."""
        return self.layers * (self._attention + self._mlp(self.experts_used))

    @property
    def weight_bytes(self) -> int:
        """W: what a decoding step of many rows reads: every layer with all its experts, and the output matrix."""
        return _BYTES * (self.layers * (self._attention + self._mlp(self.experts)) + self.vocab * self.width)

    @property
    def kv_bytes(self) -> int:
        """Of one token's keys and values in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * _BYTES

    @property
    def _attention(self) -> int:
        return 2 * self.width * self.query + 2 * self.width * self.kv_heads * self.head_dim

    def _mlp(self, experts: int) -> int:
        if not self.experts:
            return 3 * self.width * self.inner
        return experts * 3 * self.width * self.expert_inner + self.width * self.experts  # the router sees all

    def config(self) -> dict[str, Any]:
        """As config.json says it."""
        config: dict[str, Any] = {
            "architectures": ["Qwen3MoeForCausalLM" if self.experts else "Qwen3ForCausalLM"],
            "model_type": "qwen3_moe" if self.experts else "qwen3",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": self.vocab - 3,
            "eos_token_id": self.vocab - 1,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.width,
            "initializer_range": 0.02,
            "intermediate_size": self.inner,
            "max_position_embeddings": 40_960,
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.kv_heads,
            "rms_norm_eps": 1e-6,
            "rope_scaling": None,
            "rope_theta": 1_000_000,
            "tie_word_embeddings": self.tied,
            "dtype": "bfloat16",
            "transformers_version": "5.0.0",  # without one, a check for another family's fault warns of our tokenizer
            "use_cache": True,
            "vocab_size": self.vocab,
        }
        if self.experts:
            config |= {
                "decoder_sparse_step": 1,
                "mlp_only_layers": [],
                "moe_intermediate_size": self.expert_inner,
                "norm_topk_prob": True,
                "num_experts": self.experts,
                "num_experts_per_tok": self.experts_used,
                "router_aux_loss_coef": 0.001,
            }
        return config


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("Qwen3-4B", layers=36, width=2560, heads=32, kv_heads=8, inner=9728, tied=True),
        Shape("Qwen3-8B", layers=36, width=4096, heads=32, kv_heads=8, inner=12_288),
        Shape("Qwen3-14B", layers=40, width=5120, heads=40, kv_heads=8, inner=17_408),
        Shape("Qwen3-32B", layers=64, width=5120, heads=64, kv_heads=8, inner=25_600),
        Shape(
            "Qwen3-30B-A3B", layers=48, width=2048, heads=32, kv_heads=4, inner=6144,
            experts=128, experts_used=8, expert_inner=768,
        ),
    )
}  # fmt: skip
REHEARSED = {
    shape.name: shape
    for shape in (
        Shape("Rehearsal", layers=2, width=256, heads=4, kv_heads=2, inner=512, head_dim=64),
        Shape(
            "Rehearsal-MoE", layers=2, width=256, heads=4, kv_heads=2, inner=512, head_dim=64,
            experts=8, experts_used=2, expert_inner=128,
        ),
    )
}  # fmt: skip
"""As real ones are built, but of a size that a CPU runs: no figure of theirs says anything about a card."""


def shape_of(name: str) -> Shape:
    return SHAPES[name] if name in SHAPES else REHEARSED[name]


@dataclass(frozen=True, slots=True)
class Rates:
    """C in FLOP/s (dense bfloat16 products) and BW in bytes/s (read and written, both counted)."""

    flops: float
    bandwidth: float


H200 = Rates(989e12, 4.8e12)
"""By the maker's data sheet; for plans only, a result is held against what was measured beside it."""


@dataclass(frozen=True, slots=True)
class Request:
    """``prefix``: tokens shared with other prompts, P; ``suffix``: this one's own, S; ``output``: tokens made, O."""

    prefix: int
    suffix: int
    output: int = 1


def prefill_seconds(shape: Shape, rates: Rates, request: Request) -> float:
    """F_pre / C, with F_pre = 2NS + 4Lq(SP + S^2/2) + 2Vd: a prompt behind a cached prefix, to its first token."""
    s, p = request.suffix, request.prefix
    flop = 2 * shape.active * s + 4 * shape.layers * shape.query * (s * p + s * s / 2) + 2 * shape.vocab * shape.width
    return flop / rates.flops


def decode_seconds(shape: Shape, rates: Rates, request: Request, batch: int) -> float:
    """max(F_dec/C, (O-1) W / (B BW)) + (O-1) kv (P+S+O/2) / BW; 0 for one token, which the prefill makes.

    F_dec = (O-1) [2N + 2Vd + 4Lq (P+S+O/2)]; ``batch``: rows decoded together, B, which share reading the weights.
    """
    steps = request.output - 1
    length = request.prefix + request.suffix + request.output / 2
    each = 2 * shape.active + 2 * shape.vocab * shape.width + 4 * shape.layers * shape.query * length
    compute = steps * each / rates.flops
    weights = steps * shape.weight_bytes / (batch * rates.bandwidth)
    return max(compute, weights) + steps * shape.kv_bytes * length / rates.bandwidth


def least_seconds(shape: Shape, rates: Rates, requests: Sequence[Request], rows: int) -> float:
    """Of all requests together. ``rows``: how many the engine decodes at once (``max_num_seqs``)."""
    texts = sum(r.output > 1 for r in requests)
    batch = max(1, min(rows, texts))
    return sum(prefill_seconds(shape, rates, r) + decode_seconds(shape, rates, r, batch) for r in requests)


def ceiling(shape: Shape, rates: Rates, papers: int, requests: Sequence[Request], rows: int) -> float:
    """Papers/s that no program on this card exceeds, when ``requests`` are all that ``papers`` papers need."""
    return papers / least_seconds(shape, rates, requests, rows)


def means(requests: Sequence[Request]) -> dict[str, float]:
    """Tokens of a request, for the report."""
    return {
        name: round(statistics.mean(getattr(r, name) for r in requests), 1) for name in ("prefix", "suffix", "output")
    }
