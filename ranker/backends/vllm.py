"""vLLM as a generator: prompts are tokenised in a thread, added as they are ready, and never waited for as a batch."""

from __future__ import annotations

import hashlib
import logging
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ranker.backends.chat import Encoded, too_long
from ranker.backends.extras import install
from ranker.backends.labels import LabelTokens, label_tokens
from ranker.backends.vllm_advice import advice, cause, is_out_of_memory
from ranker.backends.vllm_align import HeadAligner
from ranker.backends.vllm_hits import Hits, ask, restarted
from ranker.backends.vllm_model import describe, model_tokenizer, usable
from ranker.backends.vllm_pass import Job, Pass, by_head
from ranker.backends.vllm_process import EngineDied, EngineProcess
from ranker.backends.vllm_settings import VllmSettings, check_names, vllm_folder
from ranker.errors import BackendError
from ranker.protocols import Completion, GeneratorInfo, LabelReading, Prompt, WriteOptions
from ranker.types import Usage

__all__ = ["Hits", "VllmGenerator", "usable"]

_WINDOW = 64  # prompts tokenised in one call
_AHEAD = 4  # windows tokenised before the engine needs them
_IN_FLIGHT = 512
_DEATHS = 3  # in a row, without one result between: then the engine is given up
_LOG = logging.getLogger(__name__)


