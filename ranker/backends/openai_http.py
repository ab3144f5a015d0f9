"""One request to an OpenAI-compatible server, tried until it is answered or given up with the reason."""

from __future__ import annotations

import email.utils
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ranker.backends.openai_replies import Reply, WrongReply, parse_reply

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OPTIONAL = ("chat_template_kwargs", "logprob_token_ids", "logprobs", "seed", "stop", "temperature")
# OpenAI and vLLM allow 20, llama-server any number. A weak model's rarer labels lie beyond the first 20, and a mean
# over those that came was off by up to 0.8 of relevance: ask for many, take what the server allows.
MOST_LOGPROBS = 200
_FEWER = {200: 100, 100: 50, 50: 20, 20: 10, 10: 5}
_DOWN = 8  # failed connections in a row, after which a server counts as gone and no prompt waits for it any more


class Failed(Exception):
    """A request that ended without a usable reply; the text says why, without the key."""


@dataclass(frozen=True, slots=True)
class Patience:
    """``retries`` after the first try; waits of ``backoff`` x 2^n seconds, at most ``longest``."""

    retries: int = 4
    backoff: float = 1.0
    longest: float = 60.0


@dataclass(slots=True)
class Caller:
    """Posts chat completions with the official client; remembers, for all threads, which fields are refused."""

    client: Any
    patience: Patience
    secret: str = field(default="", repr=False)
    sleep: Callable[[float], None] = time.sleep
    refused: dict[str, Any] = field(default_factory=dict)
    failures: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, request: dict[str, Any]) -> Reply:
        """The reply to a request.

        Raises:
            Failed: refused, or still no reply after the last retry.
        """
        why = ""
        tries = 0
        while True:
            fields = self._fields(request)
            try:
                reply = self._once(fields)
            except _Retry as retry:
                why = retry.why
                self.failures = self.failures + 1 if retry.lost else 0
                if tries >= self.patience.retries or self.failures >= _DOWN:
                    raise Failed(f"{why} ({tries + 1} tries)") from None
                self.sleep(self._wait(tries, retry.after))
                tries += 1
            except _Refused as refused:
                self.failures = 0
                if not self._give_up_field(fields, refused.why):
                    raise Failed(refused.why) from None
            else:
                self.failures = 0
                return reply

    def _once(self, fields: dict[str, Any]) -> Reply:
        import openai

        try:
            raw = self.client.chat.completions.with_raw_response.create(**_as_arguments(fields))
            return parse_reply(raw.http_response.text)
        except openai.APIStatusError as error:
            why = self._clean(f"HTTP {error.status_code}: {_message(error)}")
            if error.status_code in _AGAIN:
                raise _Retry(why, _retry_after(error.response.headers.get("retry-after"))) from None
            raise _Refused(why) from None
        except openai.APITimeoutError:
            raise _Retry("no answer in time", lost=True) from None
        except openai.APIConnectionError as error:
            cause = error.__cause__
            raise _Retry(self._clean(f"connection failed: {type(cause).__name__}: {cause}"), lost=True) from None
        except WrongReply as error:
            raise _Retry(self._clean(f"unusable reply: {error}")) from None
        except (openai.OpenAIError, UnicodeDecodeError) as error:
            raise _Retry(self._clean(f"unusable reply: {error}")) from None

    def _fields(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            refused = dict(self.refused)
        fields = {**request, **{k: v for k, v in refused.items() if k in request}}
        if "max_completion_tokens" in refused:
            fields["max_completion_tokens"] = fields.pop("max_tokens")
        if "system" in refused and len(fields["messages"]) == 2:
            text = "\n\n".join(m["content"] for m in fields["messages"])
            fields["messages"] = [{"role": "user", "content": text}]
        if fields.get("logprobs") is None:
            fields.pop("top_logprobs", None)
            fields.pop("logprob_token_ids", None)
        return {k: v for k, v in fields.items() if v is not None}

    def _give_up_field(self, fields: dict[str, Any], why: str) -> bool:
        """Note the optional field that a refusal names; True where the request is worth sending again without it."""
        with self._lock:
            if "max_completion_tokens" in why and "max_tokens" in fields:
                self.refused["max_completion_tokens"] = True
                return True
            if "system" in why.lower() and "role" in why.lower() and len(fields["messages"]) == 2:
                self.refused["system"] = True
                return True
            if "top_logprobs" in fields and re.search(r"\b(top_)?logprobs\b", why):
                fewer = _FEWER.get(fields["top_logprobs"])
                self.refused["top_logprobs"] = fewer
                if fewer is None:
                    self.refused["logprobs"] = None
                return True
            for name in _OPTIONAL:
                if name in fields and re.search(rf"\b{name}\b", why):
                    self.refused[name] = None
                    return True
        return False

    def _wait(self, tries: int, after: float | None) -> float:
        if after is not None:
            return min(after, self.patience.longest)
        wait = self.patience.backoff * 2.0**tries
        return float(min(wait * random.uniform(0.8, 1.2), self.patience.longest))  # not all threads at one instant

    def _clean(self, text: str) -> str:
        return (text.replace(self.secret, "***") if self.secret else text)[:300]


class _Retry(Exception):
    def __init__(self, why: str, after: float | None = None, *, lost: bool = False) -> None:
        super().__init__(why)
        self.why, self.after, self.lost = why, after, lost


class _Refused(Exception):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _as_arguments(fields: dict[str, Any]) -> dict[str, Any]:
    """The client's own arguments, and what it does not know as ``extra_body``."""
    extra = {k: fields[k] for k in ("chat_template_kwargs", "logprob_token_ids") if k in fields}
    known = {k: v for k, v in fields.items() if k not in extra}
    return {**known, "extra_body": extra} if extra else known


def _message(error: Any) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        return str(inner.get("message", inner) if isinstance(inner, dict) else inner)
    return str(body or error.response.text or "").strip()[:200]


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header: a number, or an HTTP date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass  # then it is a date
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
