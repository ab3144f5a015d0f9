"""What is drawn to learn from and to test on, and what a fine-tuned model's note is good for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ranker import resources
from ranker.backends.finetune.run import check_out, measure
from ranker.backends.finetune.split import split
from ranker.backends.tuned import NOTE, Tuned, read_tuned
from ranker.errors import BackendError, InputError
from ranker.judging.judge import LanguageModelJudge
from ranker.judging.prompts import PLAIN, Heads, load_templates
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
    drawn = split(papers, test_days=1, most=1000, seed=1)
    assert drawn.fit_days == ("2026-01-01", "2026-01-02") and drawn.test_days == ("2026-01-03",)
    assert sum(p.recommended for p in drawn.fit) == 30 and len(drawn.fit) == 30 + 42 and len(drawn.test) == 20
    assert not {p.arxiv_id for p in drawn.fit} & {p.arxiv_id for p in drawn.test}
    assert split(papers[::-1], test_days=1, most=1000, seed=1) == drawn
    few = split(papers, test_days=1, most=60, most_test=7)
    assert (len(few.fit), len(few.test)) == (60, 7)
    assert split(papers, test_days=0, most=1000).test == ()


def test_a_paper_that_is_judged_again_on_a_test_day_is_not_learned_from() -> None:
    papers = [*day(1, 30, 40), *day(2, 5, 5)]
    twice = JudgedPaper("2601.00003", "2026-01-02", "T 3", "A.", True)
    drawn = split([*papers, twice], test_days=1, most=1000)
    assert "2601.00003" not in {p.arxiv_id for p in drawn.fit} and "2601.00004" in {p.arxiv_id for p in drawn.fit}


def test_too_little_to_learn_from_is_said() -> None:
    with pytest.raises(InputError, match="19 recommended and 27 other papers"):
        split(day(1, 19, 40), test_days=0, most=100)
    with pytest.raises(InputError, match=r"recommended and \d+ other papers"):
        split(day(1, 40, 60), test_days=0, most=30)  # enough there, too few asked for
    with pytest.raises(InputError, match=r"1 judged day\(s\), of which 1"):
        split(day(1, 30, 40), test_days=1, most=100)


def test_a_folder_with_other_things_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_out(tmp_path / "new", 10)
    (tmp_path / "old").mkdir()
    check_out(tmp_path / "old", 10)
    (tmp_path / "old" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="something other"):
        check_out(tmp_path / "old", 10)
    for below in ("thesis.txt", "thesis.txt/x"):
        with pytest.raises(InputError, match="is a file"):
            check_out(tmp_path / "old" / below, 10)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="the folder that you are in"):
        check_out(tmp_path / "empty", 10)
    with pytest.raises(BackendError, match=r"GB are free, 1200000\.0 are needed"):
        check_out(tmp_path / "new", 10**15)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "old"]


NOTED = Tuned(("prompt.toml",), "base", "default", "ab", ("2026-01-01",), 10, 3, (("auc", 0.8),))


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_tuned(tmp_path) is None
    NOTED.save(tmp_path)
    with pytest.raises(BackendError, match=r"prompt\.toml is not beside it"):
        read_tuned(tmp_path)
    (tmp_path / "prompt.toml").write_text("")
    assert read_tuned(tmp_path) == NOTED
    assert NOTED.template_files(tmp_path) == (str(tmp_path / "prompt.toml"),)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"templates": [], "days": []}', '{"templates": ["a"], "days": []}'])
def test_a_damaged_note_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(BackendError, match="note of a fine-tuned model"):
        read_tuned(tmp_path)


def test_a_fine_tuned_model_is_asked_what_it_was_trained_on(tmp_path: Path) -> None:
    mine = tmp_path / "prompt.toml"
    mine.write_bytes((PROMPTS / "en-short.toml").read_bytes())
    auto = JudgeSettings(write_summary=True)
    plain = load_templates(auto, PROFILE, PROMPTS)
    assert plain.label.name == PLAIN and [t.kind for t in plain.texts] == ["reason", "summary"]
    tuned = load_templates(auto, PROFILE, PROMPTS, own=(str(mine),))
    assert tuned.label.name == "en-short" and tuned.texts == () and tuned.unlearned == ("reason", "summary")
    by_name = load_templates(JudgeSettings(template="en-short"), PROFILE, PROMPTS, own=(str(mine),))
    assert by_name.texts == () and by_name.unlearned == ("reason",)
    writing = load_templates(auto, PROFILE, PROMPTS, own=(str(mine), "zh-reason"))
    assert [t.name for t in writing.texts] == ["zh-reason"] and writing.unlearned == ("summary",)
    silent = load_templates(JudgeSettings(write_reason=False), PROFILE, PROMPTS, own=(str(mine), "zh-reason"))
    assert silent.texts == () == silent.unlearned
    other = load_templates(JudgeSettings(template="zh-all-fields"), PROFILE, PROMPTS, own=(str(mine),))
    assert other.label.name == "zh-all-fields" and [t.name for t in other.texts] == ["zh-reason"]


def test_a_reader_is_told_that_a_model_learned_another_prompt_and_no_words() -> None:
    settings = JudgeSettings()
    templates = load_templates(settings, PROFILE, PROMPTS, own=("en-short",))

    def notes(tuned_for: str) -> tuple[str, ...]:
        generator = ScriptedGenerator(tuned_for=tuned_for)
        judge = LanguageModelJudge(generator, PROFILE, templates, settings, evidence=lambda c: "")
        return judge.adjust([], {})[1]

    own = Heads(templates.label, PROFILE).template_hash
    assert [n[:10] for n in notes(own)] == ["这个微调过的模型没有"]
    assert len(notes("another")) == 2 and "另一份提示词" in notes("another")[0]


def test_figures_are_of_what_the_model_said() -> None:
    papers = day(1, 2, 2)
    said = {
        "0": 9,
        "1": 4,
        "2": 4,
        "3": 1,
    }  # one pick above both others, one level with one of them and above the other
    generator = ScriptedGenerator(lambda prompt: one_label(said[prompt.key]))
    found = dict(measure(generator, papers, PROFILE, find_template("en-short", PROMPTS)))
    assert found["auc"] == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert (found["test_papers"], found["test_picks"], found["test_days"]) == (4, 2, "2026-01-01")
    assert found["unscored"] == 0
    assert found["spearman"] == "not measurable"  # the picks carry no scores
    json.dumps(found, allow_nan=False)
