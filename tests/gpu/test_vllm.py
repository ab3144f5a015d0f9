"""vLLM itself, on a GPU or a CPU build: equal readings, streaming, the prefix cache, restarts, refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranker.backends.transformers import TransformersGenerator, TransformersSettings
from ranker.backends.vllm import VllmGenerator
from ranker.backends.vllm_settings import VllmSettings
from ranker.errors import BackendError, ConfigError
from ranker.protocols import Prompt, WriteOptions
from tests.backends.language_models import DIGITS, HEAD, OTHER_HEAD, paper_prompts, relevance
from tests.gpu.byte_model import small

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(1200)]
Either = VllmGenerator | TransformersGenerator


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[VllmGenerator]:
    generator = VllmGenerator(model, small())
    yield generator
    generator.close()


def mixed(count: int) -> list[Prompt]:
    chinese = (Prompt(f"zh-{p.key}", OTHER_HEAD, p.body) for p in paper_prompts(count // 2, OTHER_HEAD))
    return [*paper_prompts(count - count // 2), *chinese]


def readings(generator: Either, prompts: list[Prompt]) -> dict[str, float]:
    found = {r.key: r for r in generator.read_labels(prompts, DIGITS)}
    assert not [r for r in found.values() if r.error or r.missing]
    return {key: relevance(r.probabilities) for key, r in found.items()}


def reference(model: Path, prompts: list[Prompt]) -> dict[str, float]:
    return readings(TransformersGenerator(model, TransformersSettings(dtype="float32", device="cpu")), prompts)


def test_float32_readings_equal_those_of_transformers(engine: VllmGenerator, model: Path) -> None:
    prompts = mixed(24)
    assert readings(engine, prompts) == pytest.approx(reference(model, prompts), abs=0.02)
    assert engine.facts()["by_ids"] and engine.facts()["prefix_caching"]


def test_the_real_small_model_reads_as_transformers_does(engine: VllmGenerator, real: Path) -> None:
    """Float32 within 0.02; bfloat16 in the same order."""
    from scipy.stats import spearmanr

    engine.close()  # one engine at a time
    prompts = mixed(60)
    expected = reference(real, prompts)
    exact = VllmGenerator(real, small())
    try:
        assert readings(exact, prompts) == pytest.approx(expected, abs=0.02)
    finally:
        exact.close()
    rough = VllmGenerator(real, small(dtype="bfloat16"))
    try:
        found = readings(rough, prompts)
    finally:
        rough.close()
    keys = sorted(expected)
    assert spearmanr([expected[k] for k in keys], [found[k] for k in keys]).statistic >= 0.99


def test_results_come_before_all_prompts_are_given(engine: VllmGenerator) -> None:
    given = 0

    def source() -> Iterator[Prompt]:
        nonlocal given
        for prompt in paper_prompts(3000):
            given += 1
            yield prompt

    stream = engine.read_labels(source(), DIGITS)
    next(stream)
    assert given < 3000
    stream.close()  # type: ignore[attr-defined]
    assert len(list(engine.read_labels(paper_prompts(4), DIGITS))) == 4


def test_texts_stop_where_they_should(engine: VllmGenerator) -> None:
    texts = {t.key: t for t in engine.write(paper_prompts(4), WriteOptions(24))}
    assert len(texts) == 4
    for text in texts.values():
        assert text.finish in ("stop", "length") and 0 < text.usage.generated <= 24
    whole = texts["p0"].text
    letter = next((c for c in whole[1:] if c != whole[0]), "")
    if letter and "�" not in whole:  # a random model may write one letter only, or halves of some
        (cut,) = engine.write(paper_prompts(1), WriteOptions(24, (letter,)))
        assert cut.finish == "stop" and cut.text == whole.partition(letter)[0]


def test_the_shared_head_is_found_in_the_cache(engine: VllmGenerator) -> None:
    head = " ".join([HEAD] * 6)  # bytes are its tokens: some 550, four whole blocks on a CPU
    list(engine.read_labels(paper_prompts(1, head), DIGITS))
    before, counted = engine.hits(), engine.usage.cached
    list(engine.read_labels(paper_prompts(40, head), DIGITS))
    after = engine.hits()
    assert (after.found - before.found) / (after.asked - before.asked) > 0.4
    assert engine.usage.cached - counted == after.found - before.found
    assert after.block_size == engine.facts()["block_size"]


def test_aligned_heads_leave_nothing_behind_their_last_block(engine: VllmGenerator, model: Path) -> None:
    engine.close()
    aligned = VllmGenerator(model, small(align_heads=128))
    try:
        assert aligned.facts()["block_size"] in (16, 32, 64, 128)
        assert aligned.tokens_past_last_block(HEAD) == 0
        list(aligned.read_labels(paper_prompts(1), DIGITS))
        (second,) = aligned.read_labels(paper_prompts(2)[1:], DIGITS)
        head = len(aligned._encode(paper_prompts(1))[0].head_ids)
        assert second.usage.cached >= head and head % 128 == 0
    finally:
        aligned.close()


@pytest.mark.parametrize("whom", ["the engine's child", "all of them"])
def test_work_goes_on_after_the_engine_is_killed(engine: VllmGenerator, whom: str) -> None:
    psutil = pytest.importorskip("psutil")
    prompts = paper_prompts(400)
    expected = readings(engine, prompts)
    restarts = engine.restarts
    stream = engine.read_labels(iter(prompts), DIGITS)
    found = [next(stream)]
    assert engine._engine is not None
    top = psutil.Process(engine._engine.process.pid)
    family = [top, *top.children(recursive=True)]
    shared = {m.path for p in family for m in p.memory_maps() if m.path.startswith("/dev/shm/psm_")}
    assert shared
    for process in top.children() if whom == "the engine's child" else family:
        if "resource_tracker" not in " ".join(process.cmdline()):  # it removes what is shared, and nobody else would
            process.kill()
    found += stream
    assert not [path for path in shared if Path(path).exists()]
    assert sorted(r.key for r in found) == sorted(p.key for p in prompts)
    assert not any(r.error for r in found)
    assert {r.key: relevance(r.probabilities) for r in found} == pytest.approx(expected, abs=0.05)
    assert engine.restarts in (restarts, restarts + 1)  # it may have had them all by then
    assert len(list(engine.read_labels(paper_prompts(4), DIGITS))) == 4


def test_closing_leaves_no_process(engine: VllmGenerator) -> None:
    psutil = pytest.importorskip("psutil")
    engine.facts()
    assert engine._engine is not None
    top = psutil.Process(engine._engine.process.pid)
    family = [top, *top.children(recursive=True)]
    engine.close()
    until = time.monotonic() + 20
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family) and time.monotonic() < until:
        time.sleep(0.2)
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_too_little_memory_at_the_start_says_what_to_change(
    engine: VllmGenerator, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 KiB of KV cache hold no prompt of 2,048 tokens, on a GPU as on a CPU."""
    engine.close()
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)  # it would win
    generator = VllmGenerator(model, small(engine={"kv_cache_memory_bytes": 1 << 16}, env={}))
    with pytest.raises(BackendError, match="max_model_len") as caught:
        list(generator.read_labels(paper_prompts(1), DIGITS))
    generator.close()
    log = Path(str(caught.value).rpartition("all that it said: ")[2].rstrip(")"))
    assert "Traceback" in log.read_text(encoding="utf-8")
    log.unlink()


def test_presets_start_on_this_device(engine: VllmGenerator, model: Path) -> None:
    engine.close()
    generator = VllmGenerator(model, VllmSettings(max_model_len=1024, gpu_memory_utilization=0.0))
    try:
        assert len(list(generator.read_labels(paper_prompts(3), DIGITS))) == 3
    finally:
        generator.close()


def test_an_unknown_argument_is_refused_by_name(model: Path) -> None:
    with pytest.raises(ConfigError, match="max_num_sequences"):
        VllmGenerator(model, small(engine={"max_num_sequences": 4}))
    with pytest.raises(ConfigError, match="VLLM_CPU_KV_SPACE"):
        VllmGenerator(model, small(env={"VLLM_CPU_KV_SPACE": "1"}))
