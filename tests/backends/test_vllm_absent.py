"""Whether vLLM can be used here: found out by importing it in a process of its own, and said with the extra's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker.backends import vllm_settings
from ranker.backends.vllm import VllmGenerator, usable
from ranker.errors import BackendError
from tests.backends.language_models import tiny_model

STUB = Path(__file__).parent / "stub_vllm"


def test_without_vllm_it_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranker.backends.vllm.vllm_folder", lambda: None)
    with pytest.raises(BackendError, match=r"constraints.txt '\.\[vllm\]'"):
        VllmGenerator(tiny_model(tmp_path))


def test_importing_decides_whether_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    usable.cache_clear()
    monkeypatch.setattr("ranker.backends.vllm_model.vllm_folder", lambda: None)
    assert usable() == (False, "not installed; in ranker's folder: pip install -c constraints.txt '.[vllm]'")
    usable.cache_clear()
    monkeypatch.setattr("ranker.backends.vllm_model.vllm_folder", lambda: STUB / "vllm")
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    assert usable() == (True, "cpu")
    usable.cache_clear()
    monkeypatch.setenv("PYTHONPATH", "")
    if vllm_settings.vllm_folder() is None:
        there, why = usable()
        assert not there and "does not import" in why
    usable.cache_clear()
