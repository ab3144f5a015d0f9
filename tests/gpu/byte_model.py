"""A random Llama with a tokenizer of bytes, made on the fly: needs no package and no file beside vLLM's own."""

from __future__ import annotations

from pathlib import Path

from ranker.backends.vllm_settings import VllmSettings

_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_model(folder: Path) -> Path:
    """2 layers of width 64 in float32, heads of 64: a width that vLLM's attention takes on a CPU and on a GPU."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    markers = ["<|im_start|>", "<|im_end|>", *(f"<|spare_{i}|>" for i in range(62))]  # every id has a token
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(markers)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=markers[0], eos_token=markers[1], pad_token=markers[1]
    )
    fast.chat_template = _TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320,  # 256 bytes and the markers
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=16384,
        tie_word_embeddings=True,
        bos_token_id=256,
        eos_token_id=257,
        pad_token_id=257,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    return folder


def small(**changes: object) -> VllmSettings:
    """Settings for tests: float32, nothing compiled, 1 GiB of KV cache on a CPU as on a GPU that others use too."""
    settings: dict[str, object] = {
        "dtype": "float32",
        "max_model_len": 2048,
        "max_num_seqs": 32,
        "enforce_eager": True,
        "gpu_memory_utilization": 0.3,
        "engine": {"kv_cache_memory_bytes": 1 << 30},
        "env": {"VLLM_CPU_KVCACHE_SPACE": "1"},
    }
    return VllmSettings(**{**settings, **changes})  # type: ignore[arg-type]
