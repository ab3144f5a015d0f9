"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) on a causal language model, trained behind shared heads.

Shapes: B examples in a batch, P tokens of the head, S tokens of the longest tail with its target, V vocabulary.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranker.backends.extras import install
from ranker.backends.finetune.batches import batches
from ranker.backends.finetune.examples import Example
from ranker.backends.finetune.state import keep, resume
from ranker.errors import BackendError

if TYPE_CHECKING:
    import torch

_KEEP_EVERY, _KEEP_SECONDS = 50, 30.0
"""Steps, or seconds, between states on the disk, whichever comes first: what an interrupted run loses at most."""
_WIDTH = 32
"""Batches are as wide as the next multiple: oneDNN keeps what it prepared for every shape that it has met."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """``lora_rank`` of the adapters, scaled by ``lora_alpha / lora_rank``; ``frozen_share`` of the layers, from below,
    stays as it is (no gradient has to pass through them); ``warmup_ratio``: share of the steps over which the rate
    rises, before it falls along a half cosine to a twentieth.
    """

    lora_rank: int = 16
    lora_alpha: int = 32
    frozen_share: float = 1 / 3
    learning_rate: float = 5e-4
    batch: int = 8
    epochs: int = 1
    warmup_ratio: float = 0.04
    max_grad_norm: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.lora_rank, self.lora_alpha, self.batch, self.epochs) < 1:
            raise ValueError("lora_rank, lora_alpha, batch and epochs must be 1 or more")
        if not (0.0 <= self.frozen_share < 1.0 and 0.0 <= self.warmup_ratio < 1.0):
            raise ValueError("frozen_share and warmup_ratio must lie in [0, 1)")
        if not 0.0 < self.learning_rate <= 0.1:
            raise ValueError("learning_rate must lie in (0, 0.1]")
        if self.max_grad_norm <= 0.0 or self.seed < 0:
            raise ValueError("max_grad_norm must be above 0, seed 0 or more")


@dataclass(frozen=True, slots=True)
class Step:
    """``number`` of ``total`` is done. ``readings``: (whether recommended, expected label) of the batch's first targets
    as the model saw them *before* it learned from them: in the first epoch (``fresh``) a test on unseen papers.
    """

    number: int
    total: int
    loss: float
    readings: tuple[tuple[bool, float], ...]
    fresh: bool
    tokens: int


def check_peft() -> None:
    """Whether peft is there, before anything large is read.

    Raises:
        BackendError: it is not, or does not import.
    """
    try:
        import peft  # noqa: F401
    except ImportError as error:
        what = f"fine-tuning needs peft, which does not import: {error}"
        raise BackendError(what, where="extra finetune", todo=install("finetune")) from error


def with_adapters(model: Any, settings: FitSettings) -> Any:
    """The model with fresh adapters on all linear layers of its upper part, everything else frozen.

    Raises:
        BackendError: it has no such layers.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    output = model.get_output_embeddings()
    linear = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not output}
    depth = int(getattr(model.config.get_text_config(decoder=True), "num_hidden_layers", 0) or 0)
    torch.manual_seed(settings.seed)  # the adapters' first values
    try:
        config = LoraConfig(
            r=settings.lora_rank,
            lora_alpha=settings.lora_alpha,
            target_modules=sorted({name.rpartition(".")[2] for name in linear}),
            layers_to_transform=list(range(int(depth * settings.frozen_share), depth)),
            lora_dropout=0.0,
            task_type="CAUSAL_LM",
        )
        return get_peft_model(model, config)
    except ValueError as error:  # peft finds nothing to adapt
        what = f"no linear layers in the model's decoder layers to adapt: {str(error).splitlines()[0][:200]}"
        raise BackendError(what, todo="take a model of a usual kind (Llama, Qwen, Mistral, ...)") from error


