"""The vLLM backend's faults, provoked with a stand-in module through the same code and the same processes."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ranker.backends import vllm_settings
from ranker.backends.vllm import VllmGenerator, usable
from ranker.backends.vllm_settings import VllmSettings
from ranker.errors import BackendError, ConfigError
from ranker.protocols import Prompt, WriteOptions
from tests.backends.language_models import DIGITS, HEAD, OTHER_HEAD, paper_prompts, tiny_model

STUB = Path(__file__).parent / "stub_vllm"
Start = Callable[..., VllmGenerator]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def start(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a generator over the stand-in with an order; ends them all."""
    monkeypatch.setattr("ranker.backends.vllm.vllm_folder", lambda: STUB / "vllm")
    monkeypatch.setenv("PYTHONPATH", f"{STUB}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("RANKER_API_KEY", "sk-not-for-the-engine")
    started: list[VllmGenerator] = []

    def begin(settings: VllmSettings | None = None, **order: Any) -> VllmGenerator:
        monkeypatch.setenv("RANKER_STUB", json.dumps(order))
        started.append(VllmGenerator(tiny, settings or VllmSettings(max_model_len=512, max_num_seqs=4, in_flight=16)))
        return started[-1]

    yield begin
    for generator in started:
        generator.close()


def test_readings_come_from_the_labels_ids(start: Start) -> None:
    generator = start()
    prompts = paper_prompts(6)
    readings = {r.key: r for r in generator.read_labels(prompts, DIGITS)}
    digits = [32 + i for i in range(10)]  # SmolLM2's ids of 0-9
    for encoded in generator._renderer.encode(prompts):
        expected = [2.718281828 ** (-1.0 - 0.1 * ((sum(encoded.ids) + t) % 20)) for t in digits]
        assert readings[encoded.key].probabilities == pytest.approx(expected)
        assert readings[encoded.key].usage.prompt == encoded.length
    assert generator.facts()["block_size"] == 128 and generator.facts()["by_ids"]
    assert generator.usage.generated == 6


def test_an_older_engine_returns_twenty_and_missing_labels_are_named(start: Start) -> None:
    (reading,) = start(old=True).read_labels(paper_prompts(1), DIGITS)
    assert reading.missing == ("5", "6", "7", "8", "9")
    assert reading.probabilities[5:] == (0, 0, 0, 0, 0) and all(reading.probabilities[:5])


def test_an_engine_that_dies_is_started_anew_and_nothing_is_lost(start: Start, tmp_path: Path) -> None:
    generator = start(dies_at=3, once=str(tmp_path / "died"))
    readings = list(generator.read_labels(paper_prompts(60), DIGITS))
    assert Counter(r.key for r in readings) == Counter(f"p{i}" for i in range(60))
    assert not any(r.error for r in readings)
    assert generator.restarts == 1
    assert len(list(generator.write(paper_prompts(3), WriteOptions(2)))) == 3


def test_a_prompt_that_kills_engines_is_given_up_and_the_others_are_not(start: Start) -> None:
    prompts = paper_prompts(40)
    poison = Prompt("bad", HEAD, "A zygomorphic Ω paper.")
    generator = start(VllmSettings(max_model_len=512, max_num_seqs=1, in_flight=16))
    marks = set(generator._renderer.encode([poison])[0].tail_ids)
    for encoded in generator._renderer.encode(prompts):
        marks -= set(encoded.ids)
    generator = start(VllmSettings(max_model_len=512, max_num_seqs=1, in_flight=16), poison=min(marks))
    readings = {r.key: r for r in generator.read_labels([*prompts[:20], poison, *prompts[20:]], DIGITS)}
    assert len(readings) == 41
    assert readings["bad"].error and "died 3 times" in readings["bad"].error
    assert generator.restarts == 3
    assert sum(bool(r.error) for r in readings.values()) <= 4  # it had at most three neighbours at the third death


def test_an_engine_that_always_dies_is_given_up(start: Start) -> None:
    with pytest.raises(BackendError, match="in a row"):
        list(start(dies_at=1).read_labels(paper_prompts(60), DIGITS))


def test_out_of_memory_at_work_restarts_with_less(start: Start, tmp_path: Path) -> None:
    words = "torch.OutOfMemoryError: CUDA out of memory."
    log = tmp_path / "arguments"
    generator = start(dies_at=1, once=str(tmp_path / "died"), last_words=words, log=str(log))
    assert len(list(generator.read_labels(paper_prompts(5), DIGITS))) == 5
    first, second = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    assert first["max_num_seqs"] == 4 and "gpu_memory_utilization" not in first
    assert second["max_num_seqs"] == 2 and second["gpu_memory_utilization"] == pytest.approx(0.85)


def test_out_of_memory_at_start_says_what_to_change(start: Start) -> None:
    generator = start(start="No available memory for the cache blocks. Try increasing `gpu_memory_utilization`")
    with pytest.raises(BackendError, match=r"(?s)No available memory.*max_model_len"):
        list(generator.read_labels(paper_prompts(1), DIGITS))


def test_a_pass_that_is_broken_off_leaves_nothing_behind(start: Start) -> None:
    generator = start()
    readings = generator.read_labels(iter(paper_prompts(500)), DIGITS)
    next(readings)
    readings.close()  # type: ignore[attr-defined]
    assert len(list(generator.read_labels(paper_prompts(3), DIGITS))) == 3


def test_prompts_are_sorted_by_head_and_hits_are_the_engines(start: Start) -> None:
    generator = start()
    long = HEAD * 6
    mixed = [p for pair in zip(paper_prompts(8, long), paper_prompts(8, OTHER_HEAD), strict=True) for p in pair]
    named = [Prompt(f"{i}", p.head, p.body) for i, p in enumerate(mixed)]
    order = [int(r.key) % 2 for r in generator.read_labels(named, DIGITS)]
    assert order == [0] * 8 + [1] * 8
    hits = generator.hits()
    assert hits.block_size == 128 and 0 < hits.rate < 1
    assert generator.tokens_past_last_block(long) == len(generator._renderer.frame(long).head_ids) % 128


def test_closing_ends_the_process_and_a_later_use_starts_it_again(start: Start) -> None:
    generator = start()
    list(generator.read_labels(paper_prompts(1), DIGITS))
    assert generator._engine is not None
    process, log = generator._engine.process, generator._engine.log
    generator.close()
    assert process.poll() is not None and not log.exists()
    assert len(list(generator.read_labels(paper_prompts(2), DIGITS))) == 2


def test_starting_does_not_wait_for_the_engine(start: Start) -> None:
    before = time.monotonic()
    generator = start()
    assert generator._engine is not None and not generator._engine.facts
    assert generator.info.max_context == 512
    assert time.monotonic() - before < 60


def test_settings_that_the_engine_does_not_know_stop_it_before_the_start(start: Start) -> None:
    with pytest.raises(ConfigError, match="swap_spaces"):
        start(VllmSettings(engine={"swap_spaces": 1}))


def test_without_vllm_it_is_named_with_its_extra(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranker.backends.vllm.vllm_folder", lambda: None)
    with pytest.raises(BackendError, match=r"ranker\[vllm\]"):
        VllmGenerator(tiny)


def test_importing_decides_whether_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    usable.cache_clear()
    monkeypatch.setattr("ranker.backends.vllm.vllm_folder", lambda: None)
    assert usable() == (False, "not installed: pip install 'ranker[vllm]'")
    usable.cache_clear()
    monkeypatch.setattr("ranker.backends.vllm.vllm_folder", lambda: STUB / "vllm")
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    assert usable() == (True, "cpu")
    usable.cache_clear()
    monkeypatch.setenv("PYTHONPATH", "")
    if vllm_settings.vllm_folder() is None:
        there, why = usable()
        assert not there and "does not import" in why
    usable.cache_clear()
