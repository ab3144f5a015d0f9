"""Judged papers as token ids: the judge's own prompt, and the answer behind it."""

from __future__ import annotations

import dataclasses

import pytest

from ranker import resources
from ranker.backends.chat import ChatRenderer
from ranker.backends.finetune.batches import batches
from ranker.backends.finetune.examples import FIELD_WEIGHT, MOST_TOKENS, Example, label_examples, label_of
from ranker.backends.transformers_files import read_config
from ranker.errors import ConfigError
from ranker.judging.judge import LanguageModelJudge
from ranker.judging.prompts import load_templates
from ranker.judging.settings import JudgeSettings
from ranker.judging.template import find_template
from ranker.profile import find_profile, load_profile
from ranker.types import Candidate, JudgedPaper, Paper, Route
from tests.backends.language_models import smollm2
from tests.judging.fakes import ScriptedGenerator, one_label

PROFILE = load_profile(find_profile("default"))
TEMPLATE = find_template("en-short", resources.config_dir() / "prompts", kind="label")
PICK = JudgedPaper("2601.1", "2026-01-01", "A cache", "We keep keys.", True, PROFILE.field_names[2], 8.0)


@pytest.fixture(scope="module")
def renderer() -> ChatRenderer:
    folder = smollm2()
    return ChatRenderer(read_config(str(folder))[0], str(folder))


@pytest.mark.parametrize(("score", "label"), [(1.0, 1), (2.0, 1), (7.0, 6), (7.4, 6), (8.0, 7), (10.0, 9)])
def test_a_score_becomes_the_label_whose_relevance_it_is(score: float, label: int) -> None:
    assert label_of(score, 10) == label  # label i stands for relevance 1 + i; 0 is for papers not recommended


def test_the_prompt_is_the_one_that_the_judge_sends(renderer: ChatRenderer) -> None:
    route = Route(PICK.field, 0.5, None, 0.1, True, ())
    listening = ScriptedGenerator(lambda prompt: one_label(5))
    settings = JudgeSettings(template="en-short", write_reason=False)
    templates = load_templates(settings, PROFILE, resources.config_dir() / "prompts")
    judge = LanguageModelJudge(listening, PROFILE, templates, settings, evidence=lambda c: "")
    list(judge.judge([Candidate(Paper(PICK.arxiv_id, PICK.title, PICK.abstract), route, "h", b"")]))
    (wanted,) = renderer.encode(listening.asked)
    (found,) = label_examples([PICK], PROFILE, TEMPLATE, renderer)
    assert (found.head_ids, found.tail_ids) == (wanted.head_ids, wanted.tail_ids)
    text = renderer.tokenizer.decode(found.target_ids)
    assert text == "7C"  # label of 8.0, and the letter of the third field
    assert found.weights == (1.0, FIELD_WEIGHT) and found.positive


def test_a_tick_weighs_as_much_as_for_the_heads(renderer: ChatRenderer) -> None:
    (found,) = label_examples([dataclasses.replace(PICK, weight=4.0)], PROFILE, TEMPLATE, renderer)
    assert found.weights == (4.0, 4.0 * FIELD_WEIGHT)


def test_a_prompt_for_one_field_at_a_time_is_refused(renderer: ChatRenderer) -> None:
    with pytest.raises(ConfigError, match="one field at a time"):
        label_examples([PICK], PROFILE, find_template("en-field", resources.config_dir() / "prompts"), renderer)


def test_what_was_not_recommended_is_the_lowest_label_alone(renderer: ChatRenderer) -> None:
    other = dataclasses.replace(PICK, recommended=False, field=None, score=None)
    (found,) = label_examples([other], PROFILE, TEMPLATE, renderer)
    assert renderer.tokenizer.decode(found.target_ids) == "0" and found.weights == (1.0,) and not found.positive


def test_a_pick_of_no_known_field_has_no_letter_and_one_without_score_counts_as_eight(renderer: ChatRenderer) -> None:
    odd = dataclasses.replace(PICK, field="invented", score=None)
    (found,) = label_examples([odd], PROFILE, TEMPLATE, renderer)
    assert renderer.tokenizer.decode(found.target_ids) == "7"


def test_a_paper_that_is_too_long_is_left_out(renderer: ChatRenderer) -> None:
    long = dataclasses.replace(PICK, arxiv_id="2601.2", abstract="word " * MOST_TOKENS)
    assert [e.key for e in label_examples([long, PICK], PROFILE, TEMPLATE, renderer)] == ["2601.1"]


def example(key: str, length: int, head: int = 0) -> Example:
    return Example(key, (head,), (5,) * (length - 1), (7,), (1.0,), True)


def test_batches_hold_every_example_once_an_epoch_and_one_head_each() -> None:
    examples = [example(f"{head}-{i}", 3 + i % 40, head) for head in (1, 2) for i in range(101)]
    found = batches(examples, 4, 2, seed=3)
    keys = [e.key for b in found for e in b]
    assert sorted(keys) == sorted([e.key for e in examples] * 2)
    assert all(len({e.head_ids for e in b}) == 1 and len(b) <= 4 for b in found)
    # Lengths are much alike within a batch: of 64 drawn and sorted, four neighbours span few of the 40 lengths.
    assert sorted(max(e.length for e in b) - min(e.length for e in b) for b in found)[len(found) // 2] <= 5
    assert found == batches(examples, 4, 2, seed=3) != batches(examples, 4, 2, seed=4)
