"""How much of a GPU does judging by a language model use, against plainer ways to drive the same engine?

    python -m benchmarks.gpu_throughput [--models Qwen3-8B,...] [--repeats 3] [--seconds 480] [--dry-run | --rehearse]

Published shapes with random weights (``load_format="dummy"``), real prompts through our own templates, lengths fixed
(1 label, a reason of 90 tokens, a JSON object of 100). On each model's engine, round after round in turn:

- ours_R: our two passes through VllmGenerator, reasons for the share R of the papers, tokenising included;
- bare_R: the same ids, added at once, and nothing but `engine.step`: what our loop costs over the engine;
- one_generate: everything in one pass, score and reason as JSON, one `LLM.generate`, given ids (a favour to it);
- barriers_of_64: the same 64 papers at a time, as a plain script does;
- own_bench_R: the engine's own throughput benchmark on the ids of ours_R.

The prefix cache is emptied before each. Ceilings by the formula in benchmarks/gpu/shapes.py from the card's bfloat16
product and copy rates, measured on it just before. --dry-run builds all but the engines, anywhere; --rehearse runs all
of it on small shapes, on vLLM's CPU build too. One JSON line at the end; --out keeps it, models of other runs on the
same card and versions included. What contradicts itself is listed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu import rehearsal
from benchmarks.gpu.checks import contradictions
from benchmarks.gpu.loop import Plan, plan_row, start_environment
from benchmarks.gpu.report import Model, model_row, show
from benchmarks.gpu.shapes import H200, REHEARSED, SHAPES, Request, ceiling, means, shape_of
from benchmarks.gpu.tokenizer import train, write_model, write_tokenizer
from benchmarks.gpu.work import JSON_TOKENS, LABEL_TOKENS, REASON_TOKENS, ROOT, Work, find_papers, requests_of
from benchmarks.machine import machine
from ranker.backends.vllm_model import model_tokenizer

RESULT = ROOT / "benchmarks" / "results" / "gpu_throughput.json"
GOAL = "Qwen3-8B"
_ROWS = 256  # decoded at once, for a plan; a result takes what the engine settled on
_SECONDS_EACH = 12.0  # that a contender should run, so that filling and draining the engine weigh little
_START = 90.0
_AT = 0.4  # of the ceiling, for estimates


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _arguments(arguments)
    names = asked.models.split(",")
    shares = tuple(float(share) for share in asked.shares.split(","))
    with tempfile.TemporaryDirectory(prefix="ranker-gpu-") as place:
        folder = Path(place)
        papers, source = find_papers(max(asked.papers or 0, 600), asked.prepared)
        texts = Work(papers).texts()
        write_tokenizer(train(texts, shape_of(names[0]).vocab), folder / "tokenizer")
        models = {name: write_model(shape_of(name), folder / "tokenizer", folder / name) for name in names}
        plans = [_plan(asked, name, models[name], shares, folder) for name in names]
        if asked.dry_run:
            return _dry_run(plans, source, shares)
        result = _measure(plans, asked)
    print(json.dumps(result, ensure_ascii=False))
    return int(any("error" in row or row.get("contradictions") for row in result["models"].values()))


def _plan(asked: argparse.Namespace, name: str, folder: Path, shares: tuple[float, ...], place: Path) -> Plan:
    papers = asked.papers or _papers(name)
    return Plan(
        model=name,
        folder=str(folder),
        out=str(place / f"{name}.result.json"),
        papers=papers,
        few=min(papers, max(asked.barrier, papers // 4 // asked.barrier * asked.barrier)),
        repeats=asked.repeats,
        shares=shares,
        seconds=asked.seconds,
        starts=name == asked.starts,
        caches=str(place / "caches" / name),
        carried=str(asked.prepared or ""),
        barrier=asked.barrier,
        settings={**(rehearsal.SETTINGS if asked.rehearse else {}), **json.loads(asked.settings)},
    )


def _papers(name: str) -> int:
    """Enough for the seconds that the two passes should run at 40% of an H200, in whole batches of 64."""
    per_second = _AT * _ceilings(name, (0.08,), 600)["two_passes_0.08"]
    return max(384, min(4096, round(per_second * _SECONDS_EACH / 64) * 64))


def _ceilings(name: str, shares: Sequence[float], prefix: int) -> dict[str, float]:
    """Papers/s of an H200 by its data sheet, for prompts of about these lengths."""
    shape, count = shape_of(name), 1000
    labels = [Request(prefix, 350, LABEL_TOKENS)] * count
    found = {"one_pass": ceiling(shape, H200, count, [Request(prefix, 350, JSON_TOKENS)] * count, _ROWS)}
    for share in shares:
        texts = [Request(prefix // 2, 350, REASON_TOKENS)] * round(count * share)
        found[f"two_passes_{share:g}"] = ceiling(shape, H200, count, [*labels, *texts], _ROWS)
    return found


def _measure(plans: Sequence[Plan], asked: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.gpu import card

    kept: dict[str, Model] = {}
    here: dict[str, Any] = {}
    result: dict[str, Any] = {}
    for plan in plans:
        rates, here = card.measured(any_device=asked.rehearse)
        Path(plan.caches).mkdir(parents=True, exist_ok=True)
        told = Path(plan.out).with_suffix(".plan.json")
        told.write_text(json.dumps(plan_row(plan)), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.gpu.loop", str(told)]
        child = subprocess.Popen(command, env=start_environment(plan.caches))
        for row in _rows(child, Path(plan.out)):
            kept[plan.model] = Model(shape_of(plan.model), rates, row, plan.shares)
            result = _result(kept, here, asked)
        show(result)
    return result


def _rows(child: subprocess.Popen[bytes], raw: Path) -> Iterator[dict[str, Any]]:
    """What the process has measured, after every measurement: whoever stops this script finds that in --out."""
    seen = 0
    while True:
        over = child.poll() is not None
        changed = raw.stat().st_mtime_ns if raw.is_file() else 0
        if over or changed != seen:
            row = json.loads(raw.read_text(encoding="utf-8")) if changed else {"error": "it left no result"}
            yield row if over else {**row, "unfinished": True}
            seen = changed
        if over:
            return
        time.sleep(0.5)


def _result(kept: dict[str, Model], card: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """All models measured so far, with those of an earlier run on the same card with the same versions."""
    here, out = machine(), asked.out
    result: dict[str, Any] = {
        **({"rehearsal": rehearsal.SAID} if asked.rehearse else {}),
        "question": "judging on a GPU: our loop against plainer ways on the same engine, and against the card",
        "card": card,
        "machine": here,
        "models": {},
    }
    if out.is_file():
        before = json.loads(out.read_text(encoding="utf-8"))
        alike = ("rehearsal" in before) == asked.rehearse and before.get("card") == card
        if alike and before["machine"]["versions"] == here["versions"]:
            result["models"] = before["models"]
    for name, model in kept.items():
        row = model_row(model)
        result["models"][name] = row | {"contradictions": contradictions(model.raw, model.shares, row)}
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_name(f"{out.name}.new")
    new.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    new.replace(out)
    return result


def _dry_run(plans: Sequence[Plan], source: str, shares: Sequence[float]) -> int:
    """Everything but the engine: tokenizers read back, prompts made, ceilings for an H200, minutes to expect."""
    total = 0.0
    for plan in plans:  # one_generate, barriers at half its speed, and ours, bare and own_bench at the first share
        papers, _ = find_papers(plan.papers, Path(plan.carried) if plan.carried else None)
        work = Work(papers)
        renderer, _ = model_tokenizer(plan.folder)
        shape = shape_of(plan.model)
        labels = requests_of(renderer.encode(work.labels()), LABEL_TOKENS)
        whole = requests_of(renderer.encode(work.one_pass()), JSON_TOKENS)
        one = ceiling(shape, H200, len(whole), whole, _ROWS)
        print(f"{plan.model}: {plan.papers} papers ({source}), {plan.repeats} rounds; label {means(labels)}")
        print(f"  N {shape.active / 1e9:.2f}e9, W {shape.weight_bytes / 1e9:.1f} GB, kv {shape.kv_bytes} B a token")
        rounds = plan.papers / (_AT * one) + plan.few / (_AT * one / 2)
        for share in shares:
            texts = requests_of(renderer.encode(work.reasons(share)), REASON_TOKENS)
            two = ceiling(shape, H200, len(labels), [*labels, *texts], _ROWS)
            rounds += plan.papers / (_AT * two) * (3 if share == shares[0] else 1)
            print(f"  ceiling of an H200, reasons for {share:.0%}: {two:.0f} papers/s, reason {means(texts)}")
        seconds = _START + rounds * plan.repeats + (3 * _START if plan.starts else 0)
        total += min(seconds, plan.seconds + _START)
        print(f"  ceiling, one pass: {one:.0f} papers/s, json {means(whole)}; about {seconds / 60:.0f} min")
    print(f"in all about {total / 60:.0f} min at {_AT:.0%} of the ceilings")
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(SHAPES), help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--barrier", type=int, default=64, help="papers that a plain script waits for")
    parser.add_argument("--papers", type=int, default=0, help="0: by the model's size")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shares", default="0.08,0.25", help="of papers that get a reason; the first for bare and own")
    parser.add_argument("--seconds", type=float, default=480.0, help="for one model; what would end later is left out")
    parser.add_argument("--starts", default=GOAL, help="model whose cold and warm starts are measured; empty: none")
    parser.add_argument("--settings", default="{}", help="JSON over our VllmSettings, for trying")
    parser.add_argument("--prepared", type=Path, help="folder with DATE.jsonl(.gz) of papers (benchmarks.gpu.carry)")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = rehearsal.parse(
        parser,
        arguments,
        models=",".join(REHEARSED),
        papers=16,
        barrier=6,
        repeats=1,
        starts=next(iter(REHEARSED)),
        out=rehearsal.OUT / "gpu_throughput.json",
    )
    unknown = [name for name in asked.models.split(",") if name not in {**SHAPES, **REHEARSED}]
    if unknown:
        parser.error(f"unknown models {unknown}; known: {', '.join(SHAPES)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
