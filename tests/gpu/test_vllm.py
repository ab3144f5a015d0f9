"""vLLM itself with the real small model, on a GPU or a CPU build: readings, streaming, restarts, refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranker.backends.transformers import TransformersGenerator, TransformersSettings
from ranker.backends.vllm import VllmGenerator, usable
from ranker.backends.vllm_settings import VllmSettings
from ranker.errors import BackendError
from ranker.protocols import Prompt, WriteOptions
from tests.backends.language_models import DIGITS, HEAD, OTHER_HEAD, paper_prompts, relevance, smollm2

pytestmark = pytest.mark.gpu
SMALL = {"max_model_len": 2048, "max_num_seqs": 32, "env": {"VLLM_CPU_KVCACHE_SPACE": "2"}}


@pytest.fixture(scope="module")
def model() -> Path:
    there, why = usable()
    if not there:
        pytest.skip(f"vLLM can't run here: {why}")
    return smollm2()


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[VllmGenerator]:
    generator = VllmGenerator(model, VllmSettings(dtype="float32", enforce_eager=True, **SMALL))  # type: ignore[arg-type]
    yield generator
    generator.close()


def mixed(count: int) -> list[Prompt]:
    chinese = (Prompt(f"zh-{p.key}", OTHER_HEAD, p.body) for p in paper_prompts(count // 2, OTHER_HEAD))
    return [*paper_prompts(count - count // 2), *chinese]


def readings(generator: VllmGenerator | TransformersGenerator, prompts: list[Prompt]) -> dict[str, float]:
    found = {r.key: r for r in generator.read_labels(prompts, DIGITS)}
    assert not [r for r in found.values() if r.error or r.missing]
    return {key: relevance(r.probabilities) for key, r in found.items()}


def test_float32_readings_equal_those_of_transformers(engine: VllmGenerator, model: Path) -> None:
    prompts = mixed(24)
    reference = TransformersGenerator(model, TransformersSettings(dtype="float32", device="cpu"))
    assert readings(engine, prompts) == pytest.approx(readings(reference, prompts), abs=0.02)
    assert engine.facts()["by_ids"]


def test_bfloat16_orders_papers_as_float32_does(engine: VllmGenerator, model: Path) -> None:
    from scipy.stats import spearmanr

    prompts = mixed(60)
    exact = readings(engine, prompts)
    engine.close()  # one engine at a time
    rough = VllmGenerator(model, VllmSettings(dtype="bfloat16", enforce_eager=True, **SMALL))  # type: ignore[arg-type]
    try:
        found = readings(rough, prompts)
    finally:
        rough.close()
    assert spearmanr([exact[k] for k in sorted(exact)], [found[k] for k in sorted(exact)]).statistic >= 0.99


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
    texts = {t.key: t for t in engine.write(paper_prompts(4), WriteOptions(24, ("\n",)))}
    assert len(texts) == 4
    for text in texts.values():
        assert "\n" not in text.text and text.finish in ("stop", "length")
        assert 0 < text.usage.generated <= 24


def test_the_shared_head_is_found_in_the_cache(engine: VllmGenerator) -> None:
    block = int(engine.facts()["block_size"])
    head = " ".join([HEAD] * (1 + 3 * block // 20))
    before = engine.hits()
    list(engine.read_labels(paper_prompts(40, head), DIGITS))
    after = engine.hits()
    assert (after.found - before.found) / (after.asked - before.asked) > 0.4


def test_work_goes_on_after_the_engine_is_killed(engine: VllmGenerator) -> None:
    psutil = pytest.importorskip("psutil")
    prompts = paper_prompts(200)
    expected = readings(engine, prompts)
    restarts = engine.restarts
    stream = engine.read_labels(prompts, DIGITS)
    found = [next(stream)]
    assert engine._engine is not None
    children = psutil.Process(engine._engine.process.pid).children(recursive=True)
    for child in children or [psutil.Process(engine._engine.process.pid)]:
        child.kill()
    found += stream
    assert sorted(r.key for r in found) == sorted(p.key for p in prompts)
    assert not any(r.error for r in found)
    assert {r.key: relevance(r.probabilities) for r in found} == pytest.approx(expected, abs=0.05)
    assert engine.restarts > restarts or len(found) == len(prompts)


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


def test_too_little_memory_at_the_start_says_what_to_change(model: Path) -> None:
    small = VllmSettings(
        dtype="float32", enforce_eager=True, max_model_len=2048, engine={"kv_cache_memory_bytes": 1 << 20}
    )
    generator = VllmGenerator(model, small)
    with pytest.raises(BackendError, match="max_model_len"):
        list(generator.read_labels(paper_prompts(1), DIGITS))
    generator.close()
