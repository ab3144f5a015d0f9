"""``ranker audit``: questions without answers in them, then an estimate from the reader's ticks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from ranker.store import Store
from ranker.types import Tick

Cli = Callable[..., "CompletedProcess[str]"]


def test_a_reader_audits_a_run(cli: Cli, tmp_path: Path, small_day: Path) -> None:
    nothing = cli("audit", "--store", "s.db")
    assert nothing.returncode == 4 and "there is no store" in nothing.stderr
    done = cli("rank", small_day, "--out", "out", "--store", "s.db", "--heads", "none")
    assert done.returncode in (0, 6), done.stderr
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["recall_audit"]
    assert told["share"] is None and told["why_not"].startswith("none of the sampled papers")
    asked = cli("audit", "--store", "s.db", "--size", 4)
    assert asked.returncode == 0 and "not measurable" in asked.stdout, asked.stderr
    (path,) = tmp_path.glob("audit-*.jsonl")
    assert f"then `ranker feedback {path.name}`, then this command again" in asked.stdout
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows and all(r["tick"] is None and "outcome" not in r and "score" not in r for r in rows)
    with Store(tmp_path / "s.db") as store:
        at = "2026-02-10T09:00:00+08:00"
        store.put_ticks([Tick(r["arxiv_id"], r["version"], r["profile"], r["day"], "down", None, at) for r in rows])
    path.write_text("mine", encoding="utf-8")
    answered = cli("audit", "--store", "s.db", "--size", 4, "--report", "out/report.json")
    assert "share of misses among left-out papers: 0.0%" in answered.stdout, answered.stderr
    assert "next:" not in answered.stdout
    assert path.read_text(encoding="utf-8") == "mine"  # a file that a reader may have filled in stays
    kept = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert kept["recall_audit"]["share"] == 0.0 and kept["counts"]["read"] == 20
    wrong = cli("audit", "--store", "s.db", "--size", 4, "--report", path)
    assert wrong.returncode == 4 and "is no report of a run" in wrong.stderr


def test_the_judge_that_made_the_run_can_not_audit_it(cli: Cli, small_day: Path) -> None:
    assert cli("rank", small_day, "--out", "out", "--store", "s.db", "--heads", "none").returncode in (0, 6)
    other = cli("audit", "--store", "s.db", "--judge", "heads", "--size", 5)
    assert other.returncode in (0, 4)
    assert "needs another judge" in other.stderr or "share of misses" in other.stdout
