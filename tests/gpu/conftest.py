"""Models and engines for vLLM itself, on a GPU or a CPU build; skipped only where it can't run, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker.backends.vllm_model import usable
from tests.backends.language_models import smollm2
from tests.gpu.byte_model import byte_model


@pytest.fixture(scope="session")
def runs() -> str:
    """The device that vLLM runs on here."""
    there, why = usable()
    if not there:
        pytest.skip(f"vLLM can't run here: {why}")
    return why


@pytest.fixture(scope="session")
def model(runs: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model, made on the fly."""
    return byte_model(tmp_path_factory.mktemp("bytes"))


@pytest.fixture(scope="session")
def real(runs: str) -> Path:
    """SmolLM2-135M, where its package is installed."""
    return smollm2()
