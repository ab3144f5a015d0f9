"""``ranker learn`` and ``ranker feedback`` as a person runs them, on an invented judged day."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def judged(tmp_path: Path, sample_rows: list[str]) -> Path:
    """The sample day as a judged file: papers that name attention, caches or agents were recommended."""
    lines = []
    seen = set()
    for row in sample_rows:
        try:
            paper = json.loads(row)
        except ValueError:
            continue
        base = paper["id"].split("v")[0]
        if base in seen:
            continue
        seen.add(base)
        text = f"{paper['title']} {paper['abstract']}".lower()
        wanted = "cache" in text or "agent" in text or "quanti" in text
        field = "多模态智能体" if "agent" in text else "高效大模型训练与推理"
        paper["judgment"] = {"field": field, "score": 8.0, "reason": "好", "model": "m"} if wanted else None
        lines.append(json.dumps(paper, ensure_ascii=False))
    path = tmp_path / "2026-02-10.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_learn_then_rank_with_what_was_learned(cli: Cli, judged: Path, tmp_path: Path) -> None:
    cold = cli("rank", judged, "--out", "cold", "--heads", "none")
    assert cold.returncode == 0, cold.stderr
    learned = cli("learn", "--judged", judged)
    assert learned.returncode == 0, learned.stderr
    assert "this is a guess" in learned.stdout  # one day: it says how sure it is
    warm = cli("rank", judged, "--out", "warm")
    assert warm.returncode == 0, warm.stderr
    report = json.loads((tmp_path / "warm" / "report.json").read_text())
    assert report["judge"].startswith("heads:") and report["judge"] != "heads:cold"
    picks = {json.loads(r)["id"].split("v")[0] for r in judged.read_text().splitlines() if json.loads(r)["judgment"]}

    def found(folder: str) -> int:
        rows = [json.loads(r) for r in (tmp_path / folder / "rankings.jsonl").read_text().splitlines()]
        return sum(r["arxiv_id"] in picks for r in rows[: len(picks)])

    assert found("warm") > found("cold")


def test_ticks_in_edited_rankings_are_stored_and_learned_from(cli: Cli, judged: Path, tmp_path: Path) -> None:
    assert cli("rank", judged, "--out", "out", "--heads", "none").returncode == 0
    rows = [json.loads(r) for r in (tmp_path / "out" / "rankings.jsonl").read_text().splitlines()]
    for i, row in enumerate(rows):
        row["tick"] = "up" if i < 8 else "down" if i > len(rows) - 8 else None
    edited = tmp_path / "edited.jsonl"
    edited.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows))
    stored = cli("feedback", edited)
    assert stored.returncode == 0 and "stored 15 ticks, refused 0" in stored.stdout, stored.stderr
    learned = cli("learn")
    assert learned.returncode == 0, learned.stderr
    assert "ticks: 15 used" in learned.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["learn"], "nothing to learn from"),
        (["learn", "--judged", "absent.jsonl"], "absent.jsonl"),
        (["learn", "--judged", "plain.jsonl"], "no judged paper"),
        (["feedback", "plain.jsonl"], "no line held a tick"),
        (["feedback", "absent.jsonl"], "absent.jsonl"),
    ],
)
def test_nothing_to_learn_from_is_a_clear_error(cli: Cli, tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "plain.jsonl").write_text('{"id": "2601.00001", "title": "T", "abstract": "A."}\n')
    done = cli(*arguments)
    assert done.returncode == 4, done.stdout
    assert says in done.stderr and "Traceback" not in done.stderr
