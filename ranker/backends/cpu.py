"""What this machine's CPU can do, read without any library."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@lru_cache(maxsize=1)
def _facts() -> tuple[str, frozenset[str]]:
    name, flags = platform.processor() or platform.machine(), frozenset[str]()
    if not _CPUINFO.is_file():
        return name, flags
    for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() in ("flags", "Features"):
            return name, frozenset(value.split())
    return name, flags


def cpu_name() -> str:
    """The CPU's model name, as the system gives it."""
    return _facts()[0]


def has_bfloat16() -> bool:
    """Whether bfloat16 products are done in hardware (avx512_bf16, AMX, Arm bf16); False where that can't be told."""
    return bool(_facts()[1] & {"avx512_bf16", "amx_bf16", "bf16"})


def has_int8() -> bool:
    """Whether int8 dot products are done in hardware (VNNI, AMX, Arm dot products)."""
    return bool(_facts()[1] & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})
