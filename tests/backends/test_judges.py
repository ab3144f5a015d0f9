"""Which heads are taken, and which stand behind those that give way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ranker import resources
from ranker.backends.judges import choose_heads, heads_that_give_way, learned_heads_dir
from ranker.errors import BackendError
from ranker.profile import find_profile, load_profile
from tests.test_pipeline import HashEncoder

PROFILE = load_profile(find_profile("default"))


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped heads that says it was fitted for the tests' encoder."""
    copy = tmp_path / "models" / "heads-default"
    shutil.copytree(resources.models_dir() / "heads-default", copy)
    mark(copy)
    monkeypatch.setattr(resources, "models_dir", lambda: tmp_path / "models")
    return copy


def mark(folder: Path, **changes: object) -> None:
    path = folder / "heads.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**meta, "encoder_sha256": HashEncoder().info.sha256, **changes}), encoding="utf-8")


@pytest.mark.parametrize("content", ["", "{}", "[]", "7", '{"format": 1, "sha256": "x"}'])
def test_damaged_shipped_heads_are_one_error_and_no_obstacle_to_new_ones(shipped: Path, content: str) -> None:
    (shipped / "heads.json").write_text(content)
    with pytest.raises(BackendError, match="no usable heads") as told:
        choose_heads("auto", PROFILE, HashEncoder())
    assert told.value.where == str(shipped / "heads.json")
    assert choose_heads("none", PROFILE, HashEncoder()) is None
    assert heads_that_give_way(learned_heads_dir(PROFILE), PROFILE, HashEncoder()) == ()


def test_new_heads_keep_the_own_and_the_shipped_ones_from_ranking(shipped: Path, tmp_path: Path) -> None:
    own, encoder = learned_heads_dir(PROFILE), HashEncoder()

    def papers(folder: Path) -> list[tuple[int, bool]]:
        return [(meta.papers, is_shipped) for meta, is_shipped in heads_that_give_way(folder, PROFILE, encoder)]

    many = json.loads((shipped / "heads.json").read_text(encoding="utf-8"))["papers"]
    assert papers(own) == [(many, True)]
    shutil.copytree(shipped, own)
    mark(own, papers=7)
    assert papers(own) == [(7, False), (many, True)]
    elsewhere = tmp_path / "elsewhere"
    assert papers(elsewhere) == []
    shutil.copytree(own, elsewhere)
    assert papers(elsewhere) == [(7, False)]
    mark(own, fields=["another"])
    assert papers(own) == [(many, True)]
