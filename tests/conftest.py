"""Shared fixtures: the real encoder, a small day, a home of the test's own, and a list of what was skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ranker import resources

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
Run = subprocess.CompletedProcess[str]


# What is large and the same for every test stays in the person's cache: an engine's and the hub's files.
CACHES = {"VLLM_CACHE_ROOT": "vllm", "HF_HOME": "huggingface"}


@pytest.fixture(scope="session")
def converted_models() -> Path:
    """Where the small real model lies once it was converted: in the person's cache, so that it is done once."""
    from ranker.backends.smollm2 import cache_folder

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, converted_models: Path
) -> Iterator[Path]:
    """No test touches the person's own store, configuration, profiles or measurements, or obeys their variables."""
    folder = tmp_path_factory.mktemp("home")
    own_cache = converted_models.parent.parent
    for name, below in CACHES.items():
        monkeypatch.setenv(name, os.environ.get(name) or str(own_cache / below))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(folder / name.lower()))
    cache = folder / "xdg_cache_home" / "ranker"
    cache.mkdir(parents=True)
    (cache / "models").symlink_to(converted_models)
    for name in ("RANKER_API_KEY", "OPENAI_API_KEY", "RANKER_NOW", "RANKER_SMTP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    yield folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The judged days and seeds beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("../shared is absent: tests on real judged days and seeds need it")
    return SHARED


@pytest.fixture(scope="session")
def sample_rows() -> list[str]:
    """The bundled day's lines, the broken one included."""
    return resources.sample_day().read_text(encoding="utf-8").splitlines()


@pytest.fixture
def small_day(tmp_path: Path, sample_rows: list[str]) -> Path:
    """Every sixth paper of the sample day, without the broken row."""
    good = [row for row in sample_rows if _is_json(row)]
    path = tmp_path / "day.jsonl"
    path.write_text("\n".join(good[::6]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Run]:
    """The command in a process of its own, as a person runs it."""

    def run(*arguments: object, input: str | None = None, env: dict[str, str] | None = None) -> Run:
        command = [sys.executable, "-m", "ranker", *map(str, arguments)]
        return subprocess.run(
            command,
            input=input,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            timeout=240,
            check=False,
        )

    return run


def _is_json(row: str) -> bool:
    try:
        json.loads(row)
    except ValueError:
        return False
    return True
