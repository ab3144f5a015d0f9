"""Chunks over the machine's cores: processes that each hold a desk; chunks come back in the order they went."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from multiprocessing.process import BaseProcess

from ranker.bulk.chunk import Desk, Done, Work

_LOG = logging.getLogger(__name__)

MOST_WORKERS = 8
"""Processes; each holds a chunk, the heads and the role classifier: about 200 MB."""


def rank_chunks(desk: Desk, work: Iterable[Work], workers: int) -> Iterator[Done]:
    """Every chunk ranked, in order. At most ``workers`` + 1 chunks are held at once.

    With one worker, or where a process is lost (its chunk and all that follow), in this process, which is logged.
    """
    if workers > 1:
        work = iter(work)
        held: deque[Work] = deque()
        others = set(multiprocessing.active_children())
        workers_seen: set[BaseProcess] = set()
        ranked: deque[Future[Done]] = deque()
        # Spawned: a fork would copy locks that threads of torch or FAISS hold.
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _sit_down, (desk,)) as pool:
            try:
                for chunk in work:
                    held.append(chunk)  # before it is handed over: a pool that is broken already refuses it
                    ranked.append(pool.submit(_rank, chunk, workers))
                    workers_seen.update(set(multiprocessing.active_children()) - others)
                    if len(held) > workers:
                        yield ranked.popleft().result()
                        held.popleft()
                while ranked:
                    yield ranked.popleft().result()
                    held.popleft()
                return
            except BrokenProcessPool:
                pool.shutdown()  # it ends the other workers; then all have an exit code
                _LOG.warning(
                    "a worker process ended%s: going on with one process. Running out of memory is one possible reason",
                    _how_it_ended([process.exitcode for process in workers_seen]),
                )
            except BaseException:  # interrupted, or a chunk failed: nothing that waits is worth waiting for
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for chunk in held:
            yield desk.rank(chunk)
    for chunk in work:
        yield desk.rank(chunk)


def _how_it_ended(codes: Iterable[int | None]) -> str:
    """Of exit codes (negative: a signal's number), the one that is not the pool's own doing; "" where there is none."""
    for code in codes:
        if code is not None and code not in (0, -signal.SIGTERM):  # which the pool sends to those that are left
            named = {int(s): s.name for s in signal.Signals}
            return f" with exit code {code}" if code > 0 else f" by signal {-code} ({named.get(-code, 'unknown')})"
    return ""


_desk: Desk | None = None


def _sit_down(desk: Desk) -> None:
    global _desk
    _desk = desk
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has the store and the output
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A killed parent closes nothing; without this its workers would wait for chunks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _rank(work: Work, beside: int) -> Done:
    assert _desk is not None, "a worker begins with _sit_down"
    return _desk.rank(work, beside)
