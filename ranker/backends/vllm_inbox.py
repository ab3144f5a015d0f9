"""What the engine's process hears: messages from the other side, that it is gone, and that a child died."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Thread
from typing import Any, NoReturn

from ranker.backends.vllm_group import end_own_group

_SECONDS = 1.0


class Inbox:
    """A thread that reads the socket, so that neither side ever waits for the other to read while it writes.

    Two of its three jobs are about endings that vLLM itself does not notice. If the other side is gone, even by
    ``kill -9`` while the engine still loads, everything ends here, so that no process keeps GPU memory. If one of
    vLLM's processes was killed (by the system's out-of-memory killer, say), vLLM's ``step`` would wait for its answer
    for ever: its monitor closes the queue that ``get_output`` reads without an exception put into it (0.26 to 0.33).
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._parent = os.getppid()
        self._children: tuple[int, ...] = ()
        self._messages: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        Thread(target=self._listen, name="ranker-inbox", daemon=True).start()

    def take(self, *, wait: bool) -> list[tuple[Any, ...]]:
        """Everything that has come; with ``wait``, at least one message."""
        found = [self._messages.get()] if wait else []
        while not self._messages.empty():  # nobody else takes any
            found.append(self._messages.get())
        return found

    def watch_children(self) -> None:
        """From now on the death of one of this process's children ends them all."""
        self._children = tuple(child.sentinel for child in multiprocessing.active_children())

    def _listen(self) -> None:
        while True:
            ready = wait([self._pipe, *self._children], _SECONDS)
            if self._pipe in ready:
                try:
                    message = self._pipe.recv()
                except (EOFError, OSError):
                    _end_all("the process that started the engine is gone")
                self._messages.put(message)
            elif ready and self._children:
                _end_all("a process of the engine was killed")
            if os.getppid() != self._parent:
                _end_all("the process that started the engine is gone")


def _end_all(why: str) -> NoReturn:
    """Kill this process and, since it leads a group of its own, all that the engine started."""
    print(f"ranker: {why}", file=sys.stderr, flush=True)
    if os.getpgrp() == os.getpid():
        end_own_group()
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(70)
