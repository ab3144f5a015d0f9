"""The engine's own process: loads vLLM, takes prompts over a socket, steps the engine, sends back what is finished.

A process of its own because the GPU memory of an engine is only truly free when its process is gone, because an engine
that died can't be revived in place, and because one process can hold one engine. Run as
``python -m ranker.backends.vllm_worker FD`` by ``ranker.backends.vllm_process``.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from ranker.backends.vllm_inbox import Inbox
from ranker.backends.vllm_settings import VllmSettings

_FEW = 20  # what vLLM gives by default where labels can't be named


def main(kind: type[Worker] | None = None) -> None:
    """Serve one engine over the socket; ``kind``: a worker that measures besides (``benchmarks.gpu``)."""
    handle = int(sys.argv[1])
    os.set_inheritable(handle, False)
    pipe = Connection(handle)
    inbox = Inbox(pipe)
    (first,) = inbox.take(wait=True)
    model, settings = first
    try:
        worker = (kind or Worker)(model, settings)
        inbox.watch_children()
        pipe.send(("ready", worker.facts()))
    except Exception as error:  # whatever it is, the other side must hear it rather than wait
        traceback.print_exc()
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
        return
    try:
        worker.serve(pipe, inbox)
    except BrokenPipeError:
        return  # the other side is gone, and so is the work
    except Exception as error:
        traceback.print_exc()
        pipe.send(("dead", f"{type(error).__name__}: {error}"))


class Worker:
    """One engine. Requests are named by the numbers that the other side gives them."""

    def __init__(self, model: str, settings: VllmSettings) -> None:
        from vllm import LLM, SamplingParams
        from vllm.platforms import current_platform
        from vllm.sampling_params import RequestOutputKind

        self._device = str(current_platform.device_type)
        self._llm = LLM(model=model, **settings.arguments(self._device))
        self._engine = self._llm.llm_engine
        self._params = SamplingParams
        self._final_only = RequestOutputKind.FINAL_ONLY
        self._by_ids = hasattr(SamplingParams, "logprob_token_ids")
        self._refusals = _refusals()
        self._labels: dict[str, tuple[int, ...]] = {}

    def facts(self) -> dict[str, Any]:
        """What the engine settled on; ``block_size`` in tokens (16 on a GPU, 128 on a CPU, more for hybrid models).

        The engine's process tells its frontend the size that it ended up with, so this is read after the start.
        """
        import vllm

        config = self._engine.vllm_config
        return {
            "version": str(vllm.__version__),
            "device": self._device,
            "block_size": int(config.cache_config.block_size or 16),
            "prefix_caching": bool(config.cache_config.enable_prefix_caching),
            "max_model_len": int(config.model_config.max_model_len),
            "max_num_seqs": int(config.scheduler_config.max_num_seqs),
            "max_num_batched_tokens": int(config.scheduler_config.max_num_batched_tokens),
            "dtype": str(config.model_config.dtype).removeprefix("torch."),
            "by_ids": self._by_ids,
        }

    def serve(self, pipe: Connection, inbox: Inbox) -> None:
        """Until it is killed: take what has come without waiting while there is work, then one step."""
        while True:
            busy = self._engine.has_unfinished_requests()
            for message in inbox.take(wait=not busy):
                self._take(pipe, message)
            if self._engine.has_unfinished_requests():
                finished = [self._result(o) for o in self._engine.step() if o.finished]
                if finished:
                    pipe.send(("results", finished))

    def _take(self, pipe: Connection, message: tuple[Any, ...]) -> None:
        if message[0] == "add":
            _, options, requests = message
            refused = []
            for name, seed, ids in requests:
                try:
                    self._add(name, seed, ids, options)
                except self._refusals as error:
                    self._labels.pop(name, None)
                    refused.append((name, {"error": f"{type(error).__name__}: {error}"[:300]}))
            if refused:
                pipe.send(("results", refused))
        elif message[0] == "abort":
            self._engine.abort_request(list(message[1]))
            for name in message[1]:
                self._labels.pop(name, None)
        elif message[0] == "hits":
            pipe.send(("hits", self._hits()))

    def _add(self, name: str, seed: int, ids: Sequence[int], options: Mapping[str, Any]) -> None:
        if options["kind"] == "labels":
            self._labels[name] = tuple(options["ids"])
            params = self._label_params(options["ids"])
        else:
            params = self._text_params(options, seed)
        self._engine.add_request(name, _tokens(list(ids)), params)

    def _label_params(self, ids: Sequence[int]) -> Any:
        """One token, of which only the labels' log-probabilities come back.

        They are raw, before any temperature, since the engine's ``logprobs_mode`` is left at ``raw_logprobs``.
        ``logprobs`` stays unset beside ``logprob_token_ids``; the sampled token comes back as well and is not read.
        """
        wanted = {"logprob_token_ids": list(ids)} if self._by_ids else {"logprobs": _FEW}
        return self._params(max_tokens=1, temperature=0.0, detokenize=False, output_kind=self._final_only, **wanted)

    def _text_params(self, options: Mapping[str, Any], seed: int) -> Any:
        warm = {"seed": seed} if options["temperature"] > 0 else {}
        return self._params(
            max_tokens=options["max_tokens"],
            temperature=options["temperature"],
            stop=list(options["stop"]) or None,
            output_kind=self._final_only,
            **warm,
        )

    def _result(self, output: Any) -> tuple[str, dict[str, Any]]:
        name, done = str(output.request_id), output.outputs[0]
        row: dict[str, Any] = {
            "prompt": len(output.prompt_token_ids or ()),
            "cached": max(0, int(output.num_cached_tokens or 0)),
            "generated": len(done.token_ids),
            "finish": str(done.finish_reason or ""),
        }
        ids = self._labels.pop(name, None)
        if ids is None:
            return name, {**row, "text": str(done.text)}
        if not done.logprobs:
            return name, {**row, "error": f"the engine returned no log-probabilities ({row['finish'] or 'no reason'})"}
        first = done.logprobs[0]
        return name, {**row, "logprobs": [float(first[i].logprob) if i in first else None for i in ids]}

    def _hits(self) -> tuple[int, int]:
        """Tokens found in the prefix cache, and tokens looked for, since the engine's start, over all its ranks."""
        found = {"vllm:prefix_cache_hits": 0, "vllm:prefix_cache_queries": 0}
        for metric in self._llm.get_metrics():
            if metric.name in found:
                found[metric.name] += int(metric.value)
        return found["vllm:prefix_cache_hits"], found["vllm:prefix_cache_queries"]


def _refusals() -> tuple[type[Exception], ...]:
    """How vLLM refuses one prompt: ValueError up to 0.26, ``VLLMClientError`` (no ValueError) from 0.32 on."""
    own = getattr(importlib.import_module("vllm.exceptions"), "VLLMClientError", None)
    return (ValueError, TypeError, own) if own is not None else (ValueError, TypeError)


def _tokens(ids: list[int]) -> Any:
    """A prompt as the engine takes it in 0.26 to 0.33, without another pass through its renderer."""
    try:
        from vllm.inputs import tokens_input
    except ImportError:
        from vllm.inputs import TokensPrompt

        return TokensPrompt(prompt_token_ids=ids)
    return tokens_input(ids)


if __name__ == "__main__":
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "INFO")
    main()
