"""Starting, hearing, ending and explaining the process that holds a vLLM engine."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from ranker.backends.vllm_advice import advice, cause
from ranker.backends.vllm_group import end_group, own_folder
from ranker.backends.vllm_settings import QUIET, VllmSettings
from ranker.errors import BackendError

_SECRET = re.compile(r"(_API_KEY|_TOKEN|_SECRET|_PASSWORD)$")
_ENDING_SECONDS = 10.0
WORKER = "ranker.backends.vllm_worker"
"""The module that the engine's process runs; a benchmark puts its own there, which measures besides."""


class EngineDied(Exception):
    """The engine's process ended, or said that its engine is dead."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class EngineProcess:
    """One engine in its own process group, so that none of its children outlives it, and out of Ctrl-C's reach.

    Its output goes to ``log``, a file without a name, and its temporary files to a folder that is removed with it:
    whoever is killed, nothing is left lying about.
    """

    process: subprocess.Popen[bytes]
    pipe: Connection
    log: IO[bytes]
    facts: dict[str, Any] = field(default_factory=dict)
    _end: Any = None

    @classmethod
    def start(cls, model: str, settings: VllmSettings) -> EngineProcess:
        """Start it and return at once: the engine loads while the caller embeds papers."""
        ours, theirs = socket.socketpair()
        log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the engine
        kept = {k: v for k, v in os.environ.items() if not _SECRET.search(k)}
        folder, places = own_folder(kept)
        command = [sys.executable, "-m", WORKER, str(theirs.fileno())]
        process = subprocess.Popen(
            command,
            env={**kept, **places, **settings.env, **QUIET},
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        theirs.close()
        engine = cls(process, Connection(ours.detach()), log)
        engine._end = weakref.finalize(engine, _kill, process, folder)
        engine.pipe.send((model, settings))
        return engine

    def wait_ready(self, seconds: float) -> None:
        """Until the engine has loaded.

        Raises:
            BackendError: it failed to start (with what to change), or took too long.
        """
        if self.facts:
            return
        said: Any
        try:
            kind, said = self.receive(seconds) or ("late", "")
        except EngineDied as death:
            kind, said = "failed", str(death)
        if kind == "ready":
            self.facts = dict(said)
            return
        text = str(said)
        words = self.tail(1 << 16)
        kept = self.keep_log()
        self.kill()
        if kind == "late":
            why, todo = f"the engine was not ready in {seconds:.0f} s", "raise start_seconds in [vllm]"
        else:
            why = cause(text, words)
            todo = advice(f"{why}\n{text}\n{words}")
            why = f"the engine did not start: {why}"
        raise BackendError(why, where="vllm", todo=f"{todo} (all that it said: {kept})")

    def send(self, message: tuple[Any, ...]) -> None:
        try:
            self.pipe.send(message)
        except OSError as error:
            raise EngineDied(self._how_it_ended()) from error

    def receive(self, seconds: float) -> tuple[str, Any] | None:
        """The next message, or None after ``seconds``.

        Raises:
            EngineDied: there will be no more.
        """
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            try:
                if self.pipe.poll(max(0.0, min(left, 0.5))):
                    message: tuple[str, Any] = self.pipe.recv()
                    if message[0] == "dead":
                        raise EngineDied(str(message[1]))
                    return message
            except (EOFError, OSError) as error:
                raise EngineDied(self._how_it_ended()) from error
            # A grandchild may hold the socket open after its parent is gone: ask the process itself too.
            if self.process.poll() is not None and not self.pipe.poll(0):
                raise EngineDied(self._how_it_ended())
            if left <= 0:
                return None

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):  # its socket closes a moment before it is gone
            self.process.wait(_ENDING_SECONDS)
        return f"its process ended with code {self.process.poll()}"

    def tail(self, size: int = 6000) -> str:
        """The end of what the engine printed."""
        if self.log.closed:
            return ""
        length = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, max(0, length - size)).decode("utf-8", errors="replace")

    def keep_log(self) -> Path:
        """Write what the engine printed to a file with a name, which stays: for errors that a person will look into."""
        handle, name = tempfile.mkstemp(prefix="ranker-vllm-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self.tail(1 << 24))
        return Path(name)

    def kill(self) -> None:
        """End it at once, whatever it does: there is nothing in it that has to be saved."""
        if self._end is not None:
            self._end()
        self.pipe.close()
        self.log.close()


def _kill(process: subprocess.Popen[bytes], folder: Path) -> None:
    end_group(process.pid)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)
