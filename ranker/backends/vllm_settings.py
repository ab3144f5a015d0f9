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
    "runner": "a judge generates",
}
_OTHER_ENV = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """The table ``[vllm]``. 0, "" and None leave a value to the preset, and then to vLLM.

    ``preset``: ``daily`` (fast start) or ``bulk`` (throughput); neither sets anything that only a GPU knows where there
    is none. ``max_model_len`` in tokens; ``gpu_memory_utilization`` as a share (of the card, or of RAM on a CPU).
    ``engine``: further engine arguments by vLLM's own names; ``env``: ``VLLM_*`` variables of the engine's process.
    ``in_flight``: prompts given to the engine ahead, 0 = twice what it runs at once. ``start_seconds``: patience with
    its start. ``resubmissions``: times that a prompt is tried again when the engine died under it.
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

    def __post_init__(self) -> None:
        if not 0.0 <= self.gpu_memory_utilization <= 1.0:
            raise ValueError("gpu_memory_utilization must lie in 0..1 (0 = vLLM's default)")
        for name in ("max_model_len", "max_num_seqs", "max_num_batched_tokens", "in_flight", "resubmissions"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more")
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
            if not name.startswith("VLLM_") and name not in _OTHER_ENV:
                raise ValueError(f"env.{name}: only VLLM_* variables and {', '.join(_OTHER_ENV)} can be set here")
            if not isinstance(value, str):
                raise ValueError(f'env.{name}: write the value as a string, "{value}"')

    def chosen(self) -> dict[str, Any]:
        """Engine arguments that this configuration sets, without the preset's."""
        own = {name: getattr(self, name) for name in OWN}
        return {**{k: v for k, v in own.items() if v is False or v not in (0, "", None)}, **self.engine}

    def arguments(self, device: str) -> dict[str, Any]:
        """All engine arguments on a device (``cuda``, ``cpu``, ...): the preset's, and over them the chosen ones."""
        return {**preset(self.preset, device), **self.chosen(), "disable_log_stats": False}

    def after_out_of_memory(self) -> VllmSettings:
        """The same with more room beside the KV cache, for a restart after the engine ran out of memory at work."""
        share = max(0.3, (self.gpu_memory_utilization or 0.92) - 0.07)
        rows, tokens = self.max_num_seqs // 2, self.max_num_batched_tokens // 2
        return dataclasses.replace(self, gpu_memory_utilization=share, max_num_seqs=rows, max_num_batched_tokens=tokens)


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
    """``daily`` compiles less, since 300 papers are seconds of work; ``bulk`` takes the time to run faster."""
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
    arguments = {*settings.chosen(), *preset(settings.preset, "cuda")}
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
