"""Loopback servers and clients whose clock is moved by sleeping only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ranker.sources.polite import PoliteClient
from ranker.sources.settings import FetchSettings

from .loopback import Clock, Reply, Server, serving

Play = Callable[..., Server]
Ask = Callable[..., PoliteClient]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def play(clock: Clock) -> Iterator[Play]:
    with ExitStack() as stack:

        def start(*replies: Reply, by: Callable[[str, dict[str, str]], Reply] | None = None) -> Server:
            return stack.enter_context(serving(Server(by or list(replies), clock)))

        yield start


@pytest.fixture
def ask(clock: Clock, tmp_path: Path) -> Iterator[Ask]:
    with ExitStack() as stack:

        def client(server: Server, state: str = "arxiv.json", **changes: Any) -> PoliteClient:
            settings = FetchSettings(feed_url=server.url, api_url=server.url + "/api/query", **changes)
            return stack.enter_context(
                PoliteClient(settings, state_file=tmp_path / "state" / state, clock=clock, sleep=clock.sleep)
            )

        yield client
