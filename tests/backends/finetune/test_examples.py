"""Judged papers as token ids: the judge's own prompt, and the answer behind it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ranker import resources
from ranker.backends.chat import ChatRenderer
from ranker.backends.finetune.batches import batches
from ranker.backends.finetune.examples import FIELD_WEIGHT, MOST_TOKENS, Example, label_examples, label_of
from ranker.backends.transformers_files import read_config
from ranker.judging.prompts import Heads
from ranker.judging.render import render_body
from ranker.judging.template import find_template
from ranker.profile import find_profile, load_profile
from ranker.protocols import Prompt
from ranker.types import JudgedPaper
from tests.backends.language_models import smollm2

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
    heads = Heads(TEMPLATE, PROFILE)
    sent = Prompt("k", heads.head(PROFILE.field_names[0]), render_body(heads.template, PICK.title, PICK.abstract))
    wanted = renderer.encode([sent])[0]
    (found,) = label_examples([PICK], PROFILE, TEMPLATE, renderer)
    assert (found.head_ids, found.tail_ids) == (wanted.head_ids, wanted.tail_ids)
    text = renderer.tokenizer.decode(found.target_ids)
    assert text == "7C"  # label of 8.0, and the letter of the third field
    assert found.weights == (1.0, FIELD_WEIGHT) and found.positive


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


def test_the_short_prompt_names_every_field(tmp_path: Path) -> None:
    head = Heads(TEMPLATE, PROFILE).head(PROFILE.field_names[0])
    topics = [f.description.split(":")[0] for f in PROFILE.fields]
    assert all(" ".join(t.split()) in head for t in topics)
