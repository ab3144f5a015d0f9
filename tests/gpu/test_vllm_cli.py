"""`ranker rank --judge vllm`, killed at work and run again: what was judged is in the store, no process is left."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(1800)]

_CONFIG = """
[judging]
min_mass = 0.0
write_reason = false
anchors = false

[vllm]
max_model_len = 12288
max_num_seqs = 1
enforce_eager = true
in_flight = 1
gpu_memory_utilization = 0.3
engine.kv_cache_memory_bytes = 1073741824
env.VLLM_CPU_KVCACHE_SPACE = "1"
"""


def test_a_killed_run_goes_on_where_it_was(
    model: Path, small_day: Path, tmp_path: Path, cli: Callable[..., Run], home: Path
) -> None:
    psutil = pytest.importorskip("psutil")
    config = tmp_path / "vllm.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    store = tmp_path / "day.db"
    arguments = ["rank", small_day, "--config", config, "--judge", "vllm", "--model", model, "--store", store]
    command = [sys.executable, "-m", "ranker", *map(str, arguments), "--out", str(tmp_path / "first")]
    with (tmp_path / "said").open("w", encoding="utf-8") as said:
        run = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said)
    until = time.monotonic() + 900
    while run.poll() is None and outcomes(store) < 1 and time.monotonic() < until:
        time.sleep(0.05)
    assert run.poll() is None, (tmp_path / "said").read_text(encoding="utf-8")
    family = psutil.Process(run.pid).children(recursive=True)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    until = time.monotonic() + 60
    while any(alive(p) for p in family) and time.monotonic() < until:
        time.sleep(0.2)
    assert not [p for p in family if alive(p)]
    judged = outcomes(store)
    assert judged >= 1

    again = cli(*arguments, "--out", tmp_path / "out")
    assert again.returncode == 0, again.stderr
    (rankings,) = (tmp_path / "out").rglob("rankings.jsonl")
    rows = [json.loads(line) for line in rankings.read_text(encoding="utf-8").splitlines()]
    scored = [row for row in rows if row["score"] is not None]
    assert len(scored) == outcomes(store) > judged


def outcomes(store: Path) -> int:
    """Stored outcomes so far; 0 while there is no store yet."""
    if not store.is_file():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM outcomes").fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0


def alive(process: object) -> bool:
    import psutil

    assert isinstance(process, psutil.Process)
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
