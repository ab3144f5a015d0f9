"""Any OpenAI-compatible server (vllm serve, llama-server, SGLang, Ollama, LM Studio) as a generator.

Labels are read from ``top_logprobs`` where the replies carry them; where not, the model writes a digit, and every such
reading says so (``from_text``). The key comes from the environment alone and never enters a message.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from ranker.backends.labels import from_logprobs
from ranker.backends.openai_http import MOST_LOGPROBS, Caller, Failed, Patience
from ranker.backends.openai_replies import Reply, cut_at, label_in
from ranker.backends.openai_side import SideCalls, list_models, open_client
from ranker.errors import BackendError
from ranker.protocols import Completion, GeneratorInfo, LabelReading, Prompt, WriteOptions
from ranker.types import Usage

KEYS = ("RANKER_API_KEY", "OPENAI_API_KEY")
_DIGIT_TOKENS = 8  # a written digit may come behind a line break or "Score:"
_ALONE = 3  # prompts sent one by one until a reply has shown whether logprobs come
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """Where the server is (``.../v1``) and how hard to press it.

    ``timeout`` in seconds per try; ``max_context``: 0 = what the server says, else 8192.
    """

    base_url: str = "http://127.0.0.1:8000/v1"
    concurrency: int = 8
    timeout: float = 120.0
    patience: Patience = Patience()
    max_context: int = 0


class OpenAIGenerator:
    """A server's model as a ``Generator``. Prompts are sent ``concurrency`` at a time and come back as they finish."""

    def __init__(self, model: str, settings: OpenAISettings | None = None) -> None:
        """Connect, and take the only model there is where ``model`` is empty.

        Raises:
            BackendError: the client is not installed, nothing answers at the address, it lacks its /v1, or the server
                refuses the key.
        """
        self._settings = settings or OpenAISettings()
        secret = next((os.environ[k] for k in KEYS if os.environ.get(k)), "")
        address = self._settings.base_url
        self._client = open_client(address, self._settings.timeout, secret)
        self._side = SideCalls(address, self._settings.timeout, secret)
        self._caller = Caller(self._client, self._settings.patience, secret)
        self._usage = Usage()
        self._lock = threading.Lock()
        self._logprobs: bool | None = None
        self._counts: Callable[[str], int] | None = None
        self._label_ids: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._info = self._describe(model)
        self._probe()

    @property
    def info(self) -> GeneratorInfo:
        return replace(self._info, gives_logprobs=self._logprobs is not False)

    @property
    def usage(self) -> Usage:
        return self._usage

    def __repr__(self) -> str:
        return f"OpenAIGenerator({self._info.model!r}, {self._settings.base_url!r})"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """By the server's ``/tokenize`` where it has one (vLLM, llama-server), else an estimate that is rather high."""
        if not texts:
            return []
        if self._counts is None:
            self._counts = self._side.find_counter(self._info.model)
        with ThreadPoolExecutor(self._settings.concurrency) as pool:
            return list(pool.map(self._counts, texts))

    def check_labels(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels as given: a server shows no tokenizer; a label that never comes is ``missing`` in its reading."""
        if len(set(labels)) != len(labels) or not labels:
            raise BackendError("the labels must be given and differ", where=" ".join(labels))
        return tuple(labels)

    def read_labels(self, prompts: Iterable[Prompt], labels: Sequence[str]) -> Iterator[LabelReading]:
        wanted = self.check_labels(labels)
        rest = iter(prompts)
        for prompt in islice(rest, _ALONE):  # the first reply tells how to ask the others
            yield self._read(prompt, wanted)
            if self._logprobs is not None:
                break
        yield from self._spread(rest, lambda prompt: self._read(prompt, wanted))

    def write(self, prompts: Iterable[Prompt], options: WriteOptions) -> Iterator[Completion]:
        yield from self._spread(iter(prompts), lambda prompt: self._write(prompt, options))

    def close(self) -> None:
        self._client.close()

    # -- one prompt -----------------------------------------------------------------------------------------------

    def _read(self, prompt: Prompt, labels: tuple[str, ...]) -> LabelReading:
        used = Usage()
        try:
            if self._logprobs is not False:
                reply = self._ask(prompt, 1, **self._how(labels))
                used = used + reply.usage
                if reply.first is not None:
                    self._logprobs = True
                    found, missing = from_logprobs(labels, reply.first)
                    return LabelReading(prompt.key, found, missing, usage=used)
                if self._logprobs:  # they came before: one reply without them is no reason to change the method
                    return LabelReading(prompt.key, (), error="the reply carries no logprobs", usage=used)
                self._logprobs = False
            reply = self._ask(prompt, _DIGIT_TOKENS)
        except Failed as error:
            return LabelReading(prompt.key, (), error=str(error), usage=used)
        used = used + reply.usage
        label = label_in(reply.text, labels)
        if label is None:
            why = f"no label in the written answer {reply.text[:40]!r}"
            return LabelReading(prompt.key, (), error=why, from_text=True, usage=used)
        one_hot = tuple(1.0 if x == label else 0.0 for x in labels)
        return LabelReading(prompt.key, one_hot, from_text=True, usage=used)

    def _write(self, prompt: Prompt, options: WriteOptions) -> Completion:
        fields: dict[str, Any] = {"temperature": options.temperature, "stop": list(options.stop) or None}
        if options.temperature > 0:
            fields["seed"] = options.seed
        try:
            reply = self._ask(prompt, options.max_tokens, **fields)
        except Failed as error:
            return Completion(prompt.key, "", "error", error=str(error))
        text, cut = cut_at(reply.text, options.stop)
        if cut or reply.finish == "stop":
            return Completion(prompt.key, text, "stop", usage=reply.usage)
        if reply.finish == "length":
            return Completion(prompt.key, text, "length", usage=reply.usage)
        why = f"the server ended the text with {reply.finish or 'no reason'!r}"
        return Completion(prompt.key, text, "error", error=why, usage=reply.usage)

    def _ask(self, prompt: Prompt, max_tokens: int, **fields: Any) -> Reply:
        turns = [{"role": "system", "content": prompt.head}, {"role": "user", "content": prompt.body}]
        request = {
            "model": self._info.model,
            "messages": turns,
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "chat_template_kwargs": {"enable_thinking": False},
            **fields,
        }
        reply = self._caller.post(request)
        with self._lock:
            self._usage = self._usage + reply.usage
        return reply

    def _spread(self, prompts: Iterator[Prompt], work: Callable[[Prompt], R]) -> Iterator[R]:
        """Results as they come, ``concurrency`` prompts on their way and as many again waiting."""
        many = self._settings.concurrency
        pool = ThreadPoolExecutor(many, thread_name_prefix="ranker-openai")
        flying: set[Future[R]] = set()
        try:
            while True:
                flying |= {pool.submit(work, p) for p in islice(prompts, 2 * many - len(flying))}
                if not flying:
                    return
                done, flying = wait(flying, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _how(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Fields that ask for log-probabilities: of just these labels where the server is vLLM, else of many tokens."""
        fields: dict[str, Any] = {"logprobs": True, "top_logprobs": MOST_LOGPROBS}
        if labels and self._info.engine_version:
            with self._lock:
                ids = self._label_ids.get(labels)
                if ids is None:
                    rows = [self._side.tokenize(self._info.model, "prompt", label).get("tokens") for label in labels]
                    single = [r[0] for r in rows if isinstance(r, list) and len(r) == 1 and isinstance(r[0], int)]
                    ids = self._label_ids[labels] = tuple(single) if len(set(single)) == len(labels) else ()
            if ids:
                return {"logprobs": True, "top_logprobs": 20, "logprob_token_ids": list(ids)}
        return fields

    def _probe(self) -> None:
        """One tiny question at the start, so that ``info`` says from then on whether labels are read or written.

        Raises:
            BackendError: the server knows no such model, or refuses the key.
        """
        try:
            reply = self._ask(Prompt("probe", "Answer with one digit.", "4 + 3 ="), 1, **self._how(()))
        except Failed as error:
            if str(error).startswith(("HTTP 401", "HTTP 403", "HTTP 404")):
                version = " (it usually ends in /v1)" if self._side.lacks_version else ""
                todo = f"check the address{version}, the model's name and the key"
                raise BackendError(str(error), where=self._settings.base_url, todo=todo) from None
            return  # busy or broken right now: the first reply to a paper will tell
        self._logprobs = reply.first is not None

    # -- the server -----------------------------------------------------------------------------------------------

    def _describe(self, model: str) -> GeneratorInfo:
        row = list_models(self._client, self._settings.base_url, KEYS[0])
        if not row:
            self._side.check_address()
        entry = next((m for m in row if m.get("id") == model), row[0] if row and not model else {})
        name = model or str(entry.get("id") or "")
        if not name:
            todo = "write its address as base_url under [openai] in the configuration, and name the model by --model"
            if self._side.lacks_version:
                todo = f"check the address, which usually ends in /v1; or {todo}"
            raise BackendError("the server names no model", where=self._settings.base_url, todo=todo)
        limit = self._settings.max_context or entry.get("max_model_len") or self._side.context_of_llama()
        version = self._side.call("GET", "version").get("version", "")
        return GeneratorInfo("openai", name, "", str(version), int(limit or 8192), "")
