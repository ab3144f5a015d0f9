"""Forwards of a transformers model behind a shared head: the head's KV is computed once, each batch is appended to it.

Shapes: B prompts in a batch, P tokens of the head, S tokens of the longest tail, V vocabulary.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ranker.backends.chat import Encoded

if TYPE_CHECKING:
    import torch

_HEADS_KEPT = 4


@dataclass(slots=True)
class HeadCache:
    """KV of the latest heads, batch size 1. ``computed`` counts heads that had to be forwarded."""

    model: Any
    computed: int = 0
    _kept: OrderedDict[tuple[int, ...], Any] = field(default_factory=OrderedDict)

    def get(self, head_ids: tuple[int, ...]) -> tuple[Any, bool]:
        """(the head's cache, whether it was there already). Never append to it: use ``expanded``."""
        import torch

        if head_ids in self._kept:
            self._kept.move_to_end(head_ids)
            return self._kept[head_ids], True
        with torch.inference_mode():
            cache = head_kv(self.model, head_ids)
        self.computed += bool(head_ids)
        self._kept[head_ids] = cache
        while len(self._kept) > _HEADS_KEPT:
            self._kept.popitem(last=False)
        return cache, False


def head_kv(model: Any, head_ids: Sequence[int]) -> Any:
    """A head's cache, batch size 1, computed now; the caller says whether with gradient."""
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    if head_ids:
        ids = torch.tensor([list(head_ids)], device=model.device)
        with last_positions(model, [len(head_ids) - 1]):
            model(input_ids=ids, past_key_values=cache, use_cache=True)
    return cache


def is_plain(cache: Any) -> bool:
    """Whether every layer keeps all keys and values, so that rows of differing length may share a batch."""
    return all(type(layer).__name__ == "DynamicLayer" for layer in cache.layers)


def expanded(cache: Any, rows: int) -> Any:
    """The head's cache for ``rows`` prompts: views where the layers are plain (an update concatenates them)."""
    if is_plain(cache):
        return _views(cache, rows)
    twin = copy.deepcopy(cache)
    if rows > 1:
        try:
            twin.batch_repeat_interleave(rows)
        except AttributeError as error:  # a layer of linear attention has no such method (transformers 5.19)
            raise RuntimeError("this model's cache can't be shared by several prompts at once") from error
    return twin


def _views(cache: Any, rows: int) -> Any:
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in twin.layers:
        if layer.get_seq_length():
            layer.keys = layer.keys.expand(rows, -1, -1, -1)
            layer.values = layer.values.expand(rows, -1, -1, -1)
    return twin


@contextmanager
def chosen_positions(model: Any, rows: Sequence[int], columns: Sequence[int]) -> Iterator[None]:
    """While open, the output layer sees n positions of the batch, (row, column) each: logits come as (1, n, V). With
    gradient, and by a hook for the reason that `last_positions` names.
    """

    def narrow(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (inputs[0][list(rows), list(columns)].unsqueeze(0), *inputs[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(narrow)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def last_positions(model: Any, positions: Sequence[int], exact_ids: Sequence[int] = ()) -> Iterator[None]:
    """While open, the output layer sees one position a row: logits come as (B, 1, V), never (B, S, V).

    Done by a hook on the output layer rather than by calling the inner model, so that whatever an architecture does
    with its logits (scaling, soft caps) still happens. ``exact_ids``: tokens whose logits are computed in float32 even
    where the model runs in bfloat16, whose steps of 0.125 near 20 would show in a probability.
    """
    import torch

    layer = model.get_output_embeddings()
    at = torch.tensor(list(positions), device=model.device)
    weight = getattr(layer, "weight", None)
    rows = torch.tensor(list(exact_ids), device=model.device)

    def narrow(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden = inputs[0]
        return (hidden[torch.arange(hidden.shape[0], device=hidden.device), at].unsqueeze(1), *inputs[1:])

    def sharpen(_: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        logits = output.float()
        if weight is not None and weight.is_floating_point() and weight.dtype != torch.float32 and len(rows):
            exact = inputs[0].float() @ weight[rows].float().T
            bias = getattr(layer, "bias", None)
            logits[..., rows] = exact if bias is None else exact + bias[rows].float()
        return logits

    hooks = [layer.register_forward_pre_hook(narrow), layer.register_forward_hook(sharpen)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def label_probabilities(
    model: Any, head: Any, batch: Sequence[Encoded], label_ids: Sequence[int], pad: int
) -> torch.Tensor:
    """Softmax over the whole vocabulary at each prompt's last token, read at the labels: (B, labels) float32.

    Tails are padded on the right: no token sees what comes behind it, so neither a mask nor position ids are needed,
    and padding can't touch a result.
    """
    import torch

    width = max(len(p.tail_ids) for p in batch)
    ids = torch.tensor([[*p.tail_ids, *[pad] * (width - len(p.tail_ids))] for p in batch], device=model.device)
    ends = [len(p.tail_ids) - 1 for p in batch]
    with torch.inference_mode(), last_positions(model, ends, label_ids):
        logits = model(input_ids=ids, past_key_values=expanded(head, len(batch)), use_cache=True).logits[:, -1]
        wanted = logits[:, torch.tensor(list(label_ids), device=logits.device)]
        return torch.exp(wanted - torch.logsumexp(logits, dim=-1, keepdim=True)).cpu()


def length_batches(items: Sequence[Encoded], budget: int, most: int, *, equal: bool = False) -> list[list[Encoded]]:
    """Longest first, rows x width at most ``budget`` tokens. ``equal``: only tails of one length share a batch."""
    batches: list[list[Encoded]] = []
    for item in sorted(items, key=lambda p: (-len(p.tail_ids), p.key)):
        batch = batches[-1] if batches else []
        width = len(batch[0].tail_ids) if batch else 0
        fits = batch and len(batch) < most and (len(batch) + 1) * width <= budget
        if fits and (not equal or len(item.tail_ids) == width):
            batch.append(item)
        else:
            batches.append([item])
    return batches


def halving(
    batch: list[Encoded], work: Callable[[list[Encoded]], Any]
) -> Iterator[tuple[list[Encoded], Any, str | None]]:
    """(part, result, error) for the batch, cut in halves where it fails (out of memory, most often), down to one."""
    try:
        result = work(batch)
    except (RuntimeError, MemoryError) as error:
        if len(batch) == 1:
            yield batch, None, f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
            return
    else:
        yield batch, result, None
        return
    _release()
    middle = len(batch) // 2
    for half in (batch[:middle], batch[middle:]):
        yield from halving(half, work)


def _release() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
