"""What an engine's last words mean: the cause among them, and the setting to change (0.26 to 0.33 word it alike)."""

from __future__ import annotations

import re

_ERROR = re.compile(
    r"^(?:\([\w-]+ pid=\d+\)\s*)*(?:ERROR[^\]]*\]\s*)?((?:\w+\.)*\w*(?:Error|Exception): .+)$", re.MULTILINE
)
_OURS = re.compile(r"^ranker: (.+)$", re.MULTILINE)
_KILLED = re.compile(r"(Worker proc \S+ died unexpectedly(?: \([^)]*\))?)")
_VAGUE = ("root cause", "Engine core", "ended with code", "EngineCore encountered", "RuntimeError: cancelled")
_CPU = "on a CPU: env.VLLM_CPU_KVCACHE_SPACE, whole GiB"

_ADVICE = (
    (
        ("desired GPU memory utilization", "desired CPU memory utilization"),
        f"lower gpu_memory_utilization in [vllm] ({_CPU}), or free the memory that other programs hold",
    ),
    (
        ("less than requested memory for kv",),
        "lower env.VLLM_CPU_KVCACHE_SPACE (whole GiB) or engine.kv_cache_memory_bytes in [vllm], "
        "or free the memory that other programs hold",
    ),
    (
        ("larger than the available KV cache memory", "No available memory for the cache"),
        f"lower max_model_len in [vllm], or raise gpu_memory_utilization ({_CPU}), "
        "or take a smaller or quantised model",
    ),
    (
        ("Failed to infer device type",),
        "this build of vLLM finds no device here: install its CPU build, or use --judge transformers",
    ),
    (
        ("InvalidCxxCompiler", "No working C++ compiler", "Failed to find C compiler"),
        "set enforce_eager = true in [vllm] (nothing is compiled then), or install a C++ compiler",
    ),
)


def cause(text: str, words: str) -> str:
    """The engine's own words: where the process only says "see above", the error above that tells most."""
    if not any(vague in text for vague in _VAGUE):
        return text[:400]
    found = [e for e in _ERROR.findall(words) if not any(vague in e for vague in _VAGUE)]
    telling = [e for e in found if _known(e) is not None or is_out_of_memory(e)]
    last: str = (telling or _KILLED.findall(words) or found or _OURS.findall(words) or [text])[-1]
    return last[:400]


def is_out_of_memory(words: str) -> bool:
    low = words.lower()
    return "out of memory" in low or "outofmemory" in low or "cannot allocate memory" in low or "bad_alloc" in low


def advice(words: str) -> str:
    """What to change in ``[vllm]``, by what the engine said."""
    known = _known(words)
    if known is not None:
        return known
    if is_out_of_memory(words):
        return "lower max_num_seqs and max_num_batched_tokens in [vllm], or take a smaller or quantised model"
    if _KILLED.search(words):
        return f"free memory or give the KV cache less ({_CPU}), if it was the system that killed it for want of memory"
    return "see the engine's words above; --judge transformers needs no vLLM"


def _known(words: str) -> str | None:
    return next((todo for marks, todo in _ADVICE if any(mark in words for mark in marks)), None)
