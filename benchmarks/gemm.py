"""The GEMM rate of this CPU at each precision: the ceiling that the encoder is measured against."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ranker.backends.cpu import has_bfloat16, has_int8
from ranker.backends.lanes import cores

# (rows, out, in): two big ones, and MiniLM's own at 16 papers of 256 tokens.
_SHAPES = ((2048, 2048, 2048), (4096, 4096, 4096), (4096, 1536, 384), (4096, 384, 1536))
_SECONDS = 0.4


def gemm_rates() -> dict[str, float]:
    """GFLOP/s (int8: GOP/s) at float32, bfloat16 and int8: the best shape, threads in one product or one product each.

    Both ways are tried, so that the rate is not lowered by whichever suits this machine less.
    """
    import torch

    found = {"float32": gemm_rate(torch.float32)}
    found["bfloat16"] = gemm_rate(torch.bfloat16) if has_bfloat16() else found["float32"]
    if has_int8():
        found["int8"] = gemm_rate(torch.int8)
    return found


def gemm_rate(dtype: object) -> float:
    """At one torch dtype; leaves torch with a thread a core."""
    import torch

    count = cores()
    best = 0.0
    for shape in _SHAPES:
        best = max(best, _rate(shape, dtype, count))
        with ThreadPoolExecutor(count) as pool:
            best = max(best, sum(pool.map(lambda _, s=shape: _rate(s, dtype, 1), range(count))))
    torch.set_num_threads(count)
    return best


def _rate(shape: tuple[int, int, int], dtype: object, threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    rows, out, inner = shape
    product: Callable[[], object]
    with torch.inference_mode():
        if dtype is torch.int8:
            a = torch.randint(-127, 127, (rows, inner), dtype=torch.int8)
            b = torch.randint(-127, 127, (out, inner), dtype=torch.int8).t()
            product = lambda: torch._int_mm(a, b)  # noqa: E731
        else:
            x, w = torch.randn(rows, inner).to(dtype), torch.randn(out, inner).to(dtype)  # type: ignore[call-overload]
            packed = torch.ops.mkldnn._reorder_linear_weight(w, rows)
            product = lambda: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")  # noqa: E731
        product()
        done, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < _SECONDS:
            product()
            done += 1
    return 2.0 * rows * out * inner * done / spent / 1e9
