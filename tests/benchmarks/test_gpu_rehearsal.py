"""The rehearsal of the GPU benchmarks, as far as it goes without vLLM: arguments, shapes, refusals, contradictions."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu_throughput
from benchmarks.gpu import card, rehearsal
from benchmarks.gpu.checks import contradictions
from benchmarks.gpu.report import Model
from benchmarks.gpu.shapes import REHEARSED, SHAPES, Rates, Shape, shape_of
from benchmarks.machine import machine
from ranker.backends.vllm_settings import VllmSettings


def test_a_rehearsal_is_small_and_goes_elsewhere() -> None:
    asked = gpu_throughput._arguments(["--rehearse"])
    assert asked.models == "Rehearsal,Rehearsal-MoE" and asked.starts == "Rehearsal"
    assert (asked.papers, asked.barrier, asked.repeats) == (16, 6, 1)
    assert asked.out == rehearsal.OUT / "gpu_throughput.json"
    said = gpu_throughput._arguments(["--rehearse", "--papers", "8", "--models", "Rehearsal-MoE"])
    assert (said.papers, said.models) == (8, "Rehearsal-MoE")
    real = gpu_throughput._arguments([])
    assert real.models == ",".join(SHAPES) and real.out == gpu_throughput.RESULT and real.barrier == 64


def test_a_rehearsal_is_not_written_among_measurements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in (gpu_throughput.RESULT, rehearsal.RESULTS / "deeper" / "other.json"):
        with pytest.raises(SystemExit):
            gpu_throughput._arguments(["--rehearse", "--out", str(out)])
        assert "benchmarks/results is for measurements" in capsys.readouterr().err
    there = tmp_path / "gpu.json"
    there.write_text('{"card": {}}', encoding="utf-8")
    assert "a measurement is there" in rehearsal.refusal(there)
    there.write_text(json.dumps({"rehearsal": rehearsal.SAID}), encoding="utf-8")
    assert rehearsal.refusal(there) == "" == rehearsal.refusal(tmp_path / "new.json")


def test_its_shapes_are_built_like_the_real_ones() -> None:
    assert shape_of("Qwen3-8B") is SHAPES["Qwen3-8B"] and shape_of("Rehearsal") is REHEARSED["Rehearsal"]
    assert not set(SHAPES) & set(REHEARSED)
    for name, like in (("Rehearsal", "Qwen3-8B"), ("Rehearsal-MoE", "Qwen3-30B-A3B")):
        small, real = REHEARSED[name].config(), SHAPES[like].config()
        assert small.keys() == real.keys() and small["architectures"] == real["architectures"]
    # a layer: q and out 2 x 256 x 256, k and v 2 x 256 x 128, three matrices 256 x 512
    assert REHEARSED["Rehearsal"].active == 2 * (131_072 + 65_536 + 393_216)


def test_its_settings_can_be_said_to_an_engine_and_in_a_file() -> None:
    settings: dict[str, Any] = {"load_format": "dummy", **rehearsal.SETTINGS}
    assert VllmSettings(**settings).arguments("cpu")["kv_cache_memory_bytes"] == 1 << 30
    assert tomllib.loads(rehearsal.toml_table("vllm", settings)) == {"vllm": settings}


def test_a_cpu_is_measured_where_there_is_no_card() -> None:
    rates = card.measure("cpu", side=64, copied=1 << 20, seconds=0.01)
    assert rates.flops > 0 and rates.bandwidth > 0
    assert card.describe("cpu") == {"name": "none: on the CPU", "memory_gib": None, "driver": None}


def run(papers: int, made: int, prompt: int, found: int = 0) -> dict[str, Any]:
    return {
        "papers": papers, "seconds": 1.0, "generated": made, "counted": made, "asked": prompt, "found": found
    }  # fmt: skip


def raw() -> dict[str, Any]:
    """4 papers of 10 + 5 tokens, one reason (25%) of 8 + 5."""
    two = run(4, 4 + 90, 4 * 15 + 13, 30)
    found = {
        "ours_0.25": {**two, "prompt": 73, "cached": 30},
        "bare_0.25": dict(two),
        "own_bench_0.25": dict(two),
        "one_generate": run(4, 400, 60),
        "barriers_of_2": run(2, 200, 30),
    }
    tables = {"label": [[10, 5, 1, 4]], "reason_0.25": [[8, 5, 90, 1]], "json": [[10, 5, 100, 4]]}
    return {"papers": 4, "papers_barrier": 2, "barrier": 2, "requests": tables, "rounds": [found]}


def test_what_agrees_has_no_contradictions() -> None:
    assert contradictions(raw(), (0.25,), {}) == []


@pytest.mark.parametrize(
    ("contender", "field", "value", "said"),
    [
        ("ours_0.25", "counted", 95, "ours_0.25 in round 1: counted is 95, not 94"),
        ("one_generate", "generated", 399, "one_generate in round 1: generated is 399, not 400"),
        ("bare_0.25", "found", 74, "bare_0.25 in round 1: 74 tokens found of 73"),
        ("own_bench_0.25", "asked", 72, "own_bench_0.25 in round 1: 72 tokens looked up of 73"),
        ("ours_0.25", "cached", 29, "ours_0.25 in round 1: cached is 29, not 30"),
        ("barriers_of_2", "error", "no", "barriers_of_2 in round 1: no"),
    ],
)
def test_each_contradiction_is_named(contender: str, field: str, value: object, said: str) -> None:
    altered = raw()
    altered["rounds"][0][contender][field] = value
    assert contradictions(altered, (0.25,), {}) == [said]


def test_other_contradictions() -> None:
    assert contradictions({}, (0.25,), {}) == ["nothing was measured"]
    row = {"contenders": {"one_generate": {"percent_of_ceiling": 101.0}}}
    assert contradictions(raw(), (0.25,), row) == ["one_generate: 101.0% of what the formula calls the ceiling"]
    few = raw()
    del few["rounds"][0]["one_generate"]
    assert contradictions(few, (0.25,), {}) == ["one_generate was never measured"]
    many = raw()
    many["requests"]["reason_0.25"] = [[8, 5, 90, 2]]
    assert "2 reasons for 4 papers are not 25%" in contradictions(many, (0.25,), {})
    begun = {
        **raw(),
        "starts": {"bulk_cold_s": 1.0, "bulk_warm_s": 1.0},
        "left_out": ["start daily_cold: no time left"],
    }
    assert contradictions(begun, (0.25,), {}) == ["start daily_warm: none"]


def test_what_is_measured_is_kept_while_the_rest_is_under_way(tmp_path: Path) -> None:
    out = tmp_path / "raw.json"
    script = (
        f"import json, pathlib, time; p = pathlib.Path({str(out)!r})\n"
        "for papers in (1, 2):\n"
        "    n = p.with_name('n'); n.write_text(json.dumps({'papers': papers})); n.replace(p); time.sleep(1.2)"
    )
    child = subprocess.Popen([sys.executable, "-c", script])
    rows = list(gpu_throughput._rows(child, out))
    assert {"papers": 1, "unfinished": True} in rows and rows[-1] == {"papers": 2}


def test_a_rehearsal_and_a_measurement_never_share_a_file(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    names = {"name": "none: on the CPU"}
    real = gpu_throughput._arguments(["--out", str(out)])
    model = Model(Shape("x", 1, 1, 1, 1, 1), Rates(1e12, 1e11), {"error": "none"}, (0.25,))
    before = {"rehearsal": rehearsal.SAID, "card": names, "machine": machine(), "models": {"old": {}}}
    out.write_text(json.dumps(before), encoding="utf-8")
    assert list(gpu_throughput._result({"x": model}, names, real)["models"]) == ["x"]
    again = gpu_throughput._result({"y": model}, names, real)
    assert list(again["models"]) == ["x", "y"] and "rehearsal" not in again