class VllmGenerator:
    """A model in vLLM, in a process of its own, which ``start`` or the first use makes: a day that is all in the store
    starts none.
    """

    def __init__(self, model: str | Path, settings: VllmSettings | None = None) -> None:
        """Check the settings and read the tokenizer; no engine yet.

        Raises:
            BackendError: vLLM or the model is not there.
            ConfigError: a setting that this vLLM does not know.
        """
        folder = vllm_folder()
        if folder is None:
            raise BackendError(
                "vLLM is not installed",
                where="backend vllm",
                todo=f"{install('vllm')}, or use --judge transformers",
            )
        given = settings or VllmSettings()
        check_names(given, folder)
        self._name = str(model)
        self._renderer, config = model_tokenizer(self._name)
        self._info, context = describe(self._name, config, given)
        self._settings = replace(given, max_model_len=context)
        self._heads = HeadAligner(self._renderer, given.align_heads)
        self._usage = Usage()
        self._labels: dict[tuple[str, ...], LabelTokens] = {}
        self._next = 0
        self._deaths = 0
        self._limit = 0
        self._under_way = False
        self.restarts = 0
        self._engine: EngineProcess | None = None

    def start(self) -> None:
        """Let the engine load in its process, without waiting."""
        if self._engine is None:
            self._engine = EngineProcess.start(self._name, self._settings)

    @property
    def info(self) -> GeneratorInfo:
        return self._info

    @property
    def usage(self) -> Usage:
        return self._usage

    def __repr__(self) -> str:
        return f"VllmGenerator({self._name!r}, {self._settings.preset})"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._renderer.count(texts)

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        self.start()
        forms = self._tokens_of(labels).forms
        self._ready()  # an engine that can't start is an error here, not a failure of every paper
        return forms

    def read_labels(self, prompts: Iterable[Prompt], labels: Sequence[str]) -> Iterator[LabelReading]:
        """One reading a prompt, as the engine finishes them."""
        tokens = self._tokens_of(labels)

        def answer(encoded: Encoded, row: dict[str, Any]) -> LabelReading:
            usage = self._count(row)
            if "error" in row:
                return LabelReading(encoded.key, (), error=row["error"], usage=usage)
            values = row["logprobs"]
            if any(v is not None and math.isnan(v) for v in values):
                return LabelReading(encoded.key, (), error="the model's logits are not numbers", usage=usage)
            missing = tuple(label for label, v in zip(tokens.labels, values, strict=True) if v is None)
            found = tuple(0.0 if v is None else min(1.0, math.exp(v)) for v in values)
            return LabelReading(encoded.key, found, missing, usage=usage)

        yield from self._run(prompts, Pass({"kind": "labels", "ids": tokens.ids}, answer), 1)

    def write(self, prompts: Iterable[Prompt], options: WriteOptions) -> Iterator[Completion]:
        """One text a prompt, as the engine finishes them."""

        def answer(encoded: Encoded, row: dict[str, Any]) -> Completion:
            usage = self._count(row)
            finish = row.get("finish")
            if "error" in row or finish not in ("stop", "length"):
                why = row.get("error") or f"the engine ended the text with {finish!r}"
                return Completion(encoded.key, row.get("text", ""), "error", error=why, usage=usage)
            return Completion(encoded.key, row["text"], "stop" if finish == "stop" else "length", usage=usage)

        said = {"temperature": options.temperature, "stop": options.stop, "max_tokens": options.max_tokens}
        yield from self._run(prompts, Pass({"kind": "text", "seed": options.seed, **said}, answer), 1)

    def hits(self) -> Hits:
        """How much of the prompts was found in the engine's prefix cache; zeros where no engine runs to be asked."""
        return ask(self._engine)

    def engine_notes(self, language: str) -> tuple[str, ...]:
        """For the report: what the prefix cache found, and how often the engine had to be started anew."""
        return (*self.hits().describe(language), *restarted(self.restarts, language))

    def facts(self) -> dict[str, Any]:
        """What the engine settled on: version, device, block_size, max_model_len, max_num_seqs, dtype, by_ids."""
        return dict(self._ready().facts)

    def tokens_past_last_block(self, head: str) -> int:
        """Tokens of a head behind its last whole block: they are computed again for every paper.

        At most a block less one; 0 where ``align_heads`` is a multiple of the engine's block.
        """
        return len(self._renderer.frame(self._heads.fill(head)).head_ids) % int(self._ready().facts["block_size"])

    def close(self) -> None:
        """End the engine's process, which frees its memory. A later use starts it anew."""
        if self._engine is not None:
            self._engine.kill()
            self._engine = None

    # -- the loop -------------------------------------------------------------------------------------------------

    def _run(self, prompts: Iterable[Prompt], work: Pass, room: int) -> Iterator[Any]:
        """Yield an answer for every prompt, refused and lost ones included.

        Raises:
            BackendError: another pass is under way, whose results this one would take; or no engine can be had.
        """
        if self._under_way:
            raise BackendError("a pass over the engine is under way", where="vllm", todo="end or close it first")
        self._under_way = True
        rest = iter(prompts)
        windows: deque[Future[list[Encoded]]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="ranker-tokens") as pool:
            try:
                while True:
                    while len(windows) < _AHEAD and (window := list(islice(rest, _WINDOW))):
                        windows.append(pool.submit(self._encode, window))
                    hungry = len(work.waiting) < self._most()
                    if windows and hungry and (windows[0].done() or not (work.flying or work.waiting)):
                        for encoded in by_head(windows.popleft().result()):
                            why = too_long(encoded, room, self._settings.max_model_len)
                            if why:
                                yield work.answer(encoded, {"error": why})
                            else:
                                work.waiting.append(Job(encoded))
                        if len(work.waiting) < self._most() and windows and windows[0].done():
                            continue
                    if not (work.waiting or work.flying):
                        if not windows:
                            return
                        continue
                    yield from self._turn(work, patient=not windows or not hungry)
            finally:
                self._under_way = False
                for future in windows:
                    future.cancel()
                self._forget(work)

    def _encode(self, window: list[Prompt]) -> list[Encoded]:
        return self._renderer.encode([replace(p, head=self._heads.fill(p.head)) for p in window])

    def _turn(self, work: Pass, *, patient: bool) -> Iterator[Any]:
        """Give the engine what it has room for, and take what it has finished."""
        try:
            engine = self._ready()
            self._give(engine, work)
            message = engine.receive(0.5 if patient else 0.02) if work.flying else None
        except EngineDied as death:
            yield from self._mourn(work, str(death))
            return
        if message is None or message[0] != "results":
            return
        self._deaths = 0
        for name, row in message[1]:
            job = work.flying.pop(name, None)
            if job is not None:
                if job.deaths == 0:  # more at once only after all that an engine died with have been read
                    self._limit = self._limit + 1 if 0 < self._limit < self._full() else 0
                yield work.answer(job.encoded, row)

    def _give(self, engine: EngineProcess, work: Pass) -> None:
        requests = []
        while work.waiting and len(work.flying) < self._most():
            ahead = next(iter(work.flying.values()), None)  # any: what flies for the last time flies alone
            if ahead is not None and (self._last_chance(ahead) or self._last_chance(work.waiting[0])):
                break
            job = work.waiting.popleft()
            name = f"{self._next}"
            self._next += 1
            work.flying[name] = job
            seed = hashlib.sha256(f"{work.options.get('seed', 0)}\0{job.encoded.key}".encode()).digest()
            requests.append((name, int.from_bytes(seed[:4], "big") >> 1, job.encoded.ids))
        if requests:
            engine.send(("add", work.options, requests))

    def _mourn(self, work: Pass, why: str) -> Iterator[Any]:
        """The engine died: start another, and try again what it had; what died with too many engines is given up.

        Fewer prompts go in at once afterwards, and the last time each goes alone: none is given up for another's fault.
        """
        engine, self._engine = self._engine, None
        self._deaths += 1
        if engine is not None:
            words = f"{why}\n{engine.tail()}"
            last = cause(why, engine.tail(1 << 16))
            kept = engine.keep_log() if self._deaths > _DEATHS else None
            engine.kill()
            if kept is not None:
                raise BackendError(
                    f"the engine died {self._deaths} times in a row, at last by: {last}",
                    where="vllm",
                    todo=f"{advice(words)} (all that it said: {kept})",
                )
            if is_out_of_memory(words):
                self._settings = self._settings.after_out_of_memory(engine.facts)
            _LOG.warning("the engine died (%s) and is started anew; %d papers are read again", last, len(work.flying))
        self._limit = max(4, self._most() // 8)
        lost = list(work.flying.values())
        work.flying.clear()
        for job in reversed(lost):
            job.deaths += 1
            if job.deaths <= self._settings.resubmissions:
                work.waiting.appendleft(job)
        self.restarts += 1
        self._engine = EngineProcess.start(self._name, self._settings)
        for job in lost:
            if job.deaths > self._settings.resubmissions:
                yield work.answer(job.encoded, {"error": f"the engine died {job.deaths} times with this prompt: {why}"})

    def _forget(self, work: Pass) -> None:
        """The caller broke off: tell the engine to drop what it still has."""
        if work.flying and self._engine is not None:
            try:
                self._engine.send(("abort", list(work.flying)))
            except EngineDied:
                self._engine.kill()
                self._engine = None
        work.flying.clear()
        work.waiting.clear()

    def _ready(self) -> EngineProcess:
        self.start()
        assert self._engine is not None
        self._engine.wait_ready(self._settings.start_seconds)
        return self._engine

    def _last_chance(self, job: Job) -> bool:
        return job.deaths > 0 and job.deaths == self._settings.resubmissions

    def _full(self) -> int:
        rows = int(self._engine.facts.get("max_num_seqs", 0)) if self._engine else 0
        return self._settings.in_flight or max(2 * rows, _IN_FLIGHT)

    def _most(self) -> int:
        """Prompts that the engine may have at once: fewer for a while after one of them may have killed it."""
        return self._limit or self._full()

    def _count(self, row: dict[str, Any]) -> Usage:
        usage = Usage(row.get("prompt", 0), row.get("cached", 0), row.get("generated", 0))
        self._usage = self._usage + usage
        return usage

    def _tokens_of(self, labels: Sequence[str]) -> LabelTokens:
        key = tuple(labels)
        if key not in self._labels:
            self._labels[key] = label_tokens(self._renderer, key)
        return self._labels[key]
