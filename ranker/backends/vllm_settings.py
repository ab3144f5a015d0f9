"""Everything that can be said to a vLLM engine; names that this vLLM does not know are refused before it starts."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ranker.errors import ConfigError

# Ours to set: where they come from elsewhere, or where changing them would break a promise.
_FIXED = {
    "model": "give --model",
    "disable_log_stats": "the hit rate of the prefix cache is read from the engine's statistics",
    "trust_remote_code": "a model's own code is never run",
    "skip_tokenizer_init": "the engine needs its tokenizer for stops",
    "tokenizer": "prompts are tokenised with the model's own",
    "revision": "give the folder of that revision as --model",
    "hf_token": "no model is fetched",
    "runner": "a judge generates",
    **dict.fromkeys(
        ("speculative_config", "spec_method", "spec_model", "spec_tokens"),
        "drafts and chosen log-probabilities don't mix",
    ),
    "logprobs_mode": "relevance is read from raw probabilities",
    "logits_processors": "relevance is read from raw probabilities",
}
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Variables of the engine's process that keep it off the network."""
_OTHER_ENV = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
    "CPU_VISIBLE_MEMORY_NODES",
    "OMP_NUM_THREADS",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
)
_CPU_KV_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """The table ``[vllm]``. 0, "" and None leave a value to the preset, and then to vLLM.

    ``preset``: ``daily`` (fast start) or ``bulk`` (throughput); neither sets anything that only a GPU knows where there
    is none. ``max_model_len`` in tokens; ``gpu_memory_utilization`` as a share (of the card, or of RAM on a CPU).
    ``engine``: further engine arguments by vLLM's own names; ``env``: ``VLLM_*`` variables of the engine's process.
    ``in_flight``: prompts given to the engine ahead, 0 = twice what it runs at once. ``start_seconds``: patience with
    its start. ``resubmissions``: times that a prompt is tried again when the engine died under it. ``align_heads``:
    0, or the tokens to a multiple of which heads are filled up (``ranker.backends.vllm_align`` says what for).
    """

    preset: Literal["daily", "bulk"] = "daily"
    dtype: str = "auto"
    max_model_len: int = 4096
    gpu_memory_utilization: float = 0.0
    max_num_seqs: int = 0
    max_num_batched_tokens: int = 0
    tensor_parallel_size: int = 1
    quantization: str = ""
    kv_cache_dtype: str = ""
    enforce_eager: bool | None = None
    load_format: str = ""
    performance_mode: str = ""
    engine: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    in_flight: int = 0
    start_seconds: float = 1800.0
    resubmissions: int = 2
    align_heads: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.gpu_memory_utilization <= 1.0:
            raise ValueError("gpu_memory_utilization must lie in 0..1 (0 = vLLM's default)")
        for name in ("max_model_len", "max_num_seqs", "max_num_batched_tokens", "in_flight", "resubmissions"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more")
        if not 0 <= self.align_heads <= 1024:
            raise ValueError("align_heads must lie in 0..1024 (0 = heads stay as they are)")
        if self.tensor_parallel_size < 1:
            raise ValueError("tensor_parallel_size must be 1 or more")
        if self.start_seconds <= 0:
            raise ValueError("start_seconds must be above 0")
        for name in self.engine:
            if name in OWN:
                raise ValueError(f"engine.{name}: write it as vllm.{name}")
            if name in _FIXED:
                raise ValueError(f"engine.{name} can't be set: {_FIXED[name]}")
        for name, value in self.env.items():
            if name in QUIET:
                raise ValueError(f"env.{name} can't be set: the engine stays off the network")
            if not name.startswith("VLLM_") and name not in _OTHER_ENV:
                raise ValueError(f"env.{name}: only VLLM_* variables and {', '.join(_OTHER_ENV)} can be set here")
            if not isinstance(value, str):
                raise ValueError(f'env.{name}: write the value as a string, "{value}"')
            if name == "VLLM_CPU_KVCACHE_SPACE" and not re.fullmatch("[0-9]*", value):
                raise ValueError(f"env.{name} is {value!r}: write whole GiB; engine.kv_cache_memory_bytes takes bytes")

    def chosen(self) -> dict[str, Any]:
        """Engine arguments that this configuration sets, without the preset's."""
        own = {name: getattr(self, name) for name in OWN}
        return {**{k: v for k, v in own.items() if v is False or v not in (0, "", None)}, **self.engine}

    def arguments(self, device: str) -> dict[str, Any]:
        """All engine arguments on a device (``cuda``, ``cpu``, ...): the preset's, and over them the chosen ones."""
        base = preset(self.preset, device)
        if self.gpu_memory_utilization:
            base.pop("kv_cache_memory_bytes", None)  # it would win over the share that was asked for
        return {**base, **self.chosen(), "disable_log_stats": False}

    def after_out_of_memory(self, facts: Mapping[str, Any]) -> VllmSettings:
        """The same with more room beside the KV cache, for a restart after the engine ran out of memory at work.

        ``facts``: what the engine had settled on, so that vLLM's own defaults are halved too.
        """
        share = max(0.3, (self.gpu_memory_utilization or 0.92) - 0.07)
        rows = max(1, int(facts.get("max_num_seqs", self.max_num_seqs)) // 2)
        tokens = max(rows, 512, int(facts.get("max_num_batched_tokens", self.max_num_batched_tokens)) // 2)
        less = dataclasses.replace(self, max_num_seqs=rows, max_num_batched_tokens=tokens)
        if facts.get("device") == "cpu":  # the share is not what sizes the KV cache there
            return less
        return dataclasses.replace(less, gpu_memory_utilization=share)


OWN = (
    "dtype",
    "max_model_len",
    "gpu_memory_utilization",
    "max_num_seqs",
    "max_num_batched_tokens",
    "tensor_parallel_size",
    "quantization",
    "kv_cache_dtype",
    "enforce_eager",
    "load_format",
    "performance_mode",
)


def preset(name: str, device: str) -> dict[str, Any]:
    """``daily`` compiles less, since 300 papers are seconds of work; ``bulk`` takes the time to run faster.

    On a CPU vLLM's default is a KV cache of 92% of all RAM, and no start where other programs hold some: 4 GiB hold
    some 30,000 tokens of an 8B model, which is more than its cores have in work. ``VLLM_CPU_KVCACHE_SPACE`` wins over
    it. Compiling needs a C++ compiler there and a minute or more, so that only ``bulk`` does it.
    """
    if device == "cpu":
        base: dict[str, Any] = {"kv_cache_memory_bytes": _CPU_KV_BYTES}
        return {**base, "enforce_eager": True} if name == "daily" else base
    if device != "cuda":
        return {}
    if name == "daily":
        return {"optimization_level": 1}
    return {"performance_mode": "throughput", "gpu_memory_utilization": 0.94}


def vllm_folder() -> Path | None:
    """Where vLLM is installed, found without importing it."""
    spec = importlib.util.find_spec("vllm")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def engine_names(folder: Path) -> frozenset[str]:
    """Fields of ``EngineArgs``, read from its source: importing vLLM takes seconds and may touch the GPU."""
    tree = ast.parse((folder / "engine" / "arg_utils.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "EngineArgs":
            fields = (n.target for n in node.body if isinstance(n, ast.AnnAssign))
            return frozenset(t.id for t in fields if isinstance(t, ast.Name))
    return frozenset()


def env_names(folder: Path) -> frozenset[str]:
    """``VLLM_*`` variables that this vLLM's sources name (some platforms read theirs outside ``envs.py``)."""
    files = [folder / "envs.py", *folder.glob("platforms/*.py"), *folder.glob("v1/worker/cpu*.py")]
    return frozenset(
        name for f in files if f.is_file() for name in re.findall(r"VLLM_[A-Z0-9_]+", f.read_text(encoding="utf-8"))
    )


def check_names(settings: VllmSettings, folder: Path) -> None:
    """Refuse by name what the installed vLLM does not know.

    Raises:
        ConfigError: an unknown engine argument or ``VLLM_*`` variable, with the nearest known one.
    """
    arguments = {*settings.chosen(), *preset(settings.preset, "cuda"), *preset(settings.preset, "cpu")}
    _known("engine", arguments, engine_names(folder))
    _known("env", (n for n in settings.env if n not in _OTHER_ENV), env_names(folder))


def _known(table: str, names: Iterable[str], known: frozenset[str]) -> None:
    for name in sorted(names):
        if known and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"vllm.{table}.{name} is not known to the installed vLLM",
                where="[vllm]",
                todo=f"did you mean {near[0]}?" if near else "remove it, or see `vllm serve --help=all`",
            )
