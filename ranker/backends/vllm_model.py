"""What is known of a vLLM engine without loading one: whether vLLM runs here, the model's tokenizer, who it will be."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from ranker.backends.chat import ChatRenderer
from ranker.backends.extras import install
from ranker.backends.transformers_files import read_config
from ranker.backends.tuned import read_tuned
from ranker.backends.vllm_settings import VllmSettings, vllm_folder
from ranker.backends.weights import fingerprint
from ranker.protocols import GeneratorInfo


def model_tokenizer(name: str) -> tuple[ChatRenderer, Any]:
    tokenizer, config = read_config(name)
    return ChatRenderer(tokenizer, name), config.get_text_config(decoder=True)


def describe(name: str, config: Any, settings: VllmSettings) -> tuple[GeneratorInfo, int]:
    """Who the generator is, known before the engine is since what is stored is keyed by it; and the context in tokens.

    ``max_context`` is less by what a head may be filled up by, so that papers are cut to leave room for it.
    """
    folder = Path(name)
    own = int(getattr(config, "max_position_embeddings", 0) or 0)
    limits = [limit for limit in (settings.max_model_len, own) if limit]
    weights = str(getattr(config, "dtype", None) or "").removeprefix("torch.")
    dtype = settings.dtype if settings.dtype != "auto" else f"auto-{weights or 'unknown'}"
    try:
        version = importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    extras = [settings.quantization, settings.kv_cache_dtype]
    if settings.align_heads:
        extras.append(f"heads-of-{settings.align_heads}")
    context = min(limits) if limits else 4096
    tuned = read_tuned(folder)
    info = GeneratorInfo(
        backend="vllm",
        model=folder.name if folder.is_dir() else name,
        revision=fingerprint(folder) if folder.is_dir() else str(getattr(config, "_commit_hash", "") or ""),
        engine_version=version,
        max_context=context - settings.align_heads,
        dtype="+".join([dtype, *(e for e in extras if e)]),
        templates=tuned.template_files(folder) if tuned else (),
        tuned_for=tuned.prompt_hash if tuned else "",
    )
    return info, context


_PROBE = """
import json
from vllm import LLM, SamplingParams
from vllm.platforms import current_platform
print("RANKER " + json.dumps(str(current_platform.device_type or "")))
"""


@lru_cache(maxsize=1)
def usable() -> tuple[bool, str]:
    """(whether vLLM can run here, the device it found or why not). Decided by importing it, in a process of its own."""
    if vllm_folder() is None:
        return False, f"not installed; {install('vllm')}"
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return False, "importing it took over 300 s"
    for line in done.stdout.splitlines():
        if line.startswith("RANKER "):
            device = str(json.loads(line.removeprefix("RANKER ")))
            return bool(device), device or "it imports, but finds no device that it was built for"
    last = (done.stderr.strip().splitlines() or ["no words"])[-1]
    return False, f"it does not import: {last[:300]}"
