"""The vLLM backend's faults, provoked with a stand-in module through the same code and the same processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ranker.backends.vllm import VllmGenerator
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
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the logs of failed engines are kept, and the temporary files of those at work."""
    folder = tmp_path / "logs"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr("ranker.backends.vllm_group._LONGEST", 4096)  # no sockets lie there
    return folder


@pytest.fixture
def start(tiny: Path, logs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
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
    assert [r.key for r in readings.values() if r.error] == ["bad"]  # the last time each went alone


def test_an_engine_that_always_dies_is_given_up_and_its_words_are_kept(start: Start, logs: Path) -> None:
    with pytest.raises(BackendError, match="4 times in a row") as caught:
        list(start(dies_at=1, last_words="the floor fell in").read_labels(paper_prompts(60), DIGITS))
    (log,) = logs.iterdir()
    assert str(log) in str(caught.value) and "the floor fell in" in log.read_text(encoding="utf-8")


def test_a_killed_process_of_the_engine_is_noticed_though_the_engine_waits_for_it(start: Start, tmp_path: Path) -> None:
    core = tmp_path / "core"
    generator = start(core=str(core))
    readings = generator.read_labels(paper_prompts(60), DIGITS)
    first = next(readings)
    process = int(core.read_text(encoding="utf-8"))
    os.kill(process, signal.SIGKILL)
    while alive(process):
        time.sleep(0.01)
    rest = list(readings)
    assert Counter(r.key for r in [first, *rest]) == Counter(f"p{i}" for i in range(60))
    assert not any(r.error for r in rest) and generator.restarts == 1


def test_no_engine_outlives_the_program_even_while_it_loads(tiny: Path, start: Start, tmp_path: Path) -> None:
    begin = (
        "import time\nfrom pathlib import Path\nfrom ranker.backends.vllm_process import EngineProcess\n"
        "from ranker.backends.vllm_settings import VllmSettings\n"
        f"engine = EngineProcess.start({str(tiny)!r}, VllmSettings(max_model_len=512))\n"
        "print(engine.process.pid, flush=True)\ntime.sleep(600)\n"
    )
    order = json.dumps({"loads": 600})
    program = subprocess.Popen(
        [sys.executable, "-c", begin], stdout=subprocess.PIPE, text=True, env={**os.environ, "RANKER_STUB": order}
    )
    assert program.stdout is not None
    engine = int(program.stdout.readline())
    program.kill()
    program.wait()
    until = time.monotonic() + 60
    while alive(engine) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive(engine)


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_neither_side_waits_for_the_other_to_read(start: Start) -> None:
    """More than the sockets hold in both directions at once; each side writes while the other does."""
    generator = start(VllmSettings(max_model_len=512, max_num_seqs=500))
    generator.facts()
    engine = generator._engine
    assert engine is not None
    for part in range(20):
        rows = [(f"{part}-{i}", 1, list(range(1000, 1300))) for i in range(500)]
        engine.send(("add", {"kind": "labels", "ids": tuple(range(32, 42))}, rows))
    found = 0
    while found < 10_000:
        message = engine.receive(60.0)
        assert message is not None
        found += len(message[1])


def test_a_refused_prompt_takes_no_other_with_it(start: Start) -> None:
    prompts = [*paper_prompts(5), Prompt("bad", HEAD, "A zygomorphic Ω paper.")]
    generator = start()
    encoded = {e.key: e.ids for e in generator._renderer.encode(prompts)}
    marks = set(encoded.pop("bad")).difference(*encoded.values())
    readings = {r.key: r for r in start(refuses=min(marks)).read_labels(prompts, DIGITS)}
    assert "VLLMValidationError: not this one" in (readings.pop("bad").error or "")
    assert len(readings) == 5 and not any(r.error for r in readings.values())


def test_heads_are_filled_up_to_whole_blocks_where_that_is_asked_for(start: Start) -> None:
    plain = start()
    generator = start(VllmSettings(max_model_len=512, max_num_seqs=4, align_heads=128))
    for head in (HEAD, OTHER_HEAD, HEAD * 6):
        assert plain._encode(paper_prompts(1, head)) == plain._renderer.encode(paper_prompts(1, head))
        (encoded,) = generator._encode(paper_prompts(1, head))
        assert len(encoded.head_ids) % 128 == 0 and generator.tokens_past_last_block(head) == 0
        assert len(encoded.head_ids) - len(plain._renderer.frame(head).head_ids) < 128 + 3  # the line break before it
    assert generator.info.dtype == "auto-float32+heads-of-128" and plain.info.dtype == "auto-float32"
    assert generator.info.max_context == 512 - 128  # papers are cut to leave room for what a head gains
    readings = list(generator.read_labels(paper_prompts(20), DIGITS))
    first, *rest = readings
    assert first.usage.cached == 0 and all(r.usage.cached == 128 for r in rest)  # each head is one whole block
    assert generator.usage.cached == 19 * 128 == generator.hits().found


def test_one_pass_at_a_time(start: Start) -> None:
    generator = start()
    reading = generator.read_labels(paper_prompts(3), DIGITS)
    next(reading)
    with pytest.raises(BackendError, match="under way"):
        list(generator.write(paper_prompts(1), WriteOptions(2)))
    assert len(list(reading)) == 2 and len(list(generator.write(paper_prompts(1), WriteOptions(2)))) == 1


def test_out_of_memory_at_work_restarts_with_less(start: Start, tmp_path: Path) -> None:
    words = "torch.OutOfMemoryError: CUDA out of memory."
    log = tmp_path / "arguments"
    generator = start(dies_at=1, once=str(tmp_path / "died"), last_words=words, log=str(log))
    assert len(list(generator.read_labels(paper_prompts(5), DIGITS))) == 5
    first, second = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    assert first["max_num_seqs"] == 4 and "gpu_memory_utilization" not in first
    assert second["max_num_seqs"] == 2 and second["max_num_batched_tokens"] == 2048
    assert "gpu_memory_utilization" not in second  # on a CPU no share sizes the cache


def test_out_of_memory_at_start_says_what_to_change(start: Start, logs: Path) -> None:
    generator = start(start="No available memory for the cache blocks. Try increasing `gpu_memory_utilization`")
    with pytest.raises(BackendError, match=r"(?s)No available memory.*max_model_len"):
        list(generator.read_labels(paper_prompts(1), DIGITS))
    (log,) = logs.iterdir()
    assert "Traceback" in log.read_text(encoding="utf-8")


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
    assert generator.engine_notes("en") == (
        f"vLLM prefix cache: {hits.rate:.1%} of {hits.asked} tokens found, blocks of 128",
    )
    assert generator.tokens_past_last_block(long) == len(generator._renderer.frame(long).head_ids) % 128


def test_closing_ends_the_process_and_a_later_use_starts_it_again(start: Start) -> None:
    generator = start()
    list(generator.read_labels(paper_prompts(1), DIGITS))
    assert generator._engine is not None
    process, log = generator._engine.process, generator._engine.log
    generator.close()
    assert process.poll() == -signal.SIGKILL and log.closed
    assert len(list(generator.read_labels(paper_prompts(2), DIGITS))) == 2


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="shared memory has no folder here")
@pytest.mark.parametrize("whom", ["close", "the engine", "its core"])
def test_shared_memory_and_temporary_files_go_with_the_engine(
    start: Start, tmp_path: Path, logs: Path, whom: str
) -> None:
    """vLLM's processes share 200 MB an engine in /dev/shm and leave sockets: whoever is killed, neither may stay."""
    shares, core = tmp_path / "shares", tmp_path / "core"
    generator = start(shares=str(shares), core=str(core), naps=0.05)
    readings = generator.read_labels(paper_prompts(60), DIGITS)
    next(readings)
    first = Path("/dev/shm", shares.read_text(encoding="utf-8"))
    (folder,) = logs.iterdir()
    assert first.exists() and (folder / "socket").exists() and generator._engine is not None
    if whom == "the engine":
        generator._engine.process.kill()
    elif whom == "its core":
        os.kill(int(core.read_text(encoding="utf-8")), signal.SIGKILL)
    assert len(list(readings)) == 59
    assert generator.restarts == (0 if whom == "close" else 1)
    generator.close()
    assert not first.exists() and not Path("/dev/shm", shares.read_text(encoding="utf-8")).exists()
    assert not list(logs.iterdir())


def test_nothing_is_left_lying_about_when_all_went_well(start: Start, logs: Path, tmp_path: Path) -> None:
    generator = start(dies_at=3, once=str(tmp_path / "died"))
    list(generator.read_labels(paper_prompts(60), DIGITS))
    generator.close()
    assert generator.restarts == 1 and not list(logs.iterdir())


def test_an_engine_that_still_loads_is_ended_without_waiting_for_it(start: Start) -> None:
    generator = start(loads=600)
    generator.start()
    assert generator._engine is not None
    process = generator._engine.process
    generator.close()
    assert process.poll() == -signal.SIGKILL


def test_no_engine_runs_before_it_is_needed_and_starting_does_not_wait(start: Start) -> None:
    before = time.monotonic()
    generator = start()
    assert generator.hits().asked == 0 and generator.engine_notes("zh") == ()
    generator.start()
    assert generator._engine is not None and not generator._engine.facts
    assert generator.info.max_context == 512
    assert time.monotonic() - before < 60


def test_settings_that_the_engine_does_not_know_stop_it_before_the_start(start: Start) -> None:
    with pytest.raises(ConfigError, match="swap_spaces"):
        start(VllmSettings(engine={"swap_spaces": 1}))
