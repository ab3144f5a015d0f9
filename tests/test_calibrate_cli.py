"""``ranker calibrate`` and what it fits, from the command line, with a server on loopback as the language model."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run

pytest.importorskip("openai", reason="openai is not installed: pip install '.[openai]'")

from tests.backends.loopback import Handler, completion, serving


def respond(handler: Handler, body: dict[str, Any]) -> None:
    """Label 6 for good papers, 2 for the others."""
    label = "6" if "(good)" in body["messages"][-1]["content"] else "2"
    handler.give(200, completion(label, first={label: math.log(0.9)}))


def write_days(folder: Path) -> None:
    rows = []
    for n in range(1, 15):
        good = n % 2 == 0
        row: dict[str, Any] = {
            "id": f"2601.{n:05d}",
            "title": f"KV cache compression for large language models, part {n} ({'good' if good else 'dull'})",
            "abstract": f"We compress the key-value cache of large language models by evicting tokens, variant {n}.",
            "published": "2026-01-06",
        }
        rows.append({**row, "judgment": {"field": "高效大模型训练与推理", "score": 9.0} if good else None})
    (folder / "2026-01-06.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")


def test_a_map_is_fitted_used_after_the_store_and_refused_for_another_prompt(
    cli: Callable[..., Run], tmp_path: Path
) -> None:
    write_days(tmp_path)
    with serving(respond, models={"data": [{"id": "small", "max_model_len": 8192}]}) as server:
        chosen = ("--judge", "openai", "--model", server.address, "--store", "s.db")
        plain = "[judging]\nwrite_reason = false\nanchors = false\nblend = 0.25\n"
        (tmp_path / "plain.toml").write_text(plain)
        done = cli(
            "calibrate", "--judged", "2026-01-06.jsonl", "--out", "map.json", "--papers", 12, *chosen,
            "--config", "plain.toml",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "judging 12 of 14 judged papers (seed 0)" in done.stderr
        assert "the map rests on 12 papers only" in done.stderr
        # The model said 3 or 7; the lines beyond are nobody's judgment
        reader = next(x for x in done.stdout.splitlines() if x.startswith("  reader")).split()[1:]
        assert [x.endswith("*") for x in reader] == [True, False, False, False, False, False, True, True]
        assert "* the papers reach from 3.0 to 7.0; beyond, straight lines to 1 and 10" in done.stdout
        assert "fitted on 12 papers for small@" in done.stdout and "zh-field.1" in done.stdout

        asked = len(server.requests)
        (tmp_path / "c.toml").write_text('[judging]\nwrite_reason = false\nanchors = false\ncalibration = "map.json"\n')
        done = cli("rank", "2026-01-06.jsonl", "--out", "o", *chosen, "--config", "c.toml")
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == asked + 1 + 2  # the probe, and the two papers that were not drawn
        report = json.loads((tmp_path / "o" / "report.json").read_text())
        assert report["judge"] == "small (openai) + calibrated" and len(report["hashes"]["calibration"]) == 64
        scores = [json.loads(x)["score"] for x in (tmp_path / "o" / "rankings.jsonl").read_text().splitlines()]
        assert sorted(scores) == pytest.approx([2.0] * 7 + [9.0] * 7, abs=0.01)
        with sqlite3.connect(tmp_path / "s.db") as held:
            raw = [json.loads(row[0])["relevance"] for row in held.execute("select judgment from outcomes")]
        assert sorted(raw) == pytest.approx([3.0] * 7 + [7.0] * 7)

        other = '[judging]\ntemplate = "en-field"\ncalibration = "map.json"\n'
        (tmp_path / "other.toml").write_text(other)
        done = cli("rank", "2026-01-06.jsonl", "--out", "o", *chosen, "--config", "other.toml")
        assert done.returncode == 4 and "zh-field.1, and this judge is small@" in done.stderr


def test_the_heads_have_no_such_map_and_a_plan_needs_no_server(cli: Callable[..., Run], tmp_path: Path) -> None:
    write_days(tmp_path)
    done = cli("calibrate", "--judged", "2026-01-06.jsonl", "--out", "map.json", "--judge", "heads", "--store", "s.db")
    assert done.returncode == 4 and "ranker learn" in done.stderr
    gone = ("--judge", "openai", "--model", "http://127.0.0.1:9/v1", "--store", "t.db")
    done = cli("rank", "2026-01-06.jsonl", *gone, "--dry-run")
    assert done.returncode == 0 and "no server answers" in done.stderr
    assert "judge at most 14 papers" in done.stdout and "tokens" in done.stdout and not (tmp_path / "t.db").exists()
    done = cli("rank", "2026-01-06.jsonl", *gone, "--out", "o")
    assert done.returncode == 5 and "no server answers" in done.stderr
