"""How fast is embedding on a GPU, against ``SentenceTransformer.encode`` with its defaults and the card's products?

    python -m benchmarks.gpu_encoder [--texts 8192] [--rounds 3] [--model FOLDER] [--dry-run | --rehearse]

Contestants take turns on the same real abstracts: `encode()` as it is (float32, 32 rows), in half precision, with more
rows; ours with packed texts and bounded attention, ours in padded rectangles of near lengths, ours with other token
budgets. "forward" rows leave tokenising out: what the device itself needs, launches included. FLOP a text by the
design's formula over its own tokens (padding counts as waste), percent of the bfloat16 product rate measured in the
same run. --dry-run does a few texts on the CPU, for the way and not the figures; --rehearse measures and keeps them
like a card's, in a file that says so. Prints a table, then one JSON line;
--write keeps it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.encoder import flop_per_text
from benchmarks.gpu import card, rehearsal
from benchmarks.gpu.work import ROOT, find_papers
from benchmarks.machine import machine
from ranker.backends.bert_plan import Plan, read_plan
from ranker.backends.encoders import describe
from ranker.backends.lanes import WordPieces
from ranker.backends.packed_bert import BUDGET, PackedBert, batches
from ranker.backends.tune import encode_all
from ranker.model_files import ModelFiles, find_encoder
from ranker.text import document_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESULT = ROOT / "benchmarks" / "results" / "gpu_encoder.json"
REFERENCE = "encode() float32"
Run = Callable[[Sequence[str]], "NDArray[np.float32] | None"]


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _arguments(arguments)
    papers, source = find_papers(asked.texts, asked.prepared)
    texts = [document_text(p.title, p.abstract) for p in papers]
    files = find_encoder(asked.model)
    plan = read_plan(files.folder)
    if plan.bert is None:
        raise SystemExit(f"{files.folder}: not a plain BERT ({plan.why_not})")
    lengths = [len(t.ids) for t in WordPieces(files.folder, plan.max_tokens)(texts)]
    told = {
        **({"rehearsal": rehearsal.SAID} if asked.rehearse else {}),
        "question": "embedding on a GPU against encode() and the card's product rate",
        "card": card.describe(asked.device),
        "machine": machine(),
        "texts": len(texts),
        "source": source,
        "tokens": {"mean": round(statistics.mean(lengths), 1), "cut": sum(s == plan.max_tokens for s in lengths)},
        "gflop_per_text": round(statistics.mean(flop_per_text(plan.bert, s) for s in lengths) / 1e9, 3),
    }
    rates = [_rates(asked)]
    contestants = _contestants(files, plan, asked)
    taken = Taken({name: [] for name in contestants})
    result: dict[str, Any] = {}
    for number in range(asked.rounds + 1):  # the first warms up: weights, kernels, memory; its vectors are compared
        names = [n for n in contestants if n not in taken.failed]
        for name in names[number % len(names) :] + names[: number % len(names)]:
            try:
                spent, found = _timed(contestants[name], texts, asked.device)
            except Exception as error:  # a kernel that this card or torch has not: the others are measured still
                taken.failed[name] = f"{type(error).__name__}: {error}"[:300]
                continue
            if number == 0:
                taken.vectors[name] = found
            else:
                taken.seconds[name].append(spent)
                print(f"round {number} {name:<40}{len(texts) / spent:10.0f} texts/s", file=sys.stderr, flush=True)
        if number == asked.rounds:
            rates.append(_rates(asked))
        if number:
            result = _result(told, taken, rates)
            if asked.write:  # after every round: who is stopped keeps what there is
                asked.out.parent.mkdir(parents=True, exist_ok=True)
                asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _show(result)
    print(json.dumps(result))


@dataclass(frozen=True, slots=True)
class Taken:
    """By contestant: ``seconds`` of each round, the first round's ``vectors``, why it ``failed``."""

    seconds: dict[str, list[float]]
    vectors: dict[str, NDArray[np.float32] | None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def _result(told: dict[str, Any], taken: Taken, rates: Sequence[float]) -> dict[str, Any]:
    """``rates``: of bfloat16 products, before and, once it is over, after."""
    reference = taken.vectors.get(REFERENCE)
    rows = [
        _row(name, told["texts"], seconds, told["gflop_per_text"] * 1e9, max(rates))
        | _closeness(taken.vectors[name], reference)
        for name, seconds in taken.seconds.items()
        if seconds
    ]
    base = next((r["texts_per_second"] for r in rows if r["name"] == REFERENCE), None)
    for row in rows:
        row["times_encode"] = round(row["texts_per_second"] / base, 2) if base else None
    rounds = max(map(len, taken.seconds.values()))
    more = {"tflops_bfloat16": [round(r / 1e12, 2) for r in rates], "rounds": rounds, "failed": taken.failed}
    return {**told, **more, "rows": rows}


def _contestants(files: ModelFiles, plan: Plan, asked: argparse.Namespace) -> dict[str, Run]:
    halves = ("bfloat16",) if asked.device == "cpu" else ("float16", "bfloat16")
    found: dict[str, Run] = {REFERENCE: _library(files, asked.device, "float32", 32)}
    for precision in halves:
        found[f"encode() {precision}"] = _library(files, asked.device, precision, 32)
    found[f"encode() {halves[0]}, 512 rows"] = _library(files, asked.device, halves[0], 512)
    for precision in ("float32", *halves):
        found[f"ours {precision}"] = _ours(files, plan, asked.device, precision)
    found[f"ours {halves[0]}, rectangles"] = _ours(files, plan, asked.device, halves[0], padded=True)
    for budget in (BUDGET // 4, BUDGET * 4):
        found[f"ours {halves[0]}, {budget} tokens"] = _ours(files, plan, asked.device, halves[0], budget=budget)
    found[f"forward {halves[0]}"] = _forward(files, plan, asked.device, halves[0])
    found[f"forward {halves[0]}, rectangles"] = _forward(files, plan, asked.device, halves[0], padded=True)
    found["tokenising alone"] = _tokenising(files, plan)
    return found


def _library(files: ModelFiles, device: str, precision: str, rows: int) -> Run:
    import torch
    from sentence_transformers import SentenceTransformer

    kwargs = {"model_kwargs": {"dtype": getattr(torch, precision)}} if precision != "float32" else {}
    model = SentenceTransformer(str(files.folder), device=device, local_files_only=True, **kwargs)

    def run(texts: Sequence[str]) -> NDArray[np.float32]:
        found = model.encode(list(texts), batch_size=rows, show_progress_bar=False, normalize_embeddings=True)
        return np.asarray(found, dtype=np.float32)

    return run


def _open(files: ModelFiles, plan: Plan, device: str, precision: str, budget: int, padded: bool) -> PackedBert:
    encoder = PackedBert(files, plan, describe(files, plan, "torch", precision), device=device, budget=budget)
    if padded:
        encoder.opened()[1].varlen = None
    return encoder


def _ours(
    files: ModelFiles, plan: Plan, device: str, precision: str, *, budget: int = BUDGET, padded: bool = False
) -> Run:
    encoder = _open(files, plan, device, precision, budget, padded)
    return lambda texts: encode_all(encoder, texts)


def _forward(files: ModelFiles, plan: Plan, device: str, precision: str, *, padded: bool = False) -> Run:
    """Forwards of batches tokenised beforehand; no vectors are fetched."""
    tokenise, forward = _open(files, plan, device, precision, BUDGET, padded).opened()
    ready: list[list[NDArray[np.int64]]] = []

    def run(texts: Sequence[str]) -> None:
        if not ready:
            tokens = [t.ids for t in tokenise(texts)]
            ready.extend([tokens[i] for i in batch] for batch in batches([len(t) for t in tokens], BUDGET))
        for batch in ready:
            forward.many(batch)

    return run


def _tokenising(files: ModelFiles, plan: Plan) -> Run:
    tokenise = WordPieces(files.folder, plan.max_tokens)

    def run(texts: Sequence[str]) -> None:
        tokenise(texts)

    return run


def _timed(run: Run, texts: Sequence[str], device: str) -> tuple[float, NDArray[np.float32] | None]:
    import torch

    started = time.perf_counter()
    found = run(texts)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started, found


def _rates(asked: argparse.Namespace) -> float:
    """Dense bfloat16 products, FLOP/s; 0 in a dry run."""
    return 0.0 if asked.dry_run else card.measured(any_device=asked.rehearse)[0].flops


def _row(name: str, texts: int, seconds: Sequence[float], flop: float, peak: float) -> dict[str, Any]:
    rates = [texts / s for s in seconds]
    median = statistics.median(rates)
    worked = peak > 0 and name != "tokenising alone"
    return {
        "name": name,
        "texts_per_second": round(median, 1),
        "lowest": round(min(rates), 1),
        "highest": round(max(rates), 1),
        "percent_of_peak": round(100 * median * flop / peak, 2) if worked else None,
    }


def _closeness(found: NDArray[np.float32] | None, exact: NDArray[np.float32] | None) -> dict[str, float | None]:
    if found is None or exact is None:
        return {"cosine_mean": None, "cosine_min": None}
    cosines = (found * exact).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)
    return {"cosine_mean": round(float(cosines.mean()), 6), "cosine_min": round(float(cosines.min()), 6)}


def _show(result: dict[str, Any]) -> None:
    print(f"{result['card']['name']}; {result['texts']} texts, {result['source']}; {result['tokens']['mean']} tokens")
    print(f"bfloat16 products {result['tflops_bfloat16']} TFLOP/s; {result['gflop_per_text']} GFLOP a text")
    print(f"{'':<40}{'texts/s':>10}{'low':>10}{'high':>10}{'x encode':>10}{'% peak':>8}{'cosine':>10}{'lowest':>10}")
    for r in result["rows"]:
        figures = (r["times_encode"], r["percent_of_peak"], r["cosine_mean"], r["cosine_min"])
        last = "".join(f"{'' if f is None else f:>{w}}" for f, w in zip(figures, (10, 8, 10, 10), strict=True))
        print(f"{r['name']:<40}{r['texts_per_second']:>10}{r['lowest']:>10}{r['highest']:>10}{last}")
    for name, why in result["failed"].items():
        print(f"{name:<40}{why}")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="embedded", help="a folder of a plain BERT; embedded: MiniLM-L6")
    parser.add_argument("--prepared", type=Path, help="folder with DATE.jsonl(.gz) of papers (benchmarks.gpu.carry)")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--dry-run", action="store_true", help="24 texts and one round on the CPU, nothing kept")
    parser.add_argument("--write", action="store_true", help="keep the result in --out")
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = rehearsal.parse(
        parser, arguments, texts=48, rounds=1, device="cpu", write=True, out=rehearsal.OUT / "gpu_encoder.json"
    )
    if asked.dry_run:
        asked.texts, asked.rounds, asked.device, asked.write = min(asked.texts, 24), 1, "cpu", False
    return asked


if __name__ == "__main__":
    main()
