"""``ranker doctor``: is everything there, and what to do where it is not."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from importlib import metadata, util
from typing import Annotated

import typer
from rich.markup import escape

from ranker.cli import FAILED, FINE
from ranker.cli.console import out
from ranker.cli.options import ConfigOption, DebugOption, StoreOption
from ranker.cli.session import Session
from ranker.errors import RankerError

_NEEDED = ("torch", "sentence-transformers", "transformers", "faiss-cpu", "numpy", "arxiv", "rich")
_EXTRAS = {"vllm": "vllm", "openvino": "openvino", "openai": "openai", "ray": "ray"}
_LOW_DISK = 2 * 1024**3

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
    with Session(config=config, store=store) as session:
        checks: tuple[Callable[[Session], Iterator[Line]], ...] = (
            _packages, _extras, _profile, _encoder, _faiss, _store, _gpu, _disk, _network,
        )  # fmt: skip
        for check in checks:
            try:
                lines = list(check(session))
            except RankerError as error:
                lines = [("bad", error.what, f"{error.where}: {error.todo}")]
            for mark, what, todo in lines:
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


def _packages(session: Session) -> Iterator[Line]:
    for name in _NEEDED:
        try:
            yield "ok", f"{name} {metadata.version(name)}", ""
        except metadata.PackageNotFoundError:
            yield "bad", f"{name} is not installed", "pip install -c constraints.txt ."


def _extras(session: Session) -> Iterator[Line]:
    for extra, module in _EXTRAS.items():
        there = util.find_spec(module) is not None
        what = f"{module} {metadata.version(module)}" if there else f"{module} is not installed (optional)"
        yield (
            ("ok", what, "")
            if there
            else ("note", what, f'where you want it: pip install -c constraints.txt ".[{extra}]"')
        )


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
    verdict = session.store.check()
    counts = ", ".join(f"{n} {name}" for name, n in session.store.counts().items())
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
    try:
        socket.create_connection(("export.arxiv.org", 443), timeout=3).close()
        yield "ok", "arXiv can be reached: `ranker fetch` works", ""
    except OSError:
        yield "note", "arXiv can't be reached: fetch won't work; ranking files needs no network", ""
