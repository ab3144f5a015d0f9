"""The judge over the real small model: no special token gets through, one day is judged and written up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranker.judging.judge import LanguageModelJudge
from ranker.judging.prompts import load_templates
from ranker.judging.render import render_body, render_head
from ranker.judging.settings import JudgeSettings
from ranker.judging.template import find_template, load_template
from ranker.protocols import Generator
from ranker.types import Judgment
from tests.backends.language_models import smollm2
from tests.judging.fakes import PROFILE, PROMPTS, candidate


@pytest.fixture(scope="module")
def folder() -> Path:
    return smollm2()


@pytest.fixture(scope="module")
def generator(folder: Path) -> Iterator[Generator]:
    from ranker.backends.transformers import TransformersGenerator

    generator = TransformersGenerator(folder)
    yield generator
    generator.close()


def test_no_special_token_of_its_tokenizer_survives_in_a_paper(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    special = sorted(tokenizer.get_added_vocab())
    assert len(special) > 5
    template = load_template(PROMPTS / "en-field.toml")
    text = " ".join(special) + " ".join(f"x{s}y" for s in special) + "".join(special)
    ids = set(tokenizer(render_body(template, text, text), add_special_tokens=False)["input_ids"])
    assert ids.isdisjoint(set(tokenizer.get_added_vocab().values()))
    assert ids.isdisjoint(set(tokenizer.all_special_ids))


@pytest.mark.parametrize("name", ["en-all-fields", "en-all-fields-yes-no"])
def test_papers_are_judged_by_their_labels(generator: Generator, name: str) -> None:
    settings = JudgeSettings(template=name, write_reason=False)
    judge = LanguageModelJudge(
        generator, PROFILE, load_templates(settings, PROFILE, PROMPTS), settings, evidence=lambda c: "依据"
    )
    (outcome,) = judge.judge([candidate(2, title="Traffic in cities", abstract="Cars wait.")])
    assert isinstance(outcome, Judgment), outcome
    assert 1.0 < outcome.relevance < 10.0 and outcome.mass is not None and outcome.mass > settings.min_mass
    assert sum(outcome.distribution) == pytest.approx(1.0)


def test_heads_are_long_enough_to_be_good_and_leave_room_for_a_paper(generator: Generator) -> None:
    for path in sorted(PROMPTS.glob("*.toml")):
        template = load_template(path)
        tokens = generator.count_tokens([render_head(template, PROFILE, "缓存")])[0]
        least = 20 if "{topics}" in template.head else 100  # the short one, for fine-tuned models, explains nothing
        assert least < tokens < 2500, path.stem


def test_what_a_small_model_writes_is_checked_and_replaced_by_evidence(generator: Generator) -> None:
    """SmolLM2-135M writes no Chinese: every reason fails its checks, and says so."""
    settings = JudgeSettings()
    found = load_templates(settings, PROFILE, PROMPTS)
    short = dataclasses.replace(find_template("en-reason", PROMPTS), language="zh", max_tokens=16)
    templates = dataclasses.replace(found, texts=(short,))
    judge = LanguageModelJudge(generator, PROFILE, templates, settings, evidence=lambda c: "依据：归入缓存。")
    (texts,) = judge.write([candidate()])
    assert texts.by == "evidence" and texts.failed and texts.reason.startswith("依据：归入缓存。")
    assert judge.usage_by_pass["write"].generated > 0
