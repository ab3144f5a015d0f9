"""The server backend against a real `transformers serve`, which ignores logprobs: digits are written, as is said."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="openai is not installed: pip install '.[openai]'")

from ranker.backends.openai_server import OpenAIGenerator, OpenAISettings
from ranker.errors import BackendError
from ranker.protocols import Prompt
from tests.backends.language_models import DIGITS, smollm2
from tests.conftest import Run

# A server's start and prompts that it reads without a shared head: a minute, more where the machine is busy.
pytestmark = [pytest.mark.xdist_group("transformers serve"), pytest.mark.timeout(900)]
HEAD = "Copy the digit that the user gives. Answer with that digit and nothing else."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the small real model."""
    for package in ("fastapi", "uvicorn", "pydantic", "accelerate"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'transformers[serving]'")
    program = Path(sys.executable).with_name("transformers")
    if not program.is_file():
        pytest.skip("there is no `transformers` program beside Python, so nothing can be served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("serve")
    hub = {"HF_HUB_CACHE": str(folder), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [str(program), "serve", model(), "--device", "cpu", "--dtype", "float32"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = folder / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **hub}) as process,
    ):
        try:
            yield reached(f"http://127.0.0.1:{port}/v1", process, log)
        finally:
            process.terminate()


def reached(address: str, process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(240):
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-1000:]
        try:
            connect(address).close()
            return address
        except BackendError:
            time.sleep(0.5)
    raise AssertionError("transformers serve did not start")


def model() -> str:
    """One path for the server and for every test, though each test has a home of its own."""
    return str(smollm2().resolve())


def connect(address: str) -> OpenAIGenerator:
    return OpenAIGenerator(model(), OpenAISettings(address, concurrency=1))


def test_a_written_digit_stands_for_the_distribution(server: str) -> None:
    generator = connect(server)
    assert not generator.info.gives_logprobs
    prompts = [Prompt(f"p{digit}", HEAD, f"The digit is {digit}.") for digit in (3, 8)]
    readings = list(generator.read_labels(prompts, DIGITS))
    assert sorted(r.key for r in readings) == ["p3", "p8"]
    for reading in readings:
        assert reading.from_text and (reading.error is None or "no label in the written answer" in reading.error)
        assert reading.usage.prompt > 20 and reading.usage.generated > 0
    assert any(sorted(r.probabilities) == [*[0.0] * 9, 1.0] for r in readings)


def test_a_run_says_that_its_scores_are_written_digits(server: str, cli: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f'[openai]\nbase_url = "{server}"\nconcurrency = 1\n'
        '[judging]\ntemplate = "en-all-fields"\nwrite_reason = false\nanchors = false\n'
    )
    row = {"id": "2601.00001", "title": "Compressing the KV cache", "abstract": "We evict keys of attention."}
    (tmp_path / "day.jsonl").write_text(json.dumps(row) + "\n")
    done = cli(
        "rank",
        "day.jsonl",
        "--judge",
        "openai",
        "--model",
        model(),
        "--config",
        "c.toml",
        "--out",
        "o",
        "--store",
        "s",
    )
    assert done.returncode in (0, 6), done.stderr
    report = json.loads((tmp_path / "o" / "report.json").read_text())
    lines = [json.loads(line) for line in (tmp_path / "o" / "rankings.jsonl").read_text().splitlines()]
    scored = [line for line in lines if line["score"] is not None]
    assert all(line["score"] == int(line["score"]) for line in scored)
    assert all("no label in the written answer" in line["detail"] for line in lines if line["outcome"] == "failed")
    assert len(scored) + report["counts"]["failed"] == 1
    assert report["tokens"]["generated"] > 0
    said = f"{len(scored)} 篇的评分来自模型写出的数字"
    assert any(note.startswith(said) for note in report["notes"]) is bool(scored)
