"""Engine arguments and variables: by name, against vLLM's own source where it is there, else against the stand-in's."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from ranker.backends import vllm_settings
from ranker.backends.vllm_process import _cause, advice
from ranker.backends.vllm_settings import OWN, VllmSettings, check_names, engine_names, env_names, preset
from ranker.errors import ConfigError

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
    for name in ("dtype", "model", "trust_remote_code", "disable_log_stats"):
        with pytest.raises(ValueError, match=name):
            VllmSettings(engine={name: "x"})
    with pytest.raises(ValueError, match="LD_PRELOAD"):
        VllmSettings(env={"LD_PRELOAD": "x"})
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
    assert given.arguments("cpu") == expected
    assert given.arguments("cuda") == {**expected, **preset("bulk", "cuda")}
    chosen = VllmSettings(preset="bulk", performance_mode="balanced").arguments("cuda")
    assert chosen["performance_mode"] == "balanced"  # what a person sets stands over the preset
    assert VllmSettings(enforce_eager=False).arguments("cpu")["enforce_eager"] is False


def test_after_running_out_of_memory_less_is_asked() -> None:
    less = VllmSettings(max_num_seqs=256).after_out_of_memory()
    assert less.gpu_memory_utilization == pytest.approx(0.85)
    assert less.max_num_seqs == 128


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        ("Free memory on device cuda:0 is less than desired GPU memory utilization", "lower gpu_memory_utilization"),
        ("No available memory for the cache blocks.", "lower max_model_len"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "lower max_num_seqs"),
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
    assert _cause(said, log) == "torch.OutOfMemoryError: CUDA out of memory. 2 GiB"
    assert _cause("ValueError: plain", log) == "ValueError: plain"
