"""What a machine without a card could do at most: the design's formula with the rates measured in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.gemm import gemm_rate
from benchmarks.gpu.card import measure
from benchmarks.gpu.shapes import Rates, Request, Shape, ceiling

_SIDE, _COPIED = 2048, 1 << 28  # a quarter of a GiB is many times a CPU's last cache


def shape_of(config: Any) -> Shape:
    """A dense decoder with gated MLPs (Llama, Qwen, SmolLM2), of its transformers configuration."""
    return Shape(
        str(config.model_type),
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        inner=config.intermediate_size,
        tied=config.tie_word_embeddings,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        vocab=config.vocab_size,
    )


def cpu_rates(dtype: str) -> Rates:
    """C: the best product at ``dtype``, whichever library and shape; BW: of a copy, read and written."""
    import torch

    measured = measure("cpu", side=_SIDE, copied=_COPIED, seconds=0.5)
    return Rates(1e9 * gemm_rate(getattr(torch, dtype)), measured.bandwidth)


def ceilings(
    shape: Shape,
    rates: Rates,
    labels: Sequence[Request],
    reasons: Sequence[Request],
    whole: Sequence[Request],
) -> dict[str, float]:
    """Papers/s with every head's KV there already: ``labels`` alone, ``two_passes``, ``one_pass`` for ``whole``."""
    both = [*labels, *reasons]
    return {
        "labels": ceiling(shape, rates, len(labels), labels, 1),
        "two_passes": ceiling(shape, rates, len(labels), both, max(1, len(reasons))),
        "one_pass": ceiling(shape, rates, len(whole), whole, len(whole)),
    }
