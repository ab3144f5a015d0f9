"""A tokenizer of our own making and model folders without weights: real shapes, real prompts, nothing downloaded.

A byte-level BPE trained on the papers and prompts of the benchmark, filled up to the model's vocabulary with tokens
that no text ever gives, so that every id that random weights choose has a token. Marks turns as ChatML does. Runs of
Chinese characters are split into pairs before merging: a BPE trained on a few prompts would else learn whole phrases
of theirs as tokens, and a head would shrink to a tenth of what a real model reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.gpu.shapes import Shape

MARKERS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_MERGED = 24_000
_LONGEST = 16
"""Bytes of a token: rare names stay in pieces, as in a vocabulary that was not made for these texts."""

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{Han}{1,2}|[^\r\n\p{L}\p{N}]?[\p{L}&&[^\p{Han}]]+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def train(texts: Iterable[str], vocabulary: int, merged: int = _MERGED) -> Any:
    """A ``tokenizers.Tokenizer`` of exactly ``vocabulary`` ids, the markers last."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    words = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = words
    trainer = trainers.BpeTrainer(
        vocab_size=min(merged, vocabulary - len(MARKERS)),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=_LONGEST,
        min_frequency=2,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    ids: dict[str, int] = dict(model["vocab"])
    for i in range(len(ids), vocabulary - len(MARKERS)):
        ids[f"<spare {i}>"] = i  # a space never occurs in a byte-level token, so no text ever gives one
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[tuple(pair) for pair in model["merges"]]))
    tokenizer.pre_tokenizer = words
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(MARKERS))
    return tokenizer


def write_tokenizer(tokenizer: Any, folder: Path) -> None:
    """tokenizer.json and its config, with the chat template."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": MARKERS[0],
        "eos_token": MARKERS[2],
        "pad_token": MARKERS[0],
        "model_max_length": 40_960,
        "clean_up_tokenization_spaces": False,
        "chat_template": _TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def write_model(shape: Shape, tokenizer: Path, folder: Path) -> Path:
    """A folder that ``load_format="dummy"`` takes for a model: the shape's config beside the tokenizer's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tokenizer / name).read_bytes())
    (folder / "config.json").write_text(json.dumps(shape.config(), indent=1) + "\n", encoding="utf-8")
    return folder
