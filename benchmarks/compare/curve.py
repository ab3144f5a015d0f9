"""Learning curves: AP on the test days after 1, 3, ... judged days, over random draws of days."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.compare.contestants import Contestant
from benchmarks.compare.figures import Truth, per_day
from benchmarks.compare.judged import Split
from benchmarks.compare.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray


def learning_curve(
    make: Callable[[], Contestant],
    parts: Split,
    fit_vectors: NDArray[np.float32],
    test_vectors: NDArray[np.float32],
    spec: Spec,
    tell: Callable[[str, int, int], None],
) -> list[dict[str, Any]]:
    """For each number of days of ``spec.curve``: mean AP a day over the draws, the lowest and the highest draw.

    The draws depend on the seed and the number of days alone, so all contestants see the same days.
    """
    days = parts.fit_days
    truth = Truth.of(parts.test, sorted({p.field for p in (*parts.fit, *parts.test) if p.field}))
    test = [p.paper for p in parts.test]
    result = []
    sizes = [n for n in spec.curve if n < len(days)]
    for step, size in enumerate(sizes):
        rng = np.random.default_rng([spec.seed, size])
        found = []
        for draw in range(spec.draws):
            tell(f"curve {size}d", step * spec.draws + draw, len(sizes) * spec.draws)
            chosen = {days[i] for i in rng.choice(len(days), size, replace=False)}
            rows = [i for i, p in enumerate(parts.fit) if p.day in chosen]
            contestant = make()
            contestant.fit([parts.fit[i] for i in rows], fit_vectors[rows])
            found.append(float(np.nanmean(per_day(truth, contestant.score(test, test_vectors))["ap"])))
        result.append({"days": size, "draws": len(found), "ap": round(float(np.mean(found)), 5),
                       "low": round(min(found), 5), "high": round(max(found), 5)})  # fmt: skip
    return result
