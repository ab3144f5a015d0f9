"""Starting, hearing, ending and explaining the process that holds a vLLM engine."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ranker.backends.vllm_settings import VllmSettings
from ranker.errors import BackendError

_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_SECRET = re.compile(r"(_API_KEY|_TOKEN|_SECRET|_PASSWORD)$")
_CLOSING_SECONDS = 10.0


class EngineDied(Exception):
    """The engine's process ended, or said that its engine is dead."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class EngineProcess:
    """One engine in its own process group, so that none of its children outlives it. Its output goes to ``log``."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    log: Path
    facts: dict[str, Any] = field(default_factory=dict)
    _end: Any = None

    @classmethod
    def start(cls, model: str, settings: VllmSettings) -> EngineProcess:
        """Start it and return at once: the engine loads while the caller embeds papers."""
        ours, theirs = socket.socketpair()
        handle, name = tempfile.mkstemp(prefix="ranker-vllm-", suffix=".log")
        kept = {k: v for k, v in os.environ.items() if not _SECRET.search(k)}
        command = [sys.executable, "-m", "ranker.backends.vllm_worker", str(theirs.fileno())]
        with os.fdopen(handle, "wb") as log:
            process = subprocess.Popen(
                command,
                env={**kept, **_QUIET, **settings.env},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        theirs.close()
        engine = cls(process, Connection(ours.detach()), Path(name))
        engine._end = weakref.finalize(engine, _kill, process, Path(name))
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
        except EngineDied:
            kind, said = "failed", f"the engine's process ended with code {self.process.poll()}"
        if kind == "ready":
            self.facts = dict(said)
            return
        text = str(said)
        words = self.tail()
        self.kill()
        if kind == "late":
            raise BackendError(f"the engine was not ready in {seconds:.0f} s", where="vllm", todo="raise start_seconds")
        raise BackendError(f"the engine did not start: {_cause(text, words)}", where="vllm", todo=advice(text + words))

    def send(self, message: tuple[Any, ...]) -> None:
        try:
            self.pipe.send(message)
        except OSError as error:
            raise EngineDied(str(error)) from error

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
                raise EngineDied(f"its process ended ({self.process.poll()})") from error
            # A grandchild may hold the socket open after its parent is gone: ask the process itself too.
            if self.process.poll() is not None and not self.pipe.poll(0):
                raise EngineDied(f"its process ended with code {self.process.poll()}")
            if left <= 0:
                return None

    def tail(self, size: int = 6000) -> str:
        """The end of what the engine printed."""
        try:
            return self.log.read_bytes()[-size:].decode("utf-8", errors="replace")
        except OSError:
            return ""

    def close(self) -> None:
        """Ask it to end, wait a little, then end it."""
        try:
            self.send(("close",))
            self.process.wait(_CLOSING_SECONDS)
        except (EngineDied, subprocess.TimeoutExpired):
            pass  # it is ended below, in any case
        self.kill()

    def kill(self) -> None:
        if self._end is not None:
            self._end()
        self.pipe.close()


def _kill(process: subprocess.Popen[bytes], log: Path) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody of the group may be left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    log.unlink(missing_ok=True)


_ERROR = re.compile(
    r"^(?:\(\w+ pid=\d+\)\s*)?(?:ERROR[^\]]*\]\s*)?((?:\w+\.)*\w*(?:Error|Exception): .+)$", re.MULTILINE
)


def _cause(text: str, words: str) -> str:
    """The engine's own words: where the process only says "see above", the last error above that."""
    if "root cause" not in text and "Engine core" not in text and "ended with code" not in text:
        return text[:400]
    found = [e for e in _ERROR.findall(words) if "root cause" not in e and "Engine core" not in e]
    return (found[-1] if found else text)[:400]


def is_out_of_memory(words: str) -> bool:
    low = words.lower()
    return "out of memory" in low or "outofmemory" in low or "cannot allocate memory" in low or "bad_alloc" in low


def advice(words: str) -> str:
    """What to change in ``[vllm]``, by what the engine said (0.26 to 0.33 word it alike)."""
    if "desired GPU memory utilization" in words or "desired CPU memory utilization" in words:
        return "lower gpu_memory_utilization in [vllm], or free the memory that other programs hold"
    if "larger than the available KV cache memory" in words or "No available memory for the cache" in words:
        return (
            "lower max_model_len in [vllm], or raise gpu_memory_utilization "
            "(on a CPU: env.VLLM_CPU_KVCACHE_SPACE, in GiB), or take a smaller or quantised model"
        )
    if is_out_of_memory(words):
        return "lower max_num_seqs and max_num_batched_tokens in [vllm], or take a smaller or quantised model"
    if "Failed to infer device type" in words:
        return "this build of vLLM finds no device here: install its CPU build, or use --judge transformers"
    return "see the engine's words above; --judge transformers needs no vLLM"
