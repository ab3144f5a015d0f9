from __future__ import annotations

from typing import Any

import pytest

from ranker.judging.settings import JudgeSettings


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
    assert JudgeSettings().template == "zh-field"
