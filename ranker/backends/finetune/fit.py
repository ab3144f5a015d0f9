"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) on a causal language model, trained behind shared heads.

Shapes: B examples in a batch, P tokens of the head, S tokens of the longest tail with its target, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranker.backends.extras import install
from ranker.backends.finetune.batches import batches
from ranker.backends.finetune.examples import Example
from ranker.errors import BackendError

if TYPE_CHECKING:
    import torch

_KEEP_EVERY = 50
"""Steps between states on the disk: what an interrupted run loses at most."""
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class FitSettings:
    """``rank`` of the adapters, scaled by ``alpha / rank``; ``first_layer``: share of the layers, from below, that stay
    as they are (no gradient has to pass through them); ``warm_up``: share of the steps over which the rate rises,
    before it falls along a half cosine to a twentieth.
    """

    rank: int = 16
    alpha: float = 32.0
    first_layer: float = 1 / 3
    learning_rate: float = 4e-4
    batch: int = 8
    epochs: int = 1
    warm_up: float = 0.04
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rank < 1 or self.batch < 1 or self.epochs < 1:
            raise ValueError("rank, batch and epochs must be 1 or more")
        if not 0.0 <= self.first_layer < 1.0:
            raise ValueError("first_layer must lie in [0, 1)")
        if not 0.0 < self.learning_rate <= 0.1:
            raise ValueError("learning_rate must lie in (0, 0.1]")


@dataclass(frozen=True, slots=True)
class Step:
    """``number`` of ``total`` is done. ``readings``: (whether recommended, expected label) of the batch's first targets
    as the model saw them *before* it learned from them: over one epoch that is a test on unseen papers.
    """

    number: int
    total: int
    loss: float
    readings: tuple[tuple[bool, float], ...]
    tokens: int


def with_adapters(model: Any, settings: FitSettings) -> Any:
    """The model with fresh adapters on the linear layers of its upper part, everything else frozen.

    Raises:
        BackendError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise BackendError(
            "fine-tuning needs peft, which is not installed", where="extra finetune", todo=install("finetune")
        ) from error
    import torch

    depth = model.config.get_text_config(decoder=True).num_hidden_layers
    torch.manual_seed(settings.seed)  # the adapters' first values
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=int(settings.alpha),
        target_modules=list(LAYERS),
        layers_to_transform=list(range(int(depth * settings.first_layer), depth)),
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


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
        state: file that holds an interrupted run's state; taken up where it was left, if it is of the same run.

    Raises:
        BackendError: the loss is no number any more.
    """
    import torch

    plan = batches(examples, settings.batch, settings.epochs, settings.seed)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    mark: dict[str, object] = {"settings": asdict(settings), "examples": [e.key for e in examples]}
    done = _resume(state, mark, trained, optimiser)
    for number, batch in enumerate(plan, 1):
        if number <= done:
            continue
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate(number, len(plan), settings.warm_up)
        with torch.autocast(model.device.type, torch.bfloat16):
            loss, readings = batch_loss(model, batch, label_ids)
        worth = loss.item()
        if not math.isfinite(worth):
            raise BackendError(f"the loss is {worth} at step {number}", todo="lower --learning-rate")
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, settings.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if state is not None and (number % _KEEP_EVERY == 0 or number == len(plan)):
            _keep(state, mark, number, trained, optimiser)
        yield Step(number, len(plan), worth, readings, sum(e.length for e in batch))


def rate(number: int, total: int, warm_up: float) -> float:
    """Share of the learning rate at a step (1 to total)."""
    rising = max(1.0, warm_up * total)
    if number <= rising:
        return number / rising
    along = (number - rising) / max(1.0, total - rising)
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * along))


def batch_loss(
    model: Any, batch: Sequence[Example], label_ids: Sequence[int]
) -> tuple[torch.Tensor, tuple[tuple[bool, float], ...]]:
    """(mean over examples of the weighted cross-entropy of their targets, readings of their first targets).

    The head's KV comes from a forward without gradient: all examples share it, and what they teach of it is small
    beside a third of the time. Logits are computed for targets alone, never (B, S, V).
    """
    import torch

    inner = model.get_base_model().model
    device = model.device
    head = batch[0].head_ids
    cache = _head_cache(model, inner, head, len(batch))
    width = max(e.length for e in batch)
    rows = [[*e.tail_ids, *e.target_ids] for e in batch]
    ids = torch.tensor([[*r, *[0] * (width - len(r))] for r in rows], device=device)
    mask = torch.tensor([[1] * (len(head) + len(r)) + [0] * (width - len(r)) for r in rows], device=device)
    positions = torch.arange(len(head), len(head) + width, device=device).expand(len(batch), -1)
    hidden = inner(
        input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=cache is not None
    ).last_hidden_state
    at = [(i, len(e.tail_ids) - 1 + j) for i, e in enumerate(batch) for j in range(len(e.target_ids))]
    firsts = [k for k, (i, j) in enumerate(at) if j == len(batch[i].tail_ids) - 1]
    picked = hidden[[i for i, _ in at], [j for _, j in at]]
    logits = model.get_output_embeddings()(picked).float()
    targets = torch.tensor([t for e in batch for t in e.target_ids], device=device)
    weights = torch.tensor([w for e in batch for w in e.weights], device=device)
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    with torch.no_grad():
        shares = torch.softmax(logits[firsts][:, list(label_ids)], dim=-1)
        expected = (shares @ torch.arange(len(label_ids), dtype=shares.dtype, device=device)).tolist()
    readings = tuple((e.positive, value) for e, value in zip(batch, expected, strict=True))
    return (losses * weights).sum() / len(batch), readings


def _head_cache(model: Any, inner: Any, head: tuple[int, ...], rows: int) -> Any:
    import torch
    from transformers import DynamicCache

    from ranker.backends.kv import expanded

    cache = DynamicCache(config=model.config)
    if head:
        with torch.no_grad():
            inner(input_ids=torch.tensor([head], device=model.device), past_key_values=cache, use_cache=True)
    return expanded(cache, rows)


def _keep(
    state: Path, mark: dict[str, object], number: int, trained: Sequence[torch.Tensor], optimiser: torch.optim.Optimizer
) -> None:
    import torch

    draft = state.with_name(state.name + ".new")
    values = [p.detach().cpu() for p in trained]
    torch.save({"mark": mark, "number": number, "values": values, "optimiser": optimiser.state_dict()}, draft)
    draft.replace(state)


def _resume(
    state: Path | None, mark: dict[str, object], trained: Sequence[torch.Tensor], optimiser: torch.optim.Optimizer
) -> int:
    import torch

    if state is None or not state.is_file():
        return 0
    kept = torch.load(state, weights_only=True)
    if kept["mark"] != mark:
        return 0  # of other papers or settings: begun anew
    with torch.no_grad():
        for parameter, value in zip(trained, kept["values"], strict=True):
            parameter.copy_(value)
    optimiser.load_state_dict(kept["optimiser"])
    return int(kept["number"])
