"""The fastest way that is exact enough is chosen, kept, and forgotten where the situation differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker.backends import tune
from ranker.backends.bert_plan import read_plan
from ranker.backends.encoders import choose_encoder
from ranker.backends.tune import Measured
from ranker.config import EncoderSettings
from ranker.model_files import find_encoder
from tests.tiny_encoder import save_tiny_encoder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ranker" / "encoder-tune.json"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("tiny"))


def test_a_fast_way_that_is_not_exact_enough_is_passed_over() -> None:
    exact = Measured("torch", "float32", 20.0, 1.0)
    low = Measured("torch", "bfloat16", 50.0, 0.9995)
    careless = Measured("openvino", "bfloat16", 60.0, 0.998)
    whole = Measured("openvino", "int8", 80.0, 0.9899)
    assert tune.choose([exact, low, careless, whole]) == low
    assert tune.choose([exact, low, careless, Measured("openvino", "int8", 80.0, 0.9901)]).precision == "int8"


def test_measuring_tries_every_way_and_keeps_the_fastest(model: Path, cache: Path) -> None:
    files = find_encoder(str(model))
    plan = read_plan(files.folder)
    assert tune.recall(files, plan) is None
    lines = list(tune.tune(EncoderSettings(model=str(model))))
    tried = [tuple(line.split()[:2]) for line in lines[1:-2]]
    assert tried == tune.ways(plan)
    assert cache.is_file()
    chosen = tune.recall(files, plan)
    assert chosen is not None
    assert f"fastest: {chosen[0]}, {chosen[1]};" in lines[-2]
    info = choose_encoder(EncoderSettings(model=str(model))).info
    assert (info.backend, info.precision) == chosen


def test_what_the_settings_name_wins_over_what_was_measured(model: Path) -> None:
    files = find_encoder(str(model))
    plan = read_plan(files.folder)
    best = Measured("torch", "float32", 1.0, 1.0)
    tune.remember(files, plan, best, [best])
    assert tune.recall(files, plan) == ("torch", "float32")
    named = choose_encoder(EncoderSettings(model=str(model), backend="sentence-transformers")).info
    assert named.backend == "sentence-transformers"


def test_another_cpu_or_a_damaged_cache_counts_as_unmeasured(
    model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = find_encoder(str(model))
    plan = read_plan(files.folder)
    best = Measured("torch", "float32", 1.0, 1.0)
    tune.remember(files, plan, best, [best])
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(tune, "cpu_name", lambda: "another CPU")
        assert tune.recall(files, plan) is None
    cache.write_text("{ half a file")
    assert tune.recall(files, plan) is None
