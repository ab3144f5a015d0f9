"""How fast is embedding on this CPU, against ``SentenceTransformer.encode`` with its defaults and the GEMM rate?

    python -m benchmarks.encoder [--texts 2000] [--rounds 5] [--fastembed-python PYTHON --fastembed-model FOLDER]

The same real abstracts (../shared/data/judged where it is, else the bundled day repeated) go through every contestant;
rounds alternate between them and each starts with another one, so that a busy moment hits all. FLOP a paper by the
formula of the design, L [2 (4 d^2 + 2 d f) S + 4 S^2 d] over the text's own S tokens (no padding counted); the GEMM
rates are the best of big and model-sized products, measured between the rounds. Prints a table, then one JSON line.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gemm import gemm_rates
from benchmarks.machine import machine
from ranker import resources
from ranker.backends.bert_plan import Bert, Plan, read_plan
from ranker.backends.encoders import open_encoder
from ranker.backends.lanes import WordPieces, cores
from ranker.backends.tune import encode_all, ways
from ranker.model_files import ModelFiles, find_encoder
from ranker.text import document_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "encoder.json"
ENCODE = "SentenceTransformer.encode"


def main() -> None:
    asked = _arguments()
    texts, source = real_texts(asked.texts)
    files = find_encoder("embedded")
    plan = read_plan(files.folder)
    assert plan.bert is not None
    lengths = [len(t.ids) for t in WordPieces(files.folder, plan.max_tokens)(texts)]
    contestants = _contestants(files, plan, asked)
    for run in contestants.values():
        run(texts[:32])  # warm-up: weights, kernels, shapes
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    vectors: dict[str, list[NDArray[np.float32]]] = {name: [] for name in contestants}
    rates: list[dict[str, float]] = []
    parts = [texts[i :: asked.rounds] for i in range(asked.rounds)]
    for number, part in enumerate(parts):
        rates.append(gemm_rates())
        names = list(contestants)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter()
            found = contestants[name](part)
            seconds[name].append(time.perf_counter() - started)
            vectors[name].append(found)
            print(f"round {number + 1} {name:<28}{len(part) / seconds[name][-1]:8.1f} papers/s", file=sys.stderr)
    gemm = {p: max(r[p] for r in rates) for p in rates[0]}
    flop = statistics.mean(flop_per_text(plan.bert, s) for s in lengths)
    exact = np.concatenate(vectors[ENCODE])
    rows = [
        _row(name, [len(p) / s for p, s in zip(parts, seconds[name], strict=True)], flop, gemm)
        | _closeness(np.concatenate(vectors[name]), exact)
        for name in contestants
    ]
    base = next(r["papers_per_second"] for r in rows if r["name"] == ENCODE)
    for row in rows:
        row["times_encode"] = round(row["papers_per_second"] / base, 2)
    result = {
        "question": "embedding on the CPU against encode() and the GEMM rate",
        "machine": machine(),
        "texts": len(texts),
        "source": source,
        "tokens": {"mean": round(statistics.mean(lengths), 1), "cut": sum(s == plan.max_tokens for s in lengths)},
        "gflop_per_paper": round(flop / 1e9, 3),
        "gemm_gflops": {k: round(v) for k, v in gemm.items()},
        "rounds": asked.rounds,
        "rows": rows,
    }
    _show(result)
    if asked.write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def flop_per_text(bert: Bert, tokens: int) -> float:
    """L [2 (4 d^2 + 2 d f) S + 4 S^2 d], design/performance.md."""
    d, f = bert.width, bert.inner
    return bert.layers * (2.0 * (4 * d * d + 2 * d * f) * tokens + 4.0 * tokens * tokens * d)


def real_texts(count: int) -> tuple[list[str], str]:
    """(texts as ranker embeds them, where they are from)."""
    texts: list[str] = []
    for path in sorted((ROOT.parent / "shared" / "data" / "judged").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts += [document_text(r["title"], r["abstract"]) for r in map(json.loads, lines)]
        if len(texts) >= count:
            return texts[:count], "judged days"
    rows = [_row_or_none(line) for line in resources.sample_day().read_text(encoding="utf-8").splitlines()]
    own = [document_text(r["title"], r["abstract"]) for r in rows if r]
    return [f"{own[i % len(own)]} {own[(i * 7 + 3) % len(own)]}" for i in range(count)], "bundled day, in pairs"


def _row_or_none(line: str) -> dict[str, Any] | None:
    try:
        row: dict[str, Any] = json.loads(line)
    except ValueError:
        return None  # one row of the sample is broken on purpose
    return row if row.get("title") and row.get("abstract") else None


def _contestants(
    files: ModelFiles, plan: Plan, asked: argparse.Namespace
) -> dict[str, Callable[[list[str]], NDArray[np.float32]]]:
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(files.folder), device="cpu")

    def encode(texts: list[str]) -> NDArray[np.float32]:
        torch.set_num_threads(cores())  # torch's own default, whatever the GEMMs set
        return np.asarray(model.encode(texts, show_progress_bar=False))

    found: dict[str, Callable[[list[str]], NDArray[np.float32]]] = {ENCODE: encode}
    for backend, precision in ways(plan):
        encoder = open_encoder(files, plan, backend, precision)
        found[f"{backend} {precision}"] = lambda texts, encoder=encoder: encode_all(encoder, texts)  # type: ignore[misc]
    if asked.fastembed_python:
        found["fastembed"] = _Fastembed(asked.fastembed_python, asked.fastembed_model)
    return found


class _Fastembed:
    """fastembed in a process and environment of its own: its huggingface_hub is older than ours."""

    def __init__(self, python: str, folder: str) -> None:
        script = Path(__file__).with_name("fastembed_peer.py")
        self._process = subprocess.Popen(
            [python, str(script), folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(texts) + "\n")
        self._process.stdin.flush()
        return np.asarray(json.loads(self._process.stdout.readline()), dtype=np.float32)


def _row(name: str, per_second: list[float], flop: float, gemm: dict[str, float]) -> dict[str, Any]:
    precision = name.split()[-1] if name.split()[-1] in gemm else "float32"
    median = statistics.median(per_second)
    return {
        "name": name,
        "precision": precision,
        "papers_per_second": round(median, 1),
        "lowest": round(min(per_second), 1),
        "highest": round(max(per_second), 1),
        "percent_of_gemm": round(100 * median * flop / 1e9 / gemm[precision], 1),
    }


def _closeness(found: NDArray[np.float32], exact: NDArray[np.float32]) -> dict[str, float]:
    cosines = (found * exact).sum(axis=1)
    return {"cosine_mean": round(float(cosines.mean()), 6), "cosine_min": round(float(cosines.min()), 6)}


def _show(result: dict[str, Any]) -> None:
    print(
        f"{result['machine']['cpu']}, {result['machine']['cores']} cores; {result['texts']} texts, {result['source']}"
    )
    print(f"GEMM GFLOP/s {result['gemm_gflops']}; {result['gflop_per_paper']} GFLOP a paper")
    print(f"{'':<28}{'papers/s':>9}{'low':>7}{'high':>7}{'x encode':>10}{'% GEMM':>8}{'cosine':>10}{'lowest':>9}")
    for r in result["rows"]:
        print(
            f"{r['name']:<28}{r['papers_per_second']:>9}{r['lowest']:>7}{r['highest']:>7}{r['times_encode']:>10}"
            f"{r['percent_of_gemm']:>8}{r['cosine_mean']:>10.5f}{r['cosine_min']:>9.5f}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fastembed-python", default="", help="python of an environment that has fastembed")
    parser.add_argument("--fastembed-model", default="", help="folder with model.onnx and the tokenizer's files")
    parser.add_argument("--write", action="store_true", help=f"keep the result in {RESULT.relative_to(ROOT)}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
