from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

import pytest

from ranker import resources
from ranker.backends.openai_server import OpenAISettings
from ranker.backends.transformers import TransformersSettings
from ranker.judging.settings import JudgeSettings
from ranker.toml import Reader


@pytest.mark.parametrize(
    "bad",
    [
        {"template": " "},
        {"min_mass": 1.0},
        {"min_mass": -0.1},
        {"second_field_margin": 2.5},
        {"max_paper_tokens": 63},
        {"retry_temperature": 0.0},
        {"seed": -1},
        {"blend": 1.5},
        {"anchor_tolerance": 0.0},
    ],
)
def test_a_broken_bound_names_its_key(bad: dict[str, Any]) -> None:
    (key,) = bad
    with pytest.raises(ValueError, match=f"^{key} "):
        JudgeSettings(**bad)


def test_the_defaults_hold() -> None:
    assert JudgeSettings().template == "auto"


def test_the_packaged_file_lists_every_key_with_its_default() -> None:
    """Every commented key of the three tables, with the comment sign taken away."""
    text = (resources.config_dir() / "ranker.toml").read_text(encoding="utf-8")
    tables: dict[str, type] = {"judging": JudgeSettings, "transformers": TransformersSettings, "openai": OpenAISettings}
    for name, cls in tables.items():
        section = text.partition(f"[{name}]")[2].partition("\n[")[0]
        lines = [line.removeprefix("# ") for line in section.splitlines() if line.startswith("# ")]
        table = tomllib.loads("\n".join(lines))
        assert set(table) == {f.name for f in dataclasses.fields(cls)}
        assert Reader("ranker.toml", "").build(cls, table) == cls()
