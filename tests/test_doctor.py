"""``ranker doctor`` says what is there, and never dies of what it should diagnose."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ranker.cli.commands import doctor
from ranker.cli.session import Session
from ranker.store import Store
from tests.hidden import hide

Cli = Callable[..., "CompletedProcess[str]"]


def configured(folder: Path, text: str) -> Path:
    path = folder / "ranker.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_is_well(cli: Cli, tmp_path: Path) -> None:
    with Store(tmp_path / "ranker.db"):
        pass
    done = cli("doctor", "--store", "ranker.db")
    assert done.returncode == 0, done.stdout + done.stderr
    for what in ("ok   encoder", "FAISS answers as it should", "store ranker.db: 0 papers", "GiB free"):
        assert what in done.stdout
    assert done.stdout.endswith("all is well\n")


def test_broken_packages_are_findings(cli: Cli, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "faiss.py").write_text("raise ImportError('libfaiss.so: cannot open shared object file')")
    (broken / "torch.py").write_text("raise OSError('libtorch_cpu.so: undefined symbol')")
    hide("ray", broken)
    (tmp_path / "ray").mkdir()  # importable from here as a namespace, but nothing is installed
    path = os.pathsep.join(p for p in (str(broken), os.environ.get("PYTHONPATH", "")) if p)
    done = cli("doctor", env={"PYTHONPATH": path})
    assert done.returncode == 5, done.stdout + done.stderr
    assert "BAD  faiss: a package can't be loaded: libfaiss.so" in done.stdout
    assert "BAD  gpu: OSError: libtorch_cpu.so" in done.stdout
    assert "note ray is not installed" in done.stdout
    assert "GiB free" in done.stdout and "arXiv" in done.stdout  # the checks behind are made
    assert done.stdout.endswith("something needs mending\n") and "unexpected" not in done.stderr


@pytest.mark.parametrize(
    ("head", "says"), [(b"", "is no ranker store (no SQLite database)"), (b"SQLite format 3\0", "the store failed")]
)
def test_a_damaged_store_is_a_finding(tmp_path: Path, head: bytes, says: str) -> None:
    store = tmp_path / "ranker.db"
    store.write_bytes(head + b"no database at all, though long enough to look like one\n" * 100)
    with Session(store=store) as session:
        ((mark, what, _),) = doctor.findings(doctor._store, session)
        assert mark == "bad" and says in what


def test_a_wrong_configuration_is_a_finding_and_the_rest_is_still_checked(cli: Cli, tmp_path: Path) -> None:
    wrong = configured(tmp_path, "[fetch.http]\ntrise = 3\n")
    done = cli("doctor", "--config", wrong)
    assert done.returncode == 5, done.stdout + done.stderr
    assert f"BAD  configuration {wrong}:2: fetch.http.trise: is not a known key\n       -> did you mean" in done.stdout
    assert "FAISS answers as it should" in done.stdout


def test_the_network_is_asked_where_the_configuration_says(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        config = configured(tmp_path, f'[fetch.http]\napi_url = "http://127.0.0.1:{port}/api/query"\n')
        with Session(config=config) as session:
            assert [line[0] for line in doctor.findings(doctor._network, session)] == ["ok"]
    with Session(config=config) as session:
        ((mark, what, _),) = doctor.findings(doctor._network, session)
        assert mark == "note" and "127.0.0.1" in what


def test_a_look_up_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def stuck(*_: object, **__: object) -> list[object]:
        end.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    try:
        assert not doctor._reached("export.arxiv.org", 443, 0.2)
    finally:
        end.set()


@pytest.mark.parametrize(("answer", "mark"), [((True, "cpu"), "ok"), ((False, "it finds no device"), "note")])
def test_an_installed_vllm_is_asked_whether_it_runs_here(
    answer: tuple[bool, str], mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its CUDA build installs without a card and imports without one."""
    monkeypatch.setattr("ranker.backends.vllm_model.usable", lambda: answer)
    found, what, todo = doctor._vllm("0.32.0")
    assert found == mark and answer[1] in what and bool(todo) == (mark == "note")
