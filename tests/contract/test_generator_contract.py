"""One suite for every generator. What isn't installed is skipped, and pytest -ra lists it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranker.errors import BackendError
from ranker.protocols import Generator, Prompt, WriteOptions
from ranker.types import Usage
from tests.backends.language_models import DIGITS, HEAD, OTHER_HEAD, paper_prompts, smollm2, tiny_model
from tests.backends.loopback import model_server, serving

BACKENDS = ("fake", "transformers", "transformers-smollm2", "openai", "openai-without-logprobs", "vllm")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module", params=BACKENDS)
def generator(request: pytest.FixtureRequest) -> Iterator[Generator]:
    """Each backend once a module, on a tiny random model unless it says otherwise."""
    name = str(request.param)
    if name == "fake":
        from ranker.backends.fake import FakeGenerator

        yield FakeGenerator(max_context=1000)
    elif name.startswith("transformers"):
        from ranker.backends.transformers import TransformersGenerator, TransformersSettings

        folder = smollm2() if name.endswith("smollm2") else request.getfixturevalue("tiny")
        settings = TransformersSettings(dtype="float32", window=4, max_context=1000)
        yield TransformersGenerator(folder, settings)
    elif name.startswith("openai"):
        pytest.importorskip("openai", reason="openai is not installed: pip install '.[openai]'")
        from ranker.backends.openai_server import OpenAIGenerator, OpenAISettings

        folder = request.getfixturevalue("tiny")
        with serving(model_server(folder, logprobs=name == "openai")) as server:
            yield OpenAIGenerator("small", OpenAISettings(server.address, concurrency=3))
    else:
        from ranker.backends.vllm import VllmGenerator, usable
        from tests.gpu.byte_model import small

        there, why = usable()
        if not there:
            pytest.skip(f"vLLM can't run here: {why}")
        folder = request.getfixturevalue("tiny")
        engine = VllmGenerator(folder, small(max_model_len=1000, max_num_seqs=16))
        yield engine
        engine.close()


def test_every_prompt_gets_one_reading_of_probabilities(generator: Generator) -> None:
    prompts = [*paper_prompts(5), Prompt("other", OTHER_HEAD, "<paper>\n星系。\n</paper>\n一个数字:")]
    readings = {r.key: r for r in generator.read_labels(iter(prompts), DIGITS)}
    assert sorted(readings) == sorted(p.key for p in prompts)
    for reading in readings.values():
        if reading.error:  # a server that writes its digit may write none: an error, never an invented label
            assert reading.from_text and reading.probabilities == ()
            continue
        assert len(reading.probabilities) == 10
        assert all(0 <= p <= 1 and math.isfinite(p) for p in reading.probabilities)
        assert sum(reading.probabilities) <= 1.0001
        assert set(reading.missing) <= set(DIGITS)


def test_company_does_not_change_a_reading(generator: Generator) -> None:
    prompts = paper_prompts(5)
    together = {r.key: r for r in generator.read_labels(prompts, DIGITS)}
    alone = next(iter(generator.read_labels(prompts[3:4], DIGITS)))
    assert alone.probabilities == pytest.approx(together["p3"].probabilities, abs=2e-3)
    assert alone.error == together["p3"].error


def test_prompts_are_taken_as_they_are_needed(generator: Generator) -> None:
    taken: list[str] = []

    def source() -> Iterator[Prompt]:
        for prompt in paper_prompts(2000):
            taken.append(prompt.key)
            yield prompt

    readings = generator.read_labels(source(), DIGITS)
    next(readings)
    assert len(taken) < 2000
    readings.close()  # type: ignore[attr-defined]
    assert (
        len(list(generator.read_labels(paper_prompts(2), DIGITS))) == 2
    )  # and a broken-off pass leaves nothing behind


def test_a_prompt_that_is_too_long_is_refused_alone(generator: Generator) -> None:
    long = Prompt("long", HEAD, "much too long a paper " * 400)
    prompts = [*paper_prompts(2), long]
    assert {r.key for r in generator.read_labels(prompts, DIGITS)} == {"p0", "p1", "long"}
    by_key = {r.key: r for r in generator.read_labels(prompts, DIGITS)}
    assert by_key["long"].error and by_key["long"].probabilities == ()
    texts = {c.key: c for c in generator.write(prompts, WriteOptions(3))}
    assert texts["long"].finish == "error" and texts["long"].error
    assert texts["p0"].finish in ("stop", "length")


def test_no_prompts_no_results(generator: Generator) -> None:
    assert list(generator.read_labels([], DIGITS)) == []
    assert list(generator.write([], WriteOptions(3))) == []
    assert generator.count_tokens([]) == []


def test_texts_end_at_the_limit_or_say_stop(generator: Generator) -> None:
    prompts = paper_prompts(3)
    texts = list(generator.write(iter(prompts), WriteOptions(4)))
    assert sorted(t.key for t in texts) == ["p0", "p1", "p2"]
    for text in texts:
        assert text.finish in ("stop", "length")
        assert text.usage.generated <= 4
        assert text.usage.generated == 4 or text.finish == "stop"


def test_a_stop_ends_the_text_and_is_not_in_it(generator: Generator) -> None:
    prompt = paper_prompts(1)
    whole = next(iter(generator.write(prompt, WriteOptions(12)))).text
    stop = whole[len(whole) // 2 :][:3]
    cut = next(iter(generator.write(prompt, WriteOptions(12, (stop,)))))
    assert stop and stop not in cut.text
    assert cut.finish == "stop" and whole.startswith(cut.text)


def test_usage_is_the_sum_of_the_results(generator: Generator) -> None:
    before = generator.usage
    readings = list(generator.read_labels(paper_prompts(3), DIGITS))
    texts = list(generator.write(paper_prompts(2), WriteOptions(2)))
    total = before
    for usage in [*(r.usage for r in readings), *(t.usage for t in texts)]:
        total = total + usage
    assert generator.usage == total
    assert total.prompt > before.prompt
    assert total.generated > before.generated
    assert total.cached - before.cached <= total.prompt - before.prompt
    assert isinstance(generator.usage, Usage)


def test_tokens_are_counted(generator: Generator) -> None:
    short, long = generator.count_tokens(["one word", "many more words than the other text has in it"])
    assert 0 < short < long


def test_labels_that_can_not_be_read_are_refused(generator: Generator) -> None:
    assert len(generator.check_labels(DIGITS)) == 10
    with pytest.raises(BackendError):
        generator.check_labels(("1", "1"))
    with pytest.raises(BackendError):
        generator.check_labels(())


def test_it_says_who_it_is(generator: Generator) -> None:
    info = generator.info
    assert info.backend and info.model and info.max_context > 0
    assert generator.info == info
