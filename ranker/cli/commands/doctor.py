"""``ranker doctor``: is everything there, and what to do where it is not."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from ranker import resources
from ranker.backends.extras import install
from ranker.cli import FAILED, FINE
from ranker.cli.console import out
from ranker.cli.options import ConfigOption, DebugOption, StoreOption
from ranker.cli.session import Session
from ranker.errors import ConfigError, RankerError
from ranker.store import Store

_NEEDED = ("torch", "sentence-transformers", "transformers", "faiss-cpu", "numpy", "arxiv", "rich")
_EXTRAS = {"vllm": "vllm", "openvino": "openvino", "openai": "openai", "ray": "ray"}
_LOW_DISK = 2 * 1024**3
_PATIENCE = 3.0  # seconds for arXiv to answer

Line = tuple[str, str, str]
"""(ok | note | bad, what, what to do)"""


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    tune: Annotated[bool, typer.Option("--tune", help="Measure which encoder backend is fastest here.")] = False,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Check packages, encoder, store, FAISS, GPU, disk and network, and say what to do."""
    marks = {"ok": "[green]ok  [/]", "note": "[yellow]note[/]", "bad": "[red]BAD [/]"}
    bad = 0
    opened, wrong = _session(config, store)
    with opened as session:
        checks: tuple[Callable[[Session], Iterator[Line]], ...] = (
            _packages, _extras, _config, _profile, _encoder, _faiss, _store, _gpu, _disk, _network,
        )  # fmt: skip
        for check in checks:
            found = iter([wrong]) if wrong and check is _config else findings(check, session)
            for mark, what, todo in found:
                bad += mark == "bad"
                out.print(
                    f"{marks[mark]} {escape(what)}" + (f"\n       -> {escape(todo)}" if todo else ""), soft_wrap=True
                )
        if tune:
            from ranker.backends.tune import tune as measure

            for line in measure(session.config.encoder):
                print(line)
    print("something needs mending" if bad else "all is well")
    return FAILED if bad else FINE


def _session(config: Path | None, store: Path | None) -> tuple[Session, Line | None]:
    """A session, with the packaged configuration where the person's is wrong: the other checks are still of use."""
    try:
        return Session(config=config, store=store), None
    except ConfigError as error:
        packaged = resources.config_dir() / "ranker.toml"
        line = ("bad", f"configuration {error.where}: {error.what}", f"{error.todo} (all else is checked without it)")
        return Session(config=packaged, store=store), line


def findings(check: Callable[[Session], Iterator[Line]], session: Session) -> Iterator[Line]:
    """A check's lines. What it raises is a finding too: a broken installation is what doctor is there for."""
    try:
        yield from check(session)
    except RankerError as error:
        yield "bad", error.what, ": ".join(part for part in (error.where, error.todo) if part)
    except ImportError as error:
        yield (
            "bad",
            f"{_name(check)}: a package can't be loaded: {error}",
            "reinstall it: pip install -c constraints.txt .",
        )
    except Exception as error:  # a half-installed library raises anything: OSError, AttributeError, RuntimeError ...
        yield "bad", f"{_name(check)}: {type(error).__name__}: {error}", "mend what it names, or reinstall ranker"


def _name(check: Callable[[Session], Iterator[Line]]) -> str:
    return check.__name__.removeprefix("_")


def _packages(session: Session) -> Iterator[Line]:
    for name in _NEEDED:
        try:
            yield "ok", f"{name} {metadata.version(name)}", ""
        except metadata.PackageNotFoundError:
            yield "bad", f"{name} is not installed", "pip install -c constraints.txt ."


def _extras(session: Session) -> Iterator[Line]:
    for extra, package in _EXTRAS.items():
        # By what is installed, not by what could be imported: any folder `ray` on the path could be.
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield "note", f"{package} is not installed (optional)", f"where you want it, {install(extra)}"
        else:
            yield _vllm(version) if package == "vllm" else ("ok", f"{package} {version}", "")


def _vllm(version: str) -> Line:
    """Its CUDA build installs anywhere, and runs only where there is a card: it is asked, which takes some seconds."""
    from ranker.backends.vllm_model import usable

    there, device = usable()
    if there:
        return "ok", f"vllm {version}, on {device}", ""
    return "note", f"vllm {version} can't run here: {device}", "its CPU build runs without a card (see the README)"


def _config(session: Session) -> Iterator[Line]:
    yield "ok", f"configuration {session.config.file}", ""


def _profile(session: Session) -> Iterator[Line]:
    profile = session.profile
    yield "ok", f"profile {profile.name}: {len(profile.fields)} fields", ""


def _encoder(session: Session) -> Iterator[Line]:
    info = session.encoder.info
    yield "ok", f"encoder {info.name} ({info.backend}, {info.precision}), weights {info.sha256[:12]}", ""


def _faiss(session: Session) -> Iterator[Line]:
    import numpy as np

    products = session.search(np.eye(2, 4, dtype=np.float32), np.eye(3, 4, dtype=np.float32))
    right = bool((products == np.eye(2, 3, dtype=np.float32)).all())
    yield (
        ("ok", "FAISS answers as it should", "")
        if right
        else ("bad", "FAISS gives wrong products", "reinstall faiss-cpu")
    )


def _store(session: Session) -> Iterator[Line]:
    if not session.store_path.exists():
        yield "note", f"no store yet at {session.store_path}", "the first `ranker rank` makes it"
        return
    with Store(session.store_path, read_only=True) as store:
        verdict = store.check()
        counts = ", ".join(f"{n} {name}" for name, n in store.counts().items())
    if verdict == "ok":
        yield "ok", f"store {session.store_path}: {counts}", ""
    else:
        yield "bad", f"store {session.store_path}: {verdict}", "move it away or restore a copy"


def _gpu(session: Session) -> Iterator[Line]:
    import torch

    if torch.cuda.is_available():
        yield "ok", f"GPU {torch.cuda.get_device_name()}", ""
    else:
        yield "note", "no GPU: the heads judge needs none; a language model is slow without one", ""


def _disk(session: Session) -> Iterator[Line]:
    folder = session.store_path.parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    low = free < _LOW_DISK
    yield "bad" if low else "ok", f"{free / 1024**3:.1f} GiB free at {folder}", "free some space" if low else ""
    if not os.access(folder, os.W_OK):
        yield "bad", f"{folder} is not writable", "choose another --store"


def _network(session: Session) -> Iterator[Line]:
    address = urlsplit(session.config.http_settings().api_url)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    if _reached(host, port, _PATIENCE):
        yield "ok", f"arXiv ({host}) can be reached: `ranker fetch` works", ""
    else:
        yield "note", f"arXiv ({host}) can't be reached: fetch won't work; ranking files needs no network", ""


def _reached(host: str, port: int, seconds: float) -> bool:
    """In a thread of its own: looking up a name has no time-out, and can take minutes where there is no network."""
    answers: queue.Queue[bool] = queue.Queue()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=seconds).close()
            answers.put(True)
        except OSError:
            answers.put(False)

    threading.Thread(target=connect, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return False
