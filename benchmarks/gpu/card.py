"""What a card is, what it can do at most right now, and how much of its memory was taken.

python -m benchmarks.gpu.card     prints one JSON line; a process of its own, so that it frees all it took

"any" as its argument takes the CPU where there is no card (a rehearsal).
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

from benchmarks.gpu.shapes import Rates

_SIDE = 8192
_COPIED = 1 << 30  # bytes: many times any L2 cache, and little beside an engine that holds 94% of the card
_SECONDS = 1.0
_CPU_SIDE, _CPU_COPIED = 1024, 1 << 28


def measure(device: str = "cuda", side: int = _SIDE, copied: int = _COPIED, seconds: float = _SECONDS) -> Rates:
    """C: a product of two square bfloat16 matrices of random numbers (zeros run faster, since they draw less power).

    BW: a copy, its bytes read and written both counted. Each the mean over about a second, after a warm-up.
    """
    import torch

    a = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    b = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    out = torch.empty_like(a)
    flops = 2.0 * side**3 * _per_second(lambda: torch.mm(a, b, out=out), device, seconds)
    source = torch.ones(copied // 4, device=device, dtype=torch.float32)
    target = torch.empty_like(source)
    bandwidth = 2.0 * copied * _per_second(lambda: target.copy_(source), device, seconds)
    return Rates(flops, bandwidth)


def _per_second(what: Any, device: str, seconds: float) -> float:
    import torch

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        what()
    wait()
    done, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds or not done:
        for _ in range(10):
            what()
        wait()
        done += 10
    return done / spent


def measured(*, any_device: bool = False) -> tuple[Rates, dict[str, Any]]:
    """The rates and the card's names, measured in a process that is gone when this returns.

    ``any_device``: on a machine without a card, of its CPU.
    """
    command = [sys.executable, "-m", "benchmarks.gpu.card", *(["any"] if any_device else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the card can't be measured: {done.stderr.strip()[-500:]}")
    row = json.loads(done.stdout.strip().splitlines()[-1])
    return Rates(row["flops"], row["bandwidth"]), row["card"]


def describe(device: str = "cuda") -> dict[str, Any]:
    """Name, memory and driver; on a CPU a name that says that there is no card, and no more."""
    import torch

    if device == "cpu":
        return {"name": "none: on the CPU", "memory_gib": None, "driver": None}
    properties = torch.cuda.get_device_properties(0)
    return {
        "name": properties.name,
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "multiprocessors": properties.multi_processor_count,
        "driver": _ask("driver_version"),
        "cuda": torch.version.cuda,
    }


def _ask(what: str) -> str:
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().splitlines()[0].strip() if done.stdout.strip() else ""


class MemoryPeak:
    """The most memory of the card in use, GiB, asked for twice a second while entered; None where nobody knows."""

    def __init__(self) -> None:
        self.gib: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gpu-memory", daemon=True)

    def __enter__(self) -> MemoryPeak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            used = _ask("memory.used")
            if used.isdigit():
                self.gib = max(self.gib or 0.0, round(int(used) / 1024, 2))
            if self._over.wait(0.5):
                return


def main() -> None:
    import torch

    if sys.argv[1:] == ["any"] and not torch.cuda.is_available():
        rates, names = measure("cpu", _CPU_SIDE, _CPU_COPIED), describe("cpu")
    else:
        rates, names = measure(), describe()
    print(json.dumps({"flops": rates.flops, "bandwidth": rates.bandwidth, "card": names}))


if __name__ == "__main__":
    main()
