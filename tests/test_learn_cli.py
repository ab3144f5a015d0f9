"""``ranker learn`` and ``ranker feedback`` as a person runs them, on an invented judged day."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ranker.store import Store

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
    assert "(one day, so no interval)" in learned.stdout and "nan" not in learned.stdout
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
    assert "spearman_pooled not measurable: the recommended papers have no two different scores" in learned.stdout
    assert "nan" not in learned.stdout


def halves(judged: Path) -> tuple[Path, Path]:
    """The judged file as two days of about 60 papers."""
    rows = judged.read_text(encoding="utf-8").splitlines()
    paths = judged.with_name("2026-02-10.a.jsonl"), judged.with_name("2026-02-11.jsonl")
    for path, part in zip(paths, (rows[::2], rows[1::2]), strict=True):
        path.write_text("\n".join(part) + "\n", encoding="utf-8")
    return paths


def heads(home: Path) -> dict[str, Any]:
    """What stands behind the heads of the default profile."""
    path = home / "xdg_data_home" / "ranker" / "heads" / "default" / "heads.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_what_was_judged_once_is_known_to_the_next_fit(cli: Cli, judged: Path, home: Path) -> None:
    first, second = halves(judged)
    a, b = (len(path.read_text(encoding="utf-8").splitlines()) for path in (first, second))
    one = cli("learn", "--judged", first)
    assert one.returncode == 0, one.stderr
    assert f"learning from 0 judged papers of 0 day(s) from the store, {a} given now, 0 ticks" in one.stdout
    # 119 papers take the place of the shipped heads, which rest on thousands: said, with the way back
    told = f"{a} papers of 1 day(s) make these heads; the shipped heads whose place they take were made from "
    assert told in one.stderr and "heads/default to have the shipped heads again" in one.stderr
    two = cli("learn", "--judged", second)
    assert f"learning from {a} judged papers of 1 day(s) from the store, {b} given now, 0 ticks" in two.stdout
    assert heads(home)["papers"] == a + b and heads(home)["days"] == ["2026-02-10", "2026-02-11"]
    # No fewer than one's own heads before them, but still fewer than the shipped ones.
    assert "whose place" not in two.stderr and "make these heads; the shipped heads were made from " in two.stderr
    assert "judged files of before" not in two.stderr and "to have the shipped heads again" in two.stderr
    both = heads(home)["sha256"]
    again = cli("learn", "--judged", second)
    assert f"{b} given now ({b} of them in the store before)" in again.stdout and heads(home)["sha256"] == both
    bare = cli("learn")
    assert f"learning from {a + b} judged papers of 2 day(s) from the store, 0 given now" in bare.stdout
    assert bare.returncode == 0 and heads(home)["sha256"] == both


def test_learning_anew_forgets_what_earlier_calls_stored_and_says_what_is_lost(
    cli: Cli, judged: Path, home: Path, tmp_path: Path
) -> None:
    first, second = halves(judged)
    assert cli("learn", "--judged", first, "--judged", second).returncode == 0
    all_papers = heads(home)["papers"]
    (tmp_path / "2026-02-12.jsonl").write_text(
        '{"id": "2601.00001", "title": "T", "abstract": "A.", "judgment": null}\n'
    )
    failed = cli("learn", "--forget-judged", "--judged", "2026-02-12.jsonl")
    assert failed.returncode == 4 and "at least 3 recommended" in failed.stderr
    assert heads(home)["papers"] == all_papers
    with Store(home / "xdg_data_home" / "ranker" / "ranker.db", read_only=True) as store:
        assert store.counts()["judged"] == all_papers  # a call that fails forgets nothing
    fewer = cli("learn", "--forget-judged", "--judged", first)
    assert fewer.returncode == 0, fewer.stderr
    papers = heads(home)["papers"]
    told = f"{papers} papers of 1 day(s) make these heads; the heads whose place they take were made from {all_papers}"
    assert told in fewer.stderr and "give the judged files of before as well" in fewer.stderr
    assert heads(home)["days"] == ["2026-02-10"]
    assert "0 judged papers of 0 day(s)" not in cli("learn").stdout
    assert heads(home)["papers"] == papers


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["learn"], "nothing to learn from: no --judged file, no judged papers and no ticks in the store"),
        (
            ["learn", "--forget-judged"],
            "no ticks in the store; its judged papers, all that there is, are not forgotten",
        ),
        (["learn", "--judged", "absent.jsonl"], "absent.jsonl"),
        (["learn", "--judged", "plain.jsonl"], "no judged paper"),
        (["feedback", "plain.jsonl"], "plain.jsonl: no line held a tick: "),
        (["feedback", "binary"], "binary: no line held a tick: 'utf-8' codec can't decode byte 0xff"),
        (["feedback", "absent.jsonl"], "absent.jsonl"),
    ],
)
def test_nothing_to_learn_from_is_a_clear_error(cli: Cli, tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "plain.jsonl").write_text('{"id": "2601.00001", "title": "T", "abstract": "A."}\n')
    (tmp_path / "binary").write_bytes(b"\xff\x00\n" * 9)
    done = cli(*arguments)
    assert done.returncode == 4, done.stdout
    assert done.stdout == "" and done.stderr.startswith("error: ") and "warning" not in done.stderr
    assert says in done.stderr and "Traceback" not in done.stderr
