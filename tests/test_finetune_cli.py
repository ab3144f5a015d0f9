"""``ranker finetune`` as a person runs it: a tiny random model learns from invented days, then judges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backends.language_models import tiny_model
from tests.conftest import Run

pytest.importorskip("peft", reason="peft is absent: pip install .[dev]")

Cli = Callable[..., Run]


@pytest.fixture
def judged(tmp_path: Path) -> list[str]:
    """Three days of 44 papers; those on caches were recommended."""
    names = []
    for day in (6, 7, 8):
        rows = []
        for n in range(44):
            good = n % 2 == 0
            subject = "KV cache of language models" if good else "rotation curve of a galaxy"
            row = {
                "id": f"2601.{day}{n:04d}",
                "title": f"The {subject}, part {n} of {day}",
                "abstract": f"A {subject}.",
            }
            rows.append(row | {"judgment": {"field": "高效大模型训练与推理", "score": 8.0} if good else None})
        names.append(f"2026-01-0{day}.jsonl")
        (tmp_path / names[-1]).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
    return names


def test_a_model_learns_and_then_judges(cli: Cli, judged: list[str], tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    given = [x for name in judged for x in ("--judged", name)]
    small = ("--test-days", "1", "--epochs", "3", "--lora-rank", "4", "--learning-rate", "0.01")
    done = cli("finetune", *given, "--model", base, "--out", "mine", *small)
    assert done.returncode == 0, done.stderr
    said = (
        "132 different papers: learning from 88 of 2 day(s), 44 recommended (0 too long, left out); testing on 44 of 1"
    )
    assert said in done.stdout
    note = json.loads((tmp_path / "mine" / "ranker.json").read_text())
    assert note["templates"] == ["prompt.toml"] and note["days"] == ["2026-01-06", "2026-01-07"]
    assert (note["papers"], note["picks"]) == (88, 44) and note["figures"]["test_days"] == "2026-01-08"
    assert f"auc {note['figures']['auc']}" in done.stdout and note["figures"]["auc"] > 0.9  # easily told apart
    assert sorted(p.name for p in (tmp_path / "mine" / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert str(tmp_path) not in (tmp_path / "mine" / "adapter" / "adapter_config.json").read_text()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".mine")]

    ranked = cli("rank", judged[2], "--judge", "transformers", "--model", "mine", "--out", "out")
    assert ranked.returncode == 0, ranked.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["judge"].startswith("mine")
    rows = [json.loads(r) for r in (tmp_path / "out" / "rankings.jsonl").read_text().splitlines()]
    judged_by_it = [r for r in rows if r["outcome"] in ("recommended", "not_recommended")]
    chosen = [r for r in judged_by_it if r["outcome"] == "recommended"]
    assert chosen and all("KV cache" in r["title"] and "“" in r["reason"] for r in chosen)
    assert "没有学过写" in (tmp_path / "out" / "digest.md").read_text()

    twice = cli("finetune", *given, "--model", base, "--out", tmp_path, *small)
    assert twice.returncode == 4 and "something other than a fine-tuned model" in twice.stderr


def test_too_few_papers_and_no_papers_are_said(cli: Cli, judged: list[str], tmp_path: Path) -> None:
    day = tmp_path / judged[0]
    day.write_text("".join(line + "\n" for line in day.read_text().splitlines()[:20]))
    few = cli("finetune", "--judged", judged[0], "--out", "mine", "--test-days", "0")
    assert few.returncode == 4 and "10 recommended and 10 other papers" in few.stderr
    none = cli("finetune", "--out", "mine")
    assert none.returncode == 4 and "got 0 and 0" in none.stderr
    assert not (tmp_path / "mine").exists()


def test_a_model_that_is_nowhere_is_said_before_the_work(cli: Cli, judged: list[str], tmp_path: Path) -> None:
    done = cli("finetune", "--judged", *judged, "--out", "mine", "--model", "no-such-model-of-ours")
    assert done.returncode == 4 and "no-such-model-of-ours" in done.stderr and "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir() if "mine" in p.name] == []
