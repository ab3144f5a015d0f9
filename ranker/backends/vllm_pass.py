"""One call of ``read_labels`` or ``write`` on its way through the engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ranker.backends.chat import Encoded


@dataclass(slots=True)
class Job:
    """A prompt on its way. ``deaths``: engines that died while they had it."""

    encoded: Encoded
    deaths: int = 0


@dataclass(slots=True)
class Pass:
    """One call of ``read_labels`` or ``write``: what is waiting, what the engine has, and how to read its answers."""

    options: dict[str, Any]
    answer: Callable[[Encoded, dict[str, Any]], Any]
    waiting: deque[Job] = field(default_factory=deque)
    flying: dict[str, Job] = field(default_factory=dict)


def by_head(window: list[Encoded]) -> list[Encoded]:
    """Prompts of one head together, in the order in which the heads first came: a cached prefix is then used up."""
    order: dict[tuple[int, ...], int] = {}
    return sorted(window, key=lambda e: order.setdefault(e.head_ids, len(order)))
