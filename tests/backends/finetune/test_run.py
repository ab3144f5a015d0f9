"""What is drawn to learn from and to test on, and what a fine-tuned model's note is good for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ranker import resources
from ranker.backends.finetune.run import check_out, draw, measure
from ranker.backends.tuned import NOTE, Tuned, read_tuned
from ranker.errors import BackendError, InputError
from ranker.judging.prompts import PLAIN, load_templates
from ranker.judging.settings import JudgeSettings
from ranker.judging.template import find_template
from ranker.profile import find_profile, load_profile
from ranker.types import JudgedPaper
from tests.judging.fakes import ScriptedGenerator, one_label

PROMPTS = resources.config_dir() / "prompts"
PROFILE = load_profile(find_profile("default"))


def day(number: int, picks: int, others: int) -> list[JudgedPaper]:
    name = f"2026-01-{number:02}"
    return [JudgedPaper(f"26{number:02}.{i:05}", name, f"T {i}", "A.", i < picks) for i in range(picks + others)]


def test_the_latest_days_are_kept_apart_and_others_thinned_out() -> None:
    papers = [*day(1, 20, 100), *day(2, 10, 30), *day(3, 5, 15)]
    drawn = draw(papers, test_days=1, most=1000, others=1.5, seed=1)
    assert drawn.fit_days == ("2026-01-01", "2026-01-02") and drawn.test_days == ("2026-01-03",)
    assert sum(p.recommended for p in drawn.fit) == 30 and len(drawn.fit) == 30 + 45 and len(drawn.test) == 20
    assert not {p.arxiv_id for p in drawn.fit} & {p.arxiv_id for p in drawn.test}
    assert draw(papers[::-1], test_days=1, most=1000, others=1.5, seed=1) == drawn
    assert len(draw(papers, test_days=1, most=50, most_test=7).fit) == 50
    assert len(draw(papers, test_days=1, most=50, most_test=7).test) == 7
    assert draw(papers, test_days=0, most=1000).test == ()


def test_a_paper_that_is_judged_again_on_a_test_day_is_not_learned_from() -> None:
    papers = [*day(1, 30, 40), *day(2, 5, 5)]
    twice = JudgedPaper("2601.00003", "2026-01-02", "T 3", "A.", True)
    assert "2601.00003" not in {p.arxiv_id for p in draw([*papers, twice], test_days=1, most=1000).fit}


def test_too_little_to_learn_from_is_said() -> None:
    with pytest.raises(InputError, match="19 recommended and 40 other papers"):
        draw(day(1, 19, 40), test_days=0, most=100)
    with pytest.raises(InputError, match=r"1 judged day\(s\), of which 1"):
        draw(day(1, 30, 40), test_days=1, most=100)


def test_a_folder_with_other_things_is_not_replaced(tmp_path: Path) -> None:
    check_out(tmp_path / "new")
    (tmp_path / "old").mkdir()
    check_out(tmp_path / "old")
    (tmp_path / "old" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="something other"):
        check_out(tmp_path / "old")
    with pytest.raises(InputError, match="is a file"):
        check_out(tmp_path / "old" / "thesis.txt")


NOTED = Tuned(("en-short",), "base", "default", "ab", ("2026-01-01",), 10, 3, {"auc": 0.8})


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_tuned(tmp_path) is None
    NOTED.save(tmp_path)
    assert read_tuned(tmp_path) == NOTED


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"templates": [], "days": []}', '{"templates": ["a"], "days": []}'])
def test_a_damaged_note_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(BackendError, match="note of a fine-tuned model"):
        read_tuned(tmp_path)


def test_a_fine_tuned_model_is_asked_what_it_was_trained_on() -> None:
    auto = JudgeSettings(write_summary=True)
    plain = load_templates(auto, PROFILE, PROMPTS)
    assert plain.label.name == PLAIN and [t.kind for t in plain.texts] == ["reason", "summary"]
    tuned = load_templates(auto, PROFILE, PROMPTS, own=("en-short",))
    assert tuned.label.name == "en-short" and tuned.texts == ()
    writing = load_templates(auto, PROFILE, PROMPTS, own=("en-short", "zh-reason"))
    assert [t.name for t in writing.texts] == ["zh-reason"]
    silent = load_templates(JudgeSettings(write_reason=False), PROFILE, PROMPTS, own=("en-short", "zh-reason"))
    assert silent.texts == ()
    named = load_templates(JudgeSettings(template="zh-all-fields"), PROFILE, PROMPTS, own=("en-short",))
    assert named.label.name == "zh-all-fields" and [t.name for t in named.texts] == ["zh-reason"]


def test_figures_are_of_what_the_model_said() -> None:
    papers = day(1, 2, 2)
    said = {
        "0": 9,
        "1": 4,
        "2": 4,
        "3": 1,
    }  # one pick above both others, one level with one of them and above the other
    generator = ScriptedGenerator(lambda prompt: one_label(said[prompt.key]))
    found = measure(generator, papers, PROFILE, find_template("en-short", PROMPTS))
    assert found["auc"] == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert (found["test_papers"], found["test_picks"], found["test_days"]) == (4, 2, "2026-01-01")
    assert found["spearman"] == "not measurable"  # the picks carry no scores
    json.dumps(found, allow_nan=False)
