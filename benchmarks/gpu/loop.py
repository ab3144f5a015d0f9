"""One model shape, all contenders on one engine, one after the other, round after round: what each takes.

Run by ``benchmarks.gpu_throughput`` as a process of its own (``python -m benchmarks.gpu.loop PLAN.json``), so that a
model that fails takes no other down. The result is written after every measurement: what is stopped loses nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu.card import MemoryPeak
from benchmarks.gpu.work import JSON_TOKENS, LABEL_TOKENS, REASON_TOKENS, ROOT, Work, find_papers, requests_of
from benchmarks.gpu.worker import Asked
from ranker.backends import vllm_process
from ranker.backends.chat import Encoded
from ranker.backends.vllm import VllmGenerator
from ranker.backends.vllm_settings import VllmSettings
from ranker.protocols import Prompt, WriteOptions

_WARM_UP = 48
_DIGEST = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """``papers`` for the contenders that end quickly, ``few`` for the barriers; ``seconds``: no round is begun that
    would end later; ``starts``: measure cold and warm starts and the time to 300 papers' texts too; ``barrier``: how
    many prompts a plain script waits for.
    """

    model: str
    folder: str
    out: str
    papers: int
    few: int
    repeats: int
    shares: tuple[float, ...]
    seconds: float
    starts: bool
    caches: str
    carried: str = ""
    barrier: int = 64
    settings: dict[str, Any] = field(default_factory=dict)


def run(plan: Plan) -> dict[str, Any]:
    """Measure and write; an error ends in the result, too."""
    result: dict[str, Any] = {"model": plan.model, "papers": plan.papers, "papers_barrier": plan.few}
    result |= {"barrier": plan.barrier, "rounds": []}
    vllm_process.WORKER = "benchmarks.gpu.worker"
    try:
        with MemoryPeak() as peak:
            Bench(plan, result).run()
        result["memory_peak_gib"] = peak.gib
    except Exception as error:  # kept beside what was measured before it
        traceback.print_exc()
        result["error"] = f"{type(error).__name__}: {error}"[:1000]
    keep(plan, result)
    return result


def keep(plan: Plan, result: dict[str, Any]) -> None:
    """In one go: ``benchmarks.gpu_throughput`` reads it at any time."""
    new = Path(f"{plan.out}.new")
    new.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    new.replace(plan.out)


class Bench:
    def __init__(self, plan: Plan, result: dict[str, Any]) -> None:
        self.plan, self.result = plan, result
        self.until = time.monotonic() + plan.seconds
        papers, result["source"] = find_papers(plan.papers, Path(plan.carried) if plan.carried else None)
        self.work = Work(papers)
        self.labels = self.work.label.labels
        self.options = WriteOptions(REASON_TOKENS, self.work.reason.stop)
        self.prompts = self.work.labels()
        self.reasons = {share: self.work.reasons(share) for share in plan.shares}

    def run(self) -> None:
        generator = self._generator("bulk")
        try:
            self.result["start_cold_s"] = self._start(generator)
            self.result["engine"] = generator.facts()
            self._encode(generator)
            self._warm_up(generator)
            self._rounds(generator)
        finally:
            generator.close()
        if self.plan.starts:
            self._starts()

    def _generator(self, preset: str) -> VllmGenerator:
        settings: dict[str, Any] = {"preset": preset, "load_format": "dummy", **self.plan.settings}
        return VllmGenerator(self.plan.folder, VllmSettings(**settings))

    def _start(self, generator: VllmGenerator) -> float:
        started = time.perf_counter()
        generator.facts()
        return round(time.perf_counter() - started, 1)

    def _encode(self, generator: VllmGenerator) -> None:
        """Ids for the contenders that are given them: tokenised as our own loop does, outside their time."""
        tokens = generator._tokens_of(self.labels).ids
        labels = generator._encode(self.prompts)
        reasons = {share: generator._encode(prompts) for share, prompts in self.reasons.items()}
        whole = generator._encode(self.work.one_pass())
        scored = _asked(labels, LABEL_TOKENS, tokens)
        self.two = {share: [*scored, *_asked(r, REASON_TOKENS)] for share, r in reasons.items()}
        self.one = _asked(whole, JSON_TOKENS)
        self.result["requests"] = {
            "label": _table(labels, LABEL_TOKENS),
            **{f"reason_{share:g}": _table(r, REASON_TOKENS) for share, r in reasons.items()},
            "json": _table(whole, JSON_TOKENS),
        }

    def _warm_up(self, generator: VllmGenerator) -> None:
        self._ours(generator, self.prompts[:_WARM_UP], next(iter(self.reasons.values()))[: _WARM_UP // 4])
        for way in ("bare", "generate"):
            self._way(generator, way, self.one[:_WARM_UP])

    def _rounds(self, generator: VllmGenerator) -> None:
        first = self.plan.shares[0]
        contenders: dict[str, Callable[[], dict[str, Any]]] = {
            **{f"ours_{s:g}": partial(self._ours, generator, self.prompts, self.reasons[s]) for s in self.plan.shares},
            f"bare_{first:g}": partial(self._way, generator, "bare", self.two[first]),
            "one_generate": partial(self._way, generator, "generate", self.one),
            f"barriers_of_{self.plan.barrier}": partial(self._way, generator, "barrier", self.one[: self.plan.few]),
            f"own_bench_{first:g}": partial(self._way, generator, "own", self.two[first]),
        }
        took: dict[str, float] = {}
        names = list(contenders)
        for turn in range(self.plan.repeats):
            row: dict[str, Any] = {}
            self.result["rounds"].append(row)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                if turn and time.monotonic() + took.get(name, 0.0) > self.until:
                    self.result.setdefault("left_out", []).append(f"{name} in round {turn + 1}: no time left")
                    continue
                self._way(generator, "reset", [])
                started = time.monotonic()
                row[name] = contenders[name]()
                took[name] = time.monotonic() - started
                print(f"{self.plan.model} round {turn + 1} {name}: {row[name]}", file=sys.stderr, flush=True)
                keep(self.plan, self.result)

    def _ours(self, generator: VllmGenerator, prompts: Sequence[Prompt], reasons: Sequence[Prompt]) -> dict[str, Any]:
        """Both passes, as the judge calls them: prompts in, answers taken as they come."""
        before, used = generator.hits(), generator.usage
        counted = self._way(generator, "count", [])["generated"]
        started = time.perf_counter()
        readings = sum(not r.error for r in generator.read_labels(iter(prompts), self.labels))
        scored = time.perf_counter()
        texts = sum(t.finish == "length" for t in generator.write(iter(reasons), self.options))
        ended = time.perf_counter()
        after, used = generator.hits(), generator.usage - used
        counted = self._way(generator, "count", [])["generated"] - counted
        if readings != len(prompts) or texts != len(reasons):
            raise RuntimeError(
                f"{len(prompts) - readings} papers unread, {len(reasons) - texts} texts of another length"
            )
        return {
            "papers": len(prompts),
            "seconds": ended - started,
            "score_seconds": scored - started,
            "generated": used.generated,
            "counted": counted,
            "prompt": used.prompt,
            "cached": used.cached,
            "found": after.found - before.found,
            "asked": after.asked - before.asked,
        }

    def _way(self, generator: VllmGenerator, way: str, requests: Sequence[Asked]) -> dict[str, Any]:
        engine = generator._ready()
        engine.send(("bench", way, list(requests), self.plan.barrier))
        while message := engine.receive(1800.0):
            if message[0] == "bench":
                papers = sum(1 for _, tokens, labels in requests if labels or tokens != REASON_TOKENS)
                return {"papers": papers, **message[1]}
        raise RuntimeError(f"{way} took over 30 minutes")

    def _starts(self) -> None:
        """Warm start of ``bulk``; ``daily`` cold and warm, and from its warm start on the time to all of 300 papers."""
        found: dict[str, Any] = {"bulk_cold_s": self.result["start_cold_s"]}
        self.result["starts"] = found
        for name, preset in (("bulk_warm", "bulk"), ("daily_cold", "daily"), ("daily_warm", "daily")):
            if time.monotonic() + max(found.values()) > self.until:
                self.result.setdefault("left_out", []).append(f"start {name}: no time left")
                continue
            if name == "daily_cold":  # what `bulk` compiled is not there on a first day
                os.environ.update(cache_places(f"{self.plan.caches}-daily"))
            generator = self._generator(preset)
            try:
                begun = time.perf_counter()
                found[f"{name}_s"] = self._start(generator)
                if name == "daily_warm":
                    day = Work(self.work.papers[:_DIGEST])  # in all fields, as a day is
                    few = day.reasons(self.plan.shares[0])
                    took = self._ours(generator, day.labels(), few)
                    self.result["papers_300"] = {
                        **took, "texts": len(few), "from_start_s": round(time.perf_counter() - begun, 1)
                    }  # fmt: skip
            finally:
                generator.close()
            keep(self.plan, self.result)


def _asked(encoded: Sequence[Encoded], tokens: int, labels: tuple[int, ...] = ()) -> list[Asked]:
    return [(tuple(e.ids), tokens, labels) for e in encoded]


def _table(encoded: Sequence[Encoded], output: int) -> list[tuple[int, int, int, int]]:
    """Distinct (prefix, suffix, output, how often): what the ceiling is computed from."""
    counted: dict[tuple[int, int, int], int] = {}
    for request in requests_of(encoded, output):
        key = (request.prefix, request.suffix, request.output)
        counted[key] = counted.get(key, 0) + 1
    return [(*key, times) for key, times in counted.items()]


def main() -> None:
    row = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    plan = Plan(**{**row, "shares": tuple(row["shares"])})
    result = run(plan)
    sys.exit("error" in result)


def start_environment(caches: str) -> dict[str, str]:
    """For the process of one model: caches of its own (cold at first), Python's path, no network."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    own = {**cache_places(caches), "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if importlib.util.find_spec("flashinfer") is None:  # vLLM's sampler imports it unless told not to
        own["VLLM_USE_FLASHINFER_SAMPLER"] = "0"
    return {**os.environ, **own}


def cache_places(caches: str) -> dict[str, str]:
    """All that keeps compiled kernels from one start to the next: cold means that the folder is empty."""
    return {
        "VLLM_CACHE_ROOT": caches,
        "TRITON_CACHE_DIR": f"{caches}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{caches}/inductor",
        "CUDA_CACHE_PATH": f"{caches}/cuda",
        "FLASHINFER_WORKSPACE_BASE": f"{caches}/flashinfer",
    }


def plan_row(plan: Plan) -> dict[str, Any]:
    return asdict(plan)


if __name__ == "__main__":
    main()
