"""What an OpenAI-compatible server answered, checked field by field: servers differ, and some send wrong shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ranker.types import Usage

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)


class WrongReply(ValueError):
    """A reply with status 200 that is no chat completion."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One completion. ``first``: token text -> log-probability at the first generated token; None where none came."""

    text: str
    finish: str
    usage: Usage
    first: Mapping[str, float] | None


def parse_reply(body: str) -> Reply:
    """Read a chat completion.

    Raises:
        WrongReply: not JSON (an HTML page, a cut-off body), or without a choice.
    """
    try:
        row = json.loads(body)
    except ValueError as error:
        raise WrongReply(f"not JSON: {body[:80]!r}") from error
    choices = row.get("choices") if isinstance(row, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise WrongReply(f"no choice in the reply: {body[:80]!r}")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise WrongReply(f"the message is no text: {body[:80]!r}")
    return Reply(content or "", str(choice.get("finish_reason") or ""), _usage(row.get("usage")), _first(choice))


def _usage(row: Any) -> Usage:
    if not isinstance(row, dict):
        return Usage()
    details = row.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(_count(row.get("prompt_tokens")), _count(cached), _count(row.get("completion_tokens")))


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _first(choice: dict[str, Any]) -> dict[str, float] | None:
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    entry = content[0] if isinstance(content, list) and content else None
    top = entry.get("top_logprobs") if isinstance(entry, dict) else None
    if not isinstance(top, list) or not top:
        return None
    found: dict[str, float] = {}
    for row in [entry, *top]:
        token, value = (row.get("token"), row.get("logprob")) if isinstance(row, dict) else (None, None)
        if isinstance(token, str) and isinstance(value, (int, float)) and value == value and value <= 1e-3:
            found[token] = max(float(value), found.get(token, float("-inf")))
    return found or None


def label_in(text: str, labels: Sequence[str]) -> str | None:
    """The label that a written answer gives: the first number or word that is one; None where there is none."""
    text = _THOUGHT.sub("", text).strip()
    if text in labels:
        return text
    if all(label.isdigit() for label in labels):
        number = re.search(r"\d+(?:\.\d+)?", text)
        return number.group() if number and number.group() in labels else None
    return next((word for word in re.findall(r"\w+", text) if word in labels), None)


def cut_at(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text up to the first stop, and whether there was one (some servers ignore ``stop``)."""
    places = [at for stop in stops if (at := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def estimate_tokens(text: str) -> int:
    """Tokens of a text where the server can't count: one a Han character, one per 3 other characters (rather too many
    than too few: English is near 4.5, formulas near 2.5)."""
    wide = sum(1 for c in text if c >= "\u2e80")
    return wide + -(-(len(text) - wide) // 3)
