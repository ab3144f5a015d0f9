"""The ways of asking that the loop's benchmark times: the same answers whoever shares what; tokens counted by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import llm_ways as ways
from benchmarks.gpu.shapes import Rates, Request
from benchmarks.llm_ceiling import ceilings, shape_of
from benchmarks.llm_loop import asking_json, tokens
from ranker.backends.transformers import TransformersGenerator, TransformersSettings
from ranker.protocols import Prompt, WriteOptions
from ranker.types import Usage
from tests.backends.language_models import DIGITS, HEAD, paper_prompts, reference_ids, tiny_model


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> TransformersGenerator:
    folder: Path = tiny_model(tmp_path_factory.mktemp("tiny"))
    return TransformersGenerator(folder, TransformersSettings(dtype="float32"))


@pytest.fixture(scope="module")
def work() -> ways.Work:
    prompts = paper_prompts(5)
    return ways.Work(tuple(prompts), tuple(prompts[:2]), tuple(prompts), DIGITS, WriteOptions(6))


def lengths(generator: TransformersGenerator, prompts: tuple[Prompt, ...]) -> list[int]:
    return [len(reference_ids(generator._renderer.tokenizer, p)) for p in prompts]


def test_without_reuse_the_same_is_read_and_written(generator: TransformersGenerator, work: ways.Work) -> None:
    apart = ways.without_reuse(generator)
    with_it, without = (
        {r.key: r.probabilities for r in g.read_labels(work.labels, DIGITS)} for g in (generator, apart)
    )
    for key, row in with_it.items():
        assert without[key] == pytest.approx(row, abs=1e-5)
    ours, theirs = ({t.key: t.text for t in g.write(work.reasons, work.options)} for g in (generator, apart))
    assert ours == theirs


def test_a_shared_head_changes_no_text_of_generate(generator: TransformersGenerator, work: ways.Work) -> None:
    plain, whole = ways.generate(generator, work.whole, 6)
    shared, rest = ways.generate(generator, work.whole, 6, share=True)
    assert shared == plain
    head = len(generator._renderer.frame(HEAD).head_ids)
    assert whole.cached == 0 and rest.cached == 4 * head > 0
    assert (rest.prompt, rest.generated) == (whole.prompt, whole.generated)


def test_tokens_are_what_the_forwards_were_given(generator: TransformersGenerator, work: ways.Work) -> None:
    each = lengths(generator, work.labels)
    head = len(generator._renderer.frame(HEAD).head_ids)
    tails = [n - head for n in each]

    run = ways.labels(generator, work)  # one batch: the head, and five tails padded to the longest
    assert run.usage == Usage(sum(each), 4 * head, 0)
    assert run.positions == head + 5 * max(tails) and 0 < run.inside < run.seconds
    bare = ways.bare(generator, work)
    assert (bare.usage, bare.positions) == (run.usage, run.positions)

    apart = ways.labels(ways.without_reuse(generator), work)
    assert apart.usage == Usage(sum(each), 0, 0) and apart.positions == 5 * max(each)

    alone = ways.alone(generator, work, 3)
    assert alone.usage == Usage(sum(each[:3])) and alone.positions == sum(each[:3])

    together = ways.one_generate(generator, work, 3)  # six tokens, of which five are read again, unless all rows end
    assert together.usage.prompt == sum(each[:3]) and together.usage.generated <= 18
    assert 3 * max(each[:3]) <= together.positions <= 3 * max(each[:3]) + 15

    both = ways.two_passes(generator, work)  # the head of pass 1 serves pass 2: the same words here
    assert both.usage.prompt == sum(each) + sum(each[:2]) and both.usage.cached == 6 * head


def test_what_follows_the_end_of_a_text_is_padding() -> None:
    assert ways.written([5, 6, 2, 2, 2], frozenset({2})) == 3
    assert ways.written([5, 6, 7], frozenset({2})) == 3


def test_tokens_of_a_paper_are_means() -> None:
    run = ways.Run(4, 2.0, Usage(400, 100, 20), 410, 1.0)
    assert tokens(run) == {
        "papers": 4,
        "prompt": 100.0,
        "computed": 75.0,
        "written": 5.0,
        "positions": 102.5,
        "hit_rate": 0.25,
    }
    assert run.rate == 2.0


def test_the_ceiling_is_the_formula_of_the_design() -> None:
    config = SimpleNamespace(
        model_type="llama",
        num_hidden_layers=2,
        hidden_size=8,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=16,
        tie_word_embeddings=True,
        vocab_size=100,
    )
    # N = 2 (8*8*2 + 2*8*4 + 3*8*16) = 1152; q = 8. A label behind P = 10 with S = 4:
    # 2 N 4 + 4*2*8 (40 + 8) + 2*100*8 = 9216 + 3072 + 1600 = 13888 FLOP
    labels = [Request(10, 4), Request(10, 4)]
    found = ceilings(shape_of(config), Rates(13888.0, 1e30), labels, [], labels)
    assert found == pytest.approx({"labels": 1.0, "two_passes": 1.0, "one_pass": 1.0})


def test_asking_for_json_changes_the_last_line_alone() -> None:
    prompt = asking_json(Prompt("a", "head", "<paper>\ntext\n</paper>\nOne digit:"))
    assert prompt.body.startswith("<paper>\ntext\n</paper>\nAnswer with one JSON object") and "digit" not in prompt.body
