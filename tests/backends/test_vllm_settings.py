"""Engine arguments and variables: by name, against vLLM's own source where it is there, else against the stand-in's."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ranker import resources
from ranker.backends import vllm_settings
from ranker.backends.vllm_advice import advice, cause
from ranker.backends.vllm_settings import OWN, VllmSettings, check_names, engine_names, env_names, preset
from ranker.errors import ConfigError
from ranker.toml import Reader

STUB = Path(__file__).parent / "stub_vllm" / "vllm"


def source() -> Path:
    return vllm_settings.vllm_folder() or STUB


def test_every_setting_of_ours_is_a_field_of_the_engine() -> None:
    known = engine_names(source())
    assert set(OWN) <= known
    assert {n for name in ("daily", "bulk") for n in preset(name, "cuda")} <= known
    assert set(OWN) <= {f.name for f in fields(VllmSettings)}


def test_unknown_names_are_refused_with_the_nearest_known_one() -> None:
    check_names(VllmSettings(engine={"swap_space": 4} if source() == STUB else {"seed": 1}), source())
    with pytest.raises(ConfigError, match=r"(?s)engine\.optimisation_level.*optimization_level"):
        check_names(VllmSettings(engine={"optimisation_level": 1}), source())
    check_names(VllmSettings(env={"VLLM_CPU_KVCACHE_SPACE": "4", "OMP_NUM_THREADS": "2"}), source())
    with pytest.raises(ConfigError, match="VLLM_CPU_KV_SPACE"):
        check_names(VllmSettings(env={"VLLM_CPU_KV_SPACE": "4"}), source())
    assert "VLLM_CPU_KVCACHE_SPACE" in env_names(source())


def test_what_is_ours_can_not_be_set_behind_our_back() -> None:
    for name in (
        "dtype",
        "model",
        "trust_remote_code",
        "disable_log_stats",
        "logprobs_mode",
        "tokenizer",
        "spec_model",
    ):
        with pytest.raises(ValueError, match=name):
            VllmSettings(engine={name: "x"})
    with pytest.raises(ValueError, match="LD_PRELOAD"):
        VllmSettings(env={"LD_PRELOAD": "x"})
    with pytest.raises(ValueError, match="off the network"):
        VllmSettings(env={"VLLM_NO_USAGE_STATS": "0"})
    with pytest.raises(ValueError, match="whole GiB"):  # vLLM's own words would be "invalid literal for int()"
        VllmSettings(env={"VLLM_CPU_KVCACHE_SPACE": "0.5"})
    with pytest.raises(ValueError, match="gpu_memory_utilization"):
        VllmSettings(gpu_memory_utilization=1.5)


def test_presets_set_nothing_that_only_a_gpu_knows_where_there_is_none() -> None:
    given = VllmSettings(preset="bulk", dtype="bfloat16", enforce_eager=True, max_num_seqs=8)
    expected = {
        "dtype": "bfloat16",
        "max_model_len": 4096,
        "max_num_seqs": 8,
        "tensor_parallel_size": 1,
        "enforce_eager": True,
        "disable_log_stats": False,
    }
    assert given.arguments("cpu") == {**expected, "kv_cache_memory_bytes": 4 << 30}
    assert given.arguments("xpu") == expected
    assert given.arguments("cuda") == {**expected, **preset("bulk", "cuda")}
    chosen = VllmSettings(preset="bulk", performance_mode="balanced").arguments("cuda")
    assert chosen["performance_mode"] == "balanced"  # what a person sets stands over the preset
    assert VllmSettings().arguments("cpu")["enforce_eager"] is True
    assert VllmSettings(enforce_eager=False).arguments("cpu")["enforce_eager"] is False
    shared = VllmSettings(gpu_memory_utilization=0.4).arguments("cpu")  # a share that was asked for sizes the cache
    assert shared["gpu_memory_utilization"] == 0.4 and "kv_cache_memory_bytes" not in shared


def test_after_running_out_of_memory_less_is_asked() -> None:
    facts = {"device": "cuda", "max_num_seqs": 1024, "max_num_batched_tokens": 16384}
    less = VllmSettings().after_out_of_memory(facts)  # vLLM's own defaults are halved too
    assert less.gpu_memory_utilization == pytest.approx(0.85)
    assert (less.max_num_seqs, less.max_num_batched_tokens) == (512, 8192)
    on_cpu = VllmSettings(max_num_seqs=8).after_out_of_memory({**facts, "device": "cpu", "max_num_seqs": 8})
    assert (on_cpu.max_num_seqs, on_cpu.gpu_memory_utilization) == (4, 0.0)


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        ("Free memory on device cuda:0 is less than desired GPU memory utilization", "lower gpu_memory_utilization"),
        ("No available memory for the cache blocks.", "lower max_model_len"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "lower max_num_seqs"),
        (
            "Available memory on node 0 is less than requested memory for kv (4 GiB).",
            "lower env.VLLM_CPU_KVCACHE_SPACE",
        ),
        ("torch._inductor.exc.InvalidCxxCompiler: No working C++ compiler found", "enforce_eager = true"),
        ("RuntimeError: Failed to infer device type", "CPU build"),
        ("something else", "transformers"),
    ],
)
def test_the_advice_names_the_setting_to_change(words: str, todo: str) -> None:
    assert todo in advice(words)


def test_the_cause_is_looked_for_above() -> None:
    log = (
        "(EngineCore pid=12) ERROR 11-20 18:00:00 [core.py:10] torch.OutOfMemoryError: CUDA out of memory. 2 GiB\n"
        "RuntimeError: Engine core initialization failed. See root cause above.\n"
    )
    said = "RuntimeError: Engine core initialization failed. See root cause above."
    assert cause(said, log) == "torch.OutOfMemoryError: CUDA out of memory. 2 GiB"
    assert cause("ValueError: plain", log) == "ValueError: plain"
    nested = (
        "(EngineCore pid=12) (Worker pid=13) ERROR 11-20 18:00:00 [executor.py:9] ValueError: Available memory "
        "on node 0 (1/2 GiB) on kv cache allocation is less than requested memory for kv (4 GiB).\n"
        "(EngineCore pid=12) ERROR 11-20 18:00:01 [core.py:10] RuntimeError: cancelled\n"
    )
    assert cause(said, nested).startswith("ValueError: Available memory")
    on_cpu = (
        "(VllmWorker-0 pid=13) ERROR 11-21 02:09:52 [multiproc_executor.py:953] ValueError: Available memory on node 0 "
        "(21.3/23.5 GiB) on startup is less than desired CPU memory utilization (0.97, 22.8 GiB).\n"
        "(EngineCore pid=12) ERROR 11-21 02:09:53 [core.py:1510] Exception: WorkerProc initialization failed due to an "
        "exception in a background process. See stack trace for root cause.\n"
    )
    assert cause(said, on_cpu).startswith("ValueError: Available memory on node 0")


def test_a_worker_that_the_system_killed_is_named() -> None:
    """Killed with -9, vLLM 0.32 says so in a line without an error, and ends with "cancelled"."""
    log = (
        "(EngineCore pid=12) ERROR 11-21 02:13:01 [multiproc_executor.py:315] Worker proc VllmWorker-0 died "
        "unexpectedly (exit code: -9), shutting down executor.\n"
        "(EngineCore pid=12) ERROR 11-21 02:13:01 [core.py:1512] RuntimeError: cancelled\n"
    )
    assert cause("RuntimeError: cancelled", log) == "Worker proc VllmWorker-0 died unexpectedly (exit code: -9)"
    assert "VLLM_CPU_KVCACHE_SPACE" in advice(log)
    enough = f"{log}(Worker pid=13) ERROR 11-21 02:13:00 [a.py:1] torch.OutOfMemoryError: CUDA out of memory.\n"
    assert cause("RuntimeError: cancelled", enough).startswith("torch.OutOfMemoryError")


def test_the_packaged_file_lists_every_key_with_its_default() -> None:
    """Every commented key, with the comment sign taken away; ``enforce_eager`` can also be left out."""
    text = (resources.config_dir() / "ranker.toml").read_text(encoding="utf-8")
    section = text.partition("[vllm]")[2].partition("\n[")[0]
    lines = [line.removeprefix("# ") for line in section.splitlines() if line.startswith("# ")]
    table = tomllib.loads("\n".join(lines))
    assert list(table) == [f.name for f in fields(VllmSettings)]
    assert Reader("ranker.toml", "").build(VllmSettings, table) == replace(VllmSettings(), enforce_eager=True)
