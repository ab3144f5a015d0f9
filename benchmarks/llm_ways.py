"""The ways of asking a small model that `benchmarks.llm_loop` times: ours, ours without reuse, plain users' scripts.

Every way returns a ``Run``. Peers use nothing of ours but the prompts' words and the loaded weights.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ranker.backends.chat import ChatRenderer, Encoded
from ranker.backends.kv import label_probabilities, length_batches
from ranker.backends.transformers import TransformersGenerator
from ranker.protocols import Prompt, WriteOptions
from ranker.types import Usage


@dataclass(frozen=True, slots=True)
class Run:
    """``usage``: tokens of all prompts, of these found computed, written; ``positions``: what the forwards were given,
    padding and written tokens included; ``inside``: seconds within forwards, of ``seconds``.
    """

    papers: int
    seconds: float
    usage: Usage
    positions: int
    inside: float

    @property
    def rate(self) -> float:
        return self.papers / self.seconds


@dataclass(frozen=True, slots=True)
class Work:
    """The same papers as prompts of each kind; ``whole``: label and reason asked for at once."""

    labels: tuple[Prompt, ...]
    reasons: tuple[Prompt, ...]
    whole: tuple[Prompt, ...]
    digits: tuple[str, ...]
    options: WriteOptions


class Meter:
    """While open: positions that a model's forwards are given, and the wall seconds inside and since."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.positions, self.inside, self.seconds = 0, 0.0, 0.0

    def __enter__(self) -> Meter:
        def before(_: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            self.positions += (inputs[0] if inputs else named["input_ids"]).numel()
            self._entered = time.perf_counter()

        def after(*_: Any) -> None:
            self.inside += time.perf_counter() - self._entered

        self._hooks = [
            self._model.register_forward_pre_hook(before, with_kwargs=True),
            self._model.register_forward_hook(after),
        ]
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        for hook in self._hooks:
            hook.remove()

    def run(self, papers: int, usage: Usage) -> Run:
        return Run(papers, self.seconds, usage, self.positions, self.inside)


class WholePrompts(ChatRenderer):
    """No head: every prompt is computed from its first token on."""

    def encode(self, prompts: Sequence[Prompt]) -> list[Encoded]:
        return [Encoded(e.key, (), tuple(e.ids)) for e in super().encode(prompts)]


def without_reuse(generator: TransformersGenerator) -> TransformersGenerator:
    """The same loop over the same weights, sharing no head's KV."""
    _ = generator._model  # loaded once for both
    twin = copy.copy(generator)
    twin._renderer = WholePrompts(generator._renderer.tokenizer, generator._renderer.model)
    twin.__dict__.pop("_heads", None)
    return twin


# -- ours ----------------------------------------------------------------------------------------------------------


def labels(generator: TransformersGenerator, work: Work) -> Run:
    """Pass 1."""
    generator._heads._kept.clear()
    before = generator.usage
    with Meter(generator._model) as meter:
        readings = list(generator.read_labels(iter(work.labels), work.digits))
    assert len(readings) == len(work.labels) and not any(r.error for r in readings)
    return meter.run(len(readings), generator.usage - before)


def two_passes(generator: TransformersGenerator, work: Work) -> Run:
    """A label for every paper, then a reason for some."""
    generator._heads._kept.clear()
    before = generator.usage
    with Meter(generator._model) as meter:
        readings = list(generator.read_labels(iter(work.labels), work.digits))
        texts = list(generator.write(iter(work.reasons), work.options))
    assert len(readings) == len(work.labels) and not any(r.error for r in readings)
    assert len(texts) == len(work.reasons) and not any(t.error for t in texts)
    return meter.run(len(readings), generator.usage - before)


def bare(generator: TransformersGenerator, work: Work) -> Run:
    """Nothing but the forwards of the batches that pass 1 makes, on ids made beforehand."""
    encoded = generator._renderer.encode(work.labels)
    size, ids = generator._settings.window, generator._tokens_of(work.digits).ids
    windows = [encoded[i : i + size] for i in range(0, len(encoded), size)]  # as they come, in each the longest first
    batches = [batch for window in windows for batch in length_batches(window, generator._budget, 1 << 16)]
    generator._heads._kept.clear()
    with Meter(generator._model) as meter:
        head, _ = generator._heads.get(encoded[0].head_ids)
        for batch in batches:
            label_probabilities(generator._model, head, batch, ids, generator._pad)
    found = len(encoded[0].head_ids) * (len(encoded) - 1)
    return meter.run(len(encoded), Usage(sum(e.length for e in encoded), found))


# -- plain users' scripts ------------------------------------------------------------------------------------------


def alone(generator: TransformersGenerator, work: Work, papers: int) -> Run:
    """The label's probabilities by one plain forward a paper, logits of the last position only."""
    import torch

    model, tokenizer = generator._model, generator._renderer.tokenizer
    digits, asked = list(generator._tokens_of(work.digits).ids), 0
    with Meter(model) as meter, torch.inference_mode():
        for prompt in work.labels[:papers]:
            ids = template_ids(tokenizer, [prompt])["input_ids"]
            logits = model(input_ids=ids, logits_to_keep=1, use_cache=False).logits[0, -1].float()
            torch.softmax(logits, -1)[digits].tolist()
            asked += ids.numel()
    return meter.run(papers, Usage(asked))


def json_each(generator: TransformersGenerator, work: Work, papers: int) -> Run:
    """The way that most projects ask: label and reason in one JSON object, one ``generate`` a paper."""
    texts, usage = 0, Usage()
    with Meter(generator._model) as meter:
        for prompt in work.whole[:papers]:
            made, found = generate(generator, [prompt], work.options.max_tokens)
            texts, usage = texts + len(made), usage + found
    return meter.run(texts, usage)


def one_generate(generator: TransformersGenerator, work: Work, papers: int) -> Run:
    """Label and reason in one JSON object, all papers in one padded ``generate``."""
    with Meter(generator._model) as meter:
        texts, usage = generate(generator, work.whole[:papers], work.options.max_tokens)
    return meter.run(len(texts), usage)


def shared_generate(generator: TransformersGenerator, work: Work, papers: int) -> Run:
    """The same with the head's KV computed once and handed to ``generate``, as its documentation shows."""
    with Meter(generator._model) as meter:
        texts, usage = generate(generator, work.whole[:papers], work.options.max_tokens, share=True)
    return meter.run(len(texts), usage)


def generate(
    generator: TransformersGenerator, prompts: Sequence[Prompt], most: int, *, share: bool = False
) -> tuple[list[str], Usage]:
    """Greedy texts of one ``generate``, padded on the left (``share``: between the head and the paper)."""
    import torch
    from transformers import DynamicCache

    model, tokenizer = generator._model, generator._renderer.tokenizer
    rows, more = len(prompts), {}
    with torch.inference_mode():
        if share:
            head, batch = _behind_head(generator, prompts)
            cache = DynamicCache(config=model.config)
            model(input_ids=head, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache.batch_repeat_interleave(rows)
            more["past_key_values"] = cache
        else:
            batch = template_ids(tokenizer, prompts)
        out = model.generate(**batch, **more, max_new_tokens=most, do_sample=False, pad_token_id=generator._pad)
    made = out[:, batch["input_ids"].shape[1] :].tolist()
    found = head.numel() * (rows - 1) if share else 0
    usage = Usage(int(batch["attention_mask"].sum()), found, sum(written(m, generator._decoder.ends) for m in made))
    return tokenizer.batch_decode(made, skip_special_tokens=True), usage


def template_ids(tokenizer: Any, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """``input_ids`` and ``attention_mask`` (rows, longest) by the tokenizer's own template call."""
    turns = [[{"role": "system", "content": p.head}, {"role": "user", "content": p.body}] for p in prompts]
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    try:
        found = tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
        )
    finally:
        tokenizer.padding_side = side
    return dict(found)


def _behind_head(generator: TransformersGenerator, prompts: Sequence[Prompt]) -> tuple[Any, dict[str, Any]]:
    """(ids of the common head (1, P), the whole ids and mask with each row's padding behind the head)."""
    import torch

    encoded = generator._renderer.encode(prompts)
    head = list(encoded[0].head_ids)
    width = max(len(e.tail_ids) for e in encoded)
    gaps = [width - len(e.tail_ids) for e in encoded]
    ids = [[*head, *[generator._pad] * gap, *e.tail_ids] for e, gap in zip(encoded, gaps, strict=True)]
    mask = [[*[1] * len(head), *[0] * gap, *[1] * (width - gap)] for gap in gaps]
    return torch.tensor([head]), {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def written(ids: Sequence[int], ends: frozenset[int]) -> int:
    """Tokens up to the first that ends a text, that one included: what follows it is padding."""
    return next((i for i, token in enumerate(ids, 1) if token in ends), len(ids))
