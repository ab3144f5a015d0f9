"""The product's engine process, with texts of fixed lengths and other ways to drive the same engine beside ours.

All contenders share one engine: the same settings, the same memory, the same compiled graphs. So a difference is the
way of asking and nothing else, and a model needs one start instead of four.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from ranker.backends.vllm_worker import Worker, _tokens, main

Asked = tuple[tuple[int, ...], int, tuple[int, ...]]
"""A prompt's ids, how many tokens to make, and the ids of the labels to read (none: a text)."""


class BenchWorker(Worker):
    """Takes ``("bench", way, requests, barrier)`` besides, and answers with seconds and what the engine counted."""

    _barrier = 64

    def facts(self) -> dict[str, Any]:
        """The engine's, and ``kv_tokens``: how many tokens its KV cache holds."""
        facts = super().facts()
        blocks = self._engine.vllm_config.cache_config.num_gpu_blocks
        return {**facts, "kv_tokens": int(blocks or 0) * int(facts["block_size"])}

    def _text_params(self, options: Mapping[str, Any], seed: int) -> Any:
        """As many tokens as allowed, whatever they are. Stops are still looked for, at their price, but never found."""
        never = [f"\x00never {i}" for i, _ in enumerate(options["stop"])]
        return self._params(
            max_tokens=options["max_tokens"],
            temperature=0.0,
            ignore_eos=True,
            stop=never or None,
            output_kind=self._final_only,
        )

    def _take(self, pipe: Connection, message: tuple[Any, ...]) -> None:
        if message[0] != "bench":
            super()._take(pipe, message)
            return
        _, way, requests, self._barrier = message
        try:
            pipe.send(("bench", self.measure(way, requests)))
        except Exception as error:  # a contender that this vLLM does not have fails alone
            pipe.send(("bench", {"error": f"{type(error).__name__}: {error}"[:500]}))

    def measure(self, way: str, requests: Sequence[Asked]) -> dict[str, Any]:
        """``way``: reset, count, bare, generate, barrier or own (the engine's own throughput benchmark).

        ``generated``: tokens in the outputs; ``counted``: by the engine's own counter, which knows nothing of ours.
        """
        before, counted = self._hits(), self._counted()
        started = time.perf_counter()
        generated = getattr(self, f"_way_{way}")(requests)
        seconds = time.perf_counter() - started
        after = self._hits()
        return {
            "seconds": seconds,
            "generated": generated,
            "counted": self._counted() - counted,
            "found": after[0] - before[0],
            "asked": after[1] - before[1],
        }

    def _way_reset(self, requests: Sequence[Asked]) -> int:
        if self._llm.reset_prefix_cache() is False:
            raise RuntimeError("the prefix cache was not emptied")
        return 0

    def _way_count(self, requests: Sequence[Asked]) -> int:
        """Of what the engine has made since its start; nothing is asked of it."""
        return self._counted()

    def _way_bare(self, requests: Sequence[Asked]) -> int:
        """Our two passes without us: all labels into the engine, step until done, then all texts."""
        made = 0
        for reads_labels in (True, False):
            for number, (ids, tokens, labels) in enumerate(requests):
                if bool(labels) == reads_labels:
                    params = self._label_params(labels) if labels else self._fixed(tokens)
                    self._engine.add_request(f"b{int(reads_labels)}-{number}", _tokens(list(ids)), params)
            while self._engine.has_unfinished_requests():
                made += sum(len(o.outputs[0].token_ids) for o in self._engine.step() if o.finished)
        return made

    def _way_generate(self, requests: Sequence[Asked]) -> int:
        """One list into one ``generate``."""
        prompts = [_tokens(list(ids)) for ids, _, _ in requests]
        params = [self._fixed(tokens) for _, tokens, _ in requests]
        outputs = self._llm.generate(prompts, params, use_tqdm=False)
        return sum(len(o.outputs[0].token_ids) for o in outputs)

    def _way_barrier(self, requests: Sequence[Asked]) -> int:
        """64 (``barrier``) at a time, each batch waited for, as a plain script does."""
        parts = [requests[i : i + self._barrier] for i in range(0, len(requests), self._barrier)]
        return sum(self._way_generate(part) for part in parts)

    def _way_own(self, requests: Sequence[Asked]) -> int:
        """What ``vllm bench throughput`` runs behind its command line, on this engine and these ids."""
        from vllm.benchmarks.datasets import SampleRequest
        from vllm.benchmarks.throughput import _run_vllm_requests

        samples = [
            SampleRequest(prompt={"prompt_token_ids": list(ids)}, prompt_len=len(ids), expected_output_len=tokens)
            for ids, tokens, _ in requests
        ]
        _, outputs = _run_vllm_requests(
            self._llm, samples, 1, False, do_profile=False, prequeue_requests=False, enable_lora=False
        )
        return sum(len(o.outputs[0].token_ids) for o in outputs)

    def _counted(self) -> int:
        """Tokens made since the engine's start, by its own metric."""
        return sum(int(m.value) for m in self._llm.get_metrics() if m.name == "vllm:generation_tokens")

    def _fixed(self, tokens: int) -> Any:
        return self._params(max_tokens=tokens, temperature=0.0, ignore_eos=True, output_kind=self._final_only)


if __name__ == "__main__":
    main(BenchWorker)
