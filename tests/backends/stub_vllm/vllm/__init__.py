"""A stand-in for vLLM, only to provoke faults: it answers from the ids and dies, refuses or runs out on order.

The order is the JSON in RANKER_STUB: ``dies_at`` (steps until the process is killed; each start counts anew, and a file
at ``once`` makes it happen in the first process only), ``poison`` (a token id that kills), ``start`` (words of the
error at start), ``old`` (no ``logprob_token_ids``), ``log`` (a file that gets the engine's arguments), ``refuses``
(a token id whose prompts are refused), ``loads`` and ``naps`` (seconds of loading and of every step), ``core``
(a file that gets the id of a child process, without which ``step`` waits for ever, as vLLM's does), ``shares`` (a file
that gets the name of shared memory, which only a resource tracker removes; a file lies where sockets would, besides).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from vllm.exceptions import VLLMValidationError

__version__ = "0.32.0+stub"
ORDER: dict[str, Any] = json.loads(os.environ.get("RANKER_STUB", "{}"))


@dataclass
class _New:
    max_tokens: int = 16
    temperature: float = 1.0
    seed: int | None = None
    stop: list[str] | None = None
    logprobs: int | None = None
    detokenize: bool = True
    output_kind: Any = None
    logprob_token_ids: list[int] | None = None
    ignore_eos: bool = False


@dataclass
class _Old:
    max_tokens: int = 16
    temperature: float = 1.0
    seed: int | None = None
    stop: list[str] | None = None
    logprobs: int | None = None
    detokenize: bool = True
    output_kind: Any = None


_BLOCK = 128
SamplingParams: Any = _Old if ORDER.get("old") else _New


@dataclass
class _Engine:
    arguments: dict[str, Any]
    queue: list[tuple[str, list[int], Any]] = field(default_factory=list)
    steps: int = 0
    seen: set[tuple[int, ...]] = field(default_factory=set)
    core: Any = None
    asked: int = 0
    found: int = 0
    made: int = 0

    @property
    def vllm_config(self) -> Any:
        return SimpleNamespace(
            cache_config=SimpleNamespace(block_size=_BLOCK, enable_prefix_caching=True, num_gpu_blocks=10),
            model_config=SimpleNamespace(max_model_len=self.arguments["max_model_len"], dtype="torch.float32"),
            scheduler_config=SimpleNamespace(
                max_num_seqs=self.arguments.get("max_num_seqs", 4), max_num_batched_tokens=4096
            ),
        )

    def has_unfinished_requests(self) -> bool:
        return bool(self.queue)

    def add_request(self, name: str, prompt: Any, params: Any) -> None:
        ids = prompt["prompt_token_ids"]
        if len(ids) > self.arguments["max_model_len"]:
            raise ValueError("prompt too long")
        if ORDER.get("refuses") in ids:
            raise VLLMValidationError("not this one")
        if params.logprob_token_ids if hasattr(params, "logprob_token_ids") else False:
            assert params.logprobs is None
        self.queue.append((name, ids, params))

    def abort_request(self, names: list[str]) -> None:
        self.queue = [q for q in self.queue if q[0] not in names]

    def step(self) -> list[Any]:
        self.steps += 1
        time.sleep(ORDER.get("naps", 0))
        if self.core is not None and not self.core.is_alive():
            time.sleep(3600)
        rows = int(self.arguments.get("max_num_seqs", 4))
        batch, self.queue = self.queue[:rows], self.queue[rows:]
        once = Path(ORDER["once"]) if "once" in ORDER else None
        due = self.steps >= ORDER.get("dies_at", 1 << 30) and not (once and once.exists())
        if due or any(ORDER.get("poison") in ids for _, ids, _ in batch):
            if once:
                once.touch()
            print(ORDER.get("last_words", ""), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return [self._finish(*q) for q in batch]

    def _finish(self, name: str, ids: list[int], params: Any) -> Any:
        blocks = [tuple(ids[: end + _BLOCK]) for end in range(0, len(ids) - _BLOCK, _BLOCK)]
        cached = _BLOCK * sum(block in self.seen for block in blocks)
        self.seen.update(blocks)
        self.asked += len(ids)
        self.found += cached
        wanted = getattr(params, "logprob_token_ids", None)
        top = wanted or ([32 + i for i in range(5)] if params.logprobs else [])  # five labels reach the top 20
        entry = {t: SimpleNamespace(logprob=-1.0 - 0.1 * ((sum(ids) + t) % 20)) for t in [*top, 7]}
        limit = params.max_tokens
        self.made += limit
        done = SimpleNamespace(
            text=("words " * limit).strip() if params.detokenize else "",
            token_ids=[7] * limit,
            finish_reason="length",
            logprobs=[entry] if top else None,
        )
        return SimpleNamespace(
            request_id=name, prompt_token_ids=ids, num_cached_tokens=cached, finished=True, outputs=[done]
        )


class LLM:
    def __init__(self, **arguments: Any) -> None:
        if "log" in ORDER:
            with Path(ORDER["log"]).open("a", encoding="utf-8") as log:
                log.write(json.dumps(arguments) + "\n")
        if "start" in ORDER:
            raise ValueError(ORDER["start"])
        assert os.environ["HF_HUB_OFFLINE"] == "1" and os.environ["VLLM_NO_USAGE_STATS"] == "1"
        time.sleep(ORDER.get("loads", 0))
        self.llm_engine = _Engine(arguments)
        if "core" in ORDER:
            core = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3600,), daemon=True)
            core.start()
            self.llm_engine.core = core
            Path(ORDER["core"]).write_text(str(core.pid), encoding="utf-8")

        if "shares" in ORDER:
            self.shared = SharedMemory(create=True, size=4096)
            Path(ORDER["shares"]).write_text(self.shared.name.lstrip("/"), encoding="utf-8")
            (Path(tempfile.gettempdir()) / "socket").touch()

    def generate(self, prompts: list[Any], params: list[Any], use_tqdm: bool = True) -> list[Any]:
        for number, (prompt, one) in enumerate(zip(prompts, params, strict=True)):
            self.llm_engine.add_request(f"g{number}", prompt, one)
        done = []
        while self.llm_engine.has_unfinished_requests():
            done += self.llm_engine.step()
        return done

    def reset_prefix_cache(self) -> bool:
        self.llm_engine.seen.clear()
        return True

    def get_metrics(self) -> list[Any]:
        return [
            SimpleNamespace(name="vllm:prefix_cache_queries", value=self.llm_engine.asked),
            SimpleNamespace(name="vllm:prefix_cache_hits", value=self.llm_engine.found),
            SimpleNamespace(name="vllm:generation_tokens", value=self.llm_engine.made),
        ]
