"""Chunks over processes: in order, few at once, through lost workers, without litter when it is cut short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from ranker.backends.faiss import inner_products
from ranker.backends.heads import HeadsJudge
from ranker.bulk.chunk import Desk, Work
from ranker.bulk.pool import _how_it_ended, rank_chunks
from ranker.route import centroid_texts
from ranker.types import Candidate, JudgeOutcome
from tests.make import paper, profile
from tests.test_pipeline import HashEncoder

CHOSEN = profile()


class Deadly(HeadsJudge):
    """Ends the process that it is in, unless that is the one it was made in: by SIGKILL, or with an exit code."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(CHOSEN, HashEncoder().info)
        self._home, self._code = os.getpid(), code

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        if os.getpid() != self._home:
            if self._code is not None:
                os._exit(self._code)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().judge(candidates)


class Unkind(HeadsJudge):
    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        raise ZeroDivisionError("a fault of ours")


def desk(judge: HeadsJudge | None = None) -> Desk:
    encoder, texts = HashEncoder(), centroid_texts(CHOSEN)
    centroids = vectors([t.text for t in texts])
    return Desk(CHOSEN, texts, centroids, inner_products, judge or HeadsJudge(CHOSEN, encoder.info))


def vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.concatenate([block for _, block in HashEncoder().encode(texts)])


def chunks(count: int, seen: list[int] | None = None) -> Iterator[Work]:
    for n in range(count):
        papers = [paper(10 * n + i) for i in range(1, 4)]
        if seen is not None:
            seen.append(n)
        yield Work(papers, vectors([p.title for p in papers]))


def ids(rows: list[bytes]) -> set[int]:
    return {int(row.split(b'"arxiv_id":"')[1].split(b'"')[0][-5:]) for row in rows}


def test_chunks_come_back_in_order_and_few_wait() -> None:
    seen: list[int] = []
    found: list[set[int]] = []
    for done in rank_chunks(desk(), chunks(9, seen), 2):
        assert len(seen) <= len(found) + 3
        found.append(ids(done.rows))
    assert found == [{10 * n + i for i in range(1, 4)} for n in range(9)]


@pytest.mark.parametrize(("code", "says"), [(None, "by signal 9 (SIGKILL)"), (3, "with exit code 3")])
def test_a_lost_worker_costs_nothing_but_time(caplog: pytest.LogCaptureFixture, code: int | None, says: str) -> None:
    expected = [done.rows for done in rank_chunks(desk(), chunks(5), 1)]
    assert [done.rows for done in rank_chunks(desk(Deadly(code)), chunks(5), 2)] == expected
    assert f"a worker process ended {says}: going on with one process." in caplog.text
    assert "out of memory is one possible reason" in caplog.text


def test_how_a_worker_ended_is_told_where_it_is_known() -> None:
    assert _how_it_ended([-15, None, 0]) == ""  # the pool ends what is left by SIGTERM
    assert _how_it_ended([-15, -11]) == " by signal 11 (SIGSEGV)"


def test_a_worker_that_is_lost_between_two_chunks_costs_no_chunk() -> None:
    """The pool then refuses the next chunk, which is in nobody's hands."""

    def after_the_loss() -> Iterator[Work]:
        before = threading.active_count()
        for n, work in enumerate(chunks(5)):
            while n == 1 and threading.active_count() > before:  # the pool's thread ends when it has seen the loss
                time.sleep(0.01)
            yield work

    found = [ids(done.rows) for done in rank_chunks(desk(Deadly()), after_the_loss(), 2)]
    assert found == [{10 * n + i for i in range(1, 4)} for n in range(5)]


def test_a_fault_in_a_worker_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        list(rank_chunks(desk(Unkind(CHOSEN, HashEncoder().info)), chunks(3), 2))


def test_workers_leave_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            from ranker.bulk.pool import rank_chunks
            from tests.bulk.test_pool import chunks, desk

            if __name__ == "__main__":
                for done in rank_chunks(desk(), chunks(4), 2):
                    print("ready", flush=True)
                    time.sleep(600)
            """
        )
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment, cwd=root)
    assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
    workers = psutil.Process(parent.pid).children(recursive=True)
    assert len(workers) >= 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    ended = time.monotonic() + 30
    while any(w.is_running() and w.status() != psutil.STATUS_ZOMBIE for w in workers) and time.monotonic() < ended:
        time.sleep(0.1)
    assert not [w for w in workers if w.is_running() and w.status() != psutil.STATUS_ZOMBIE]