def fit(
    model: Any,
    examples: Sequence[Example],
    settings: FitSettings,
    label_ids: Sequence[int],
    *,
    state: Path | None = None,
) -> Iterator[Step]:
    """Train the adapters of ``model`` (from ``with_adapters``) on the examples, a step at a time.

    Args:
        label_ids: the labels' tokens, for what a step says of the model.
        state: file of this run's state (``state.state_file``), taken up where it is there.

    Raises:
        BackendError: the loss is no number any more, the memory does not suffice, or the state can't be read or kept.
    """
    import torch

    plan = batches(examples, settings.batch, settings.epochs, settings.seed)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    done = resume(state, trained, optimiser) if state is not None else 0
    kept_at = time.monotonic()
    half = next(model.parameters()).dtype != torch.float32
    for number, batch in enumerate(plan, 1):
        if number <= done:
            continue
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate(number, len(plan), settings.warmup_ratio)
        try:
            # No cache of casts: torch before 2.11 kept those made without gradient, and adapters would learn nothing
            with torch.autocast(model.device.type, torch.bfloat16, enabled=half, cache_enabled=False):
                loss, readings = batch_loss(model, batch, label_ids)
            loss.backward()  # type: ignore[no-untyped-call]
        except (RuntimeError, MemoryError) as error:
            what = f"step {number} failed: {(str(error).strip().splitlines() or [type(error).__name__])[0][:200]}"
            raise BackendError(
                what, todo="out of memory: lower --batch; else the model may be of a kind that ranker can't fine-tune"
            ) from error
        worth = loss.item()
        if not math.isfinite(worth):
            raise BackendError(f"the loss is {worth} at step {number}", todo="lower --learning-rate")
        torch.nn.utils.clip_grad_norm_(trained, settings.max_grad_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        due = number % _KEEP_EVERY == 0 or number == len(plan) or time.monotonic() - kept_at > _KEEP_SECONDS
        if state is not None and due:
            keep(state, number, trained, optimiser)
            kept_at = time.monotonic()
        fresh = number <= len(plan) // settings.epochs
        yield Step(number, len(plan), worth, readings, fresh, sum(e.length for e in batch))


def rate(number: int, total: int, warmup_ratio: float) -> float:
    """Share of the learning rate at a step (1 to total)."""
    rising = max(1.0, warmup_ratio * total)
    if number <= rising:
        return number / rising
    along = (number - rising) / max(1.0, total - rising)
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * along))


def batch_loss(
    model: Any, batch: Sequence[Example], label_ids: Sequence[int]
) -> tuple[torch.Tensor, tuple[tuple[bool, float], ...]]:
    """(mean over examples of the weighted cross-entropy of their targets, readings of their first targets).

    The head's KV comes from a forward without gradient: all examples share it, and what they would teach of it is left
    out. Logits are computed for targets alone, never (B, S, V).
    """
    import torch

    from ranker.backends.kv import chosen_positions, expanded, head_kv

    device, head, plain = model.device, batch[0].head_ids, model.get_base_model()
    with torch.no_grad():
        cache = expanded(head_kv(plain, head), len(batch))
    width = -(-max(e.length for e in batch) // _WIDTH) * _WIDTH
    rows = [[*e.tail_ids, *e.target_ids] for e in batch]
    ids = torch.tensor([[*r, *[0] * (width - len(r))] for r in rows], device=device)
    mask = torch.tensor([[1] * (len(head) + len(r)) + [0] * (width - len(r)) for r in rows], device=device)
    positions = torch.arange(len(head), len(head) + width, device=device).expand(len(batch), -1)
    at = [(i, len(e.tail_ids) - 1 + j) for i, e in enumerate(batch) for j in range(len(e.target_ids))]
    with chosen_positions(plain, [i for i, _ in at], [j for _, j in at]):
        out = plain(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True)
    logits = out.logits[0].float()
    targets = torch.tensor([t for e in batch for t in e.target_ids], device=device)
    weights = torch.tensor([w for e in batch for w in e.weights], device=device)
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    firsts = [k for k, (i, j) in enumerate(at) if j == len(batch[i].tail_ids) - 1]
    with torch.no_grad():
        shares = torch.softmax(logits[firsts][:, list(label_ids)], dim=-1)
        expected = (shares @ torch.arange(len(label_ids), dtype=shares.dtype, device=device)).tolist()
    readings = tuple((e.positive, value) for e, value in zip(batch, expected, strict=True))
    return (losses * weights).sum() / len(batch), readings
