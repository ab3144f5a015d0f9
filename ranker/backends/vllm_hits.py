"""What vLLM's prefix cache found, read from the engine's own metrics."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from ranker.backends.vllm_process import EngineDied, EngineProcess

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hits:
    """The engine's prefix cache since its start: tokens found, tokens looked for, and its block size in tokens."""

    found: int
    asked: int
    block_size: int

    @property
    def rate(self) -> float:
        return self.found / self.asked if self.asked else 0.0

    def describe(self, language: str) -> tuple[str, ...]:
        """One line for the report; none where nothing was asked."""
        if not self.asked:
            return ()
        if language == "en":
            return (f"vLLM prefix cache: {self.rate:.1%} of {self.asked} tokens found, blocks of {self.block_size}",)
        return (f"vLLM 前缀缓存：{self.asked} 个 token 命中 {self.rate:.1%}，块大小 {self.block_size}",)


def restarted(times: int, language: str) -> tuple[str, ...]:
    """A line for the report where the engine had to be started anew."""
    if not times:
        return ()
    return (
        (f"the vLLM engine died and was started anew, {times} times",)
        if language == "en"
        else (f"vLLM 引擎中途退出并重新启动 {times} 次",)
    )


def ask(engine: EngineProcess | None) -> Hits:
    """Zeros where no engine runs to be asked, or it dies first."""
    if engine is None or not engine.facts:
        return Hits(0, 0, 0)
    row: Any = (0, 0)
    try:
        engine.send(("hits",))
        while message := engine.receive(60.0):
            if message[0] == "hits":
                row = message[1]
                break
    except EngineDied:
        _LOG.warning("the engine died before it told how much its cache found")
    return Hits(int(row[0]), int(row[1]), int(engine.facts["block_size"]))
