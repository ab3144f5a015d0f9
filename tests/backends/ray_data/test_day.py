"""The sample day over Ray, by the command: killed, resumed, a worker killed, and byte for byte the local result."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ranker import resources
from tests.conftest import Run
from tests.hidden import hide

pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
pytestmark = pytest.mark.xdist_group("ray")


def vectors(store: Path) -> int:
    """Vectors in a store that another process is writing; 0 while there is none."""
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM vectors").fetchone()[0])
    except sqlite3.Error:
        return 0


def wait_for(process: subprocess.Popen[str], store: Path, more_than: int) -> int:
    """Until the store has more vectors than that."""
    end = time.monotonic() + 120
    while (found := vectors(store)) <= more_than:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def test_a_killed_driver_and_a_killed_worker_change_nothing(tmp_path: Path, cli: Callable[..., Run]) -> None:
    config = tmp_path / "ray.toml"
    config.write_text("[ray]\ncpus = 2\nbatch_rows = 8\nobject_store_mb = 100\n", encoding="utf-8")
    day, store = resources.sample_day(), tmp_path / "ray.db"
    command = [sys.executable, "-m", "ranker", "rank", str(day), "--out", str(tmp_path / "ray"), "--store", str(store)]
    command += ["--engine", "ray", "--config", str(config), "--quiet"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)

    first = start()
    wait_for(first, store, 0)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    kept = vectors(store)
    assert kept

    second = start()
    wait_for(second, store, kept)
    # Ray names its processes by what they run.
    workers = [
        p.pid for p in psutil.Process(second.pid).children(recursive=True) if "MapWorker" in " ".join(p.cmdline())
    ]
    os.kill(workers[0], signal.SIGKILL)
    out, err = second.communicate(timeout=120)
    assert second.returncode == 6, err  # one row of the sample is broken on purpose
    assert "Traceback" not in err and "ray::" not in out + err

    local = cli("rank", day, "--out", tmp_path / "local", "--store", tmp_path / "local.db", "--quiet")
    assert local.returncode == 6, local.stderr
    spread = (tmp_path / "ray" / "rankings.jsonl").read_bytes()
    assert spread == (tmp_path / "local" / "rankings.jsonl").read_bytes()
    # What the killed driver had stored was not done again.
    reused = int(err.split("reused from the store: ")[1].split(" ")[0])
    assert reused >= kept


def test_without_ray_the_extra_is_named(tmp_path: Path, cli: Callable[..., Run]) -> None:
    hide("ray", tmp_path / "hide")
    store = tmp_path / "s.db"
    found = cli(
        "rank", resources.sample_day(), "--engine", "ray", "--store", store, env={"PYTHONPATH": str(tmp_path / "hide")}
    )
    assert (found.returncode, found.stdout) == (5, "")
    assert "Ray is not installed" in found.stderr and ".[ray]" in found.stderr
    wrong = cli("rank", resources.sample_day(), "--engine", "spark", "--store", store)
    assert wrong.returncode == 4 and "use local or ray" in wrong.stderr
