"""Some of EngineArgs' fields, named as in vLLM 0.32.0."""

from dataclasses import dataclass


@dataclass
class EngineArgs:
    model: str = ""
    dtype: str = "auto"
    max_model_len: int = 0
    gpu_memory_utilization: float = 0.92
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    tensor_parallel_size: int = 1
    quantization: str | None = None
    kv_cache_dtype: str = "auto"
    enforce_eager: bool = False
    load_format: str = "auto"
    performance_mode: str = "balanced"
    optimization_level: int = 2
    swap_space: float = 4
    kv_cache_memory_bytes: int | None = None
    disable_log_stats: bool = False
