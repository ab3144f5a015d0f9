"""Seconds from the command to the digest of a day of 300 papers, judged by a model of a published shape.

    python -m benchmarks.gpu.digest [--model Qwen3-8B] [--papers 300] [--prepared DIR] [--out FILE] [--rehearse]

`ranker rank` as a user starts it, twice: with no caches of compiled kernels (the first day ever), and again with them
and a new store (every day after). Random weights: what is said of the papers means nothing, and since nothing ends a
random text, every reason runs to its limit, so that the time is an upper bound. One JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu import rehearsal
from benchmarks.gpu.loop import start_environment
from benchmarks.gpu.shapes import REHEARSED, SHAPES, shape_of
from benchmarks.gpu.tokenizer import train, write_model, write_tokenizer
from benchmarks.gpu.work import Article, Work, find_papers
from benchmarks.machine import machine

_CONFIG = """
[judging]
min_mass = 0.0

"""


def main() -> int:
    asked = _arguments()
    papers, source = find_papers(asked.papers, asked.prepared)
    runs: list[dict[str, Any]] = []
    result = {
        **({"rehearsal": rehearsal.SAID} if asked.rehearse else {}),
        "question": "seconds from `ranker rank` to the digest of a day",
        "model": asked.model,
        "papers": len(papers),
        "source": source,
        "runs": runs,
        "machine": machine(),
    }
    with tempfile.TemporaryDirectory(prefix="ranker-digest-") as place:
        folder = Path(place)
        write_tokenizer(train(Work(papers).texts(), shape_of(asked.model).vocab), folder / "tokenizer")
        model = write_model(shape_of(asked.model), folder / "tokenizer", folder / asked.model)
        write_day(papers, folder / "day.jsonl")
        settings = {"load_format": "dummy", **(rehearsal.SETTINGS if asked.rehearse else {})}
        (folder / "ranker.toml").write_text(_CONFIG + rehearsal.toml_table("vllm", settings), encoding="utf-8")
        for name in ("cold", "warm"):
            runs.append({"caches": name, **_run(folder, model, name)})
            print(f"{name}: {runs[-1]}", file=sys.stderr, flush=True)
            if asked.out:  # after each: who is stopped keeps what there is
                asked.out.parent.mkdir(parents=True, exist_ok=True)
                asked.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False))
    return int(any(run["code"] not in (0, 6) for run in runs))


def write_day(papers: list[Article], path: Path) -> None:
    """The day as `ranker rank` reads it; ids of a month that has no such numbers."""
    rows = (
        {"id": f"2602.{80000 + i}", "title": p.title, "abstract": p.abstract, "categories": ["cs.LG"]}
        for i, p in enumerate(papers)
    )
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")


def _run(folder: Path, model: Path, name: str) -> dict[str, Any]:
    out = folder / f"out-{name}"
    command = [
        *(sys.executable, "-m", "ranker", "rank", str(folder / "day.jsonl"), "--config", str(folder / "ranker.toml")),
        *("--judge", "vllm", "--model", str(model), "--store", str(folder / f"{name}.db"), "--out", str(out)),
    ]
    started = time.perf_counter()
    done = subprocess.run(
        command, env=start_environment(str(folder / "caches")), capture_output=True, text=True, check=False
    )
    seconds = round(time.perf_counter() - started, 1)
    said = (done.stdout + done.stderr).strip().splitlines()
    told = [line for line in said if line.startswith(("read ", "reused ")) or "vLLM" in line]  # no paper's title
    if done.returncode not in (0, 6):
        told = said[-12:]
    rankings = sorted(out.rglob("rankings.jsonl"))
    rows = [json.loads(line) for line in rankings[0].read_text(encoding="utf-8").splitlines()] if rankings else []
    scored = sum(row.get("score") is not None for row in rows)
    return {"seconds": seconds, "code": done.returncode, "ranked": len(rows), "scored": scored, "said": told}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="Qwen3-8B", choices=[*SHAPES, *REHEARSED])
    parser.add_argument("--papers", type=int, default=300)
    parser.add_argument("--prepared", type=Path, help="folder with DATE.jsonl(.gz) of papers (benchmarks.gpu.carry)")
    parser.add_argument("--out", type=Path)
    return rehearsal.parse(parser, None, model=next(iter(REHEARSED)), papers=12, out=rehearsal.OUT / "gpu_digest.json")


if __name__ == "__main__":
    sys.exit(main())
