from __future__ import annotations

from pathlib import Path

import pytest

from ranker.errors import ConfigError
from ranker.judging.prompts import load_templates
from ranker.judging.settings import JudgeSettings
from ranker.judging.template import find_template, load_template
from tests.judging.fakes import PROFILE, PROMPTS

GOOD = """
name = "mine"
version = 1
kind = "label"
scope = "field"
language = "en"
labels = ["0", "1"]
head = "Field {name}: {description}"
body = "<paper>{title} {abstract}</paper> Which?"
"""


def load(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    load_template(tmp_path / "mine.toml")


@pytest.mark.parametrize("path", sorted(PROMPTS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_packaged_template_is_sound_and_named_as_its_file(path: Path) -> None:
    template = load_template(path)
    assert template.name == path.stem and template.version >= 1
    if template.kind == "label" and len(template.labels) > 2:
        assert template.labels == tuple("0123456789")
        if "{topics}" in template.head:  # short, for models that were fine-tuned on it: nothing is explained
            return
        for anchor in ("\n0", "\n4", "\n6", "\n7", "\n8", "\n9"):  # 1, 5, 7, 8, 9 and 10 of ten
            assert anchor in template.head


def test_a_good_template_loads(tmp_path: Path) -> None:
    load(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("version = 1", ""), "version"),
        (("version = 1", "version = 0"), "version must be 1"),
        (("version = 1", "version = 1\nstops = []"), "stops"),
        (("{description}", "{paper}"), "paper"),
        (("{description}", ""), "description"),
        (("{description}", "{description} {abstract}"), "abstract"),
        (("{title} {abstract}", "{title}"), "abstract"),
        (("</paper> Which?", "</paper>"), "question"),
        (("<paper>{title}", "{title}<paper>"), "in that order"),
        (("Field {name}", "Field {name"), "brace"),
        (('["0", "1"]', '["0", "0"]'), "labels"),
        (('kind = "label"', 'kind = "score"'), "kind"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load(tmp_path, GOOD.replace(*change))
    assert "mine.toml" in caught.value.where


def test_a_name_is_looked_up_in_order_and_the_known_ones_are_listed(tmp_path: Path) -> None:
    (tmp_path / "zh-field.toml").write_text(GOOD, encoding="utf-8")
    assert find_template("zh-field", tmp_path, PROMPTS).name == "mine"
    assert find_template("en-field", tmp_path, PROMPTS).name == "en-field"
    with pytest.raises(ConfigError, match="en-all-fields"):
        find_template("zh-feld", tmp_path, PROMPTS)
    with pytest.raises(ConfigError, match="kind 'reason'"):
        find_template("zh-reason", PROMPTS, kind="label")


def test_texts_follow_the_settings_and_the_profile() -> None:
    settings = JudgeSettings(write_summary=True, write_brief=True)
    assert [t.name for t in load_templates(settings, PROFILE, PROMPTS).texts] == ["zh-reason", "zh-summary", "zh-brief"]
    assert load_templates(JudgeSettings(write_reason=False), PROFILE, PROMPTS).texts == ()
    english = load_templates(JudgeSettings(language="en", template="en-all-fields"), PROFILE, PROMPTS)
    assert english.label.scope == "all" and english.texts[0].name == "en-reason"
