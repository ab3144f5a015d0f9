"""What a result was measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from ranker.backends.cpu import cpu_name, has_bfloat16, has_int8
from ranker.backends.lanes import cores

_PACKAGES = ("torch", "openvino", "sentence-transformers", "transformers", "faiss-cpu", "numpy", "vllm", "ray")


def machine() -> dict[str, Any]:
    """CPU, cores, memory (GiB), load average of the last minute (of other work, if any), versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "cpu": cpu_name(),
        "cores": cores(),
        "bfloat16": has_bfloat16(),
        "int8": has_int8(),
        "memory_gib": round(memory, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": versions,
    }
