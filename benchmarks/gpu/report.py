"""From the raw rounds of a model to figures: papers/s, hit rate, share of the ceiling, ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu.shapes import Rates, Request, Shape, ceiling


@dataclass(frozen=True, slots=True)
class Model:
    """``raw``: what ``benchmarks.gpu.loop`` wrote; ``rates``: measured just before it."""

    shape: Shape
    rates: Rates
    raw: dict[str, Any]
    shares: tuple[float, ...]


def model_row(model: Model) -> dict[str, Any]:
    raw = model.raw
    rounds: list[dict[str, Any]] = raw.get("rounds", [])
    row = {k: v for k, v in raw.items() if k not in ("rounds", "requests", "model")}
    row["card_rates"] = {
        "tflops": round(model.rates.flops / 1e12, 1),
        "tb_per_s": round(model.rates.bandwidth / 1e12, 3),
    }
    if "requests" not in raw:
        return row
    limits = ceilings(model)
    row["ceilings"] = {name: round(value, 1) for name, value in limits.items()}
    row["tokens"] = {name: _means(table) for name, table in raw["requests"].items()}
    row["contenders"] = {}
    for name in dict.fromkeys(n for r in rounds for n in r):
        runs = [r[name] for r in rounds if name in r and "error" not in r[name]]
        errors = [r[name]["error"] for r in rounds if name in r and "error" in r[name]]
        row["contenders"][name] = _contender(runs, limits[_limit(name)]) if runs else {}
        if errors:
            row["contenders"][name]["error"] = errors[0]
    first = f"{model.shares[0]:g}"
    row["ratios"] = {
        "ours_over_one_generate": _ratio(rounds, f"ours_{first}", "one_generate"),
        "ours_over_barriers": _ratio(rounds, f"ours_{first}", f"barriers_of_{raw.get('barrier', 64)}"),
        "ours_over_own_bench": _ratio(rounds, f"ours_{first}", f"own_bench_{first}"),
        "ours_over_bare": _ratio(rounds, f"ours_{first}", f"bare_{first}"),
        **{
            f"ours_{share:g}_over_one_generate": _ratio(rounds, f"ours_{share:g}", "one_generate")
            for share in model.shares[1:]
        },
    }
    return row


def ceilings(model: Model) -> dict[str, float]:
    """Papers/s: ``one_pass``, and ``two_passes_R`` for each share R."""
    raw = model.raw
    rows = int(raw.get("engine", {}).get("max_num_seqs") or 256)
    labels, whole = expand(raw["requests"]["label"]), expand(raw["requests"]["json"])
    found = {"one_pass": ceiling(model.shape, model.rates, len(whole), whole, rows)}
    for share in model.shares:
        texts = expand(raw["requests"][f"reason_{share:g}"])
        found[f"two_passes_{share:g}"] = ceiling(model.shape, model.rates, len(labels), [*labels, *texts], rows)
    return found


def expand(table: Sequence[Sequence[int]]) -> list[Request]:
    """Requests of a table of (prefix, suffix, output, how often)."""
    return [Request(p, s, o) for p, s, o, times in table for _ in range(times)]


def _means(table: Sequence[Sequence[int]]) -> dict[str, float]:
    count = sum(row[3] for row in table)
    return {
        "requests": count,
        "prefix": round(sum(r[0] * r[3] for r in table) / count, 1),
        "suffix": round(sum(r[1] * r[3] for r in table) / count, 1),
        "output": table[0][2],
    }


def _limit(name: str) -> str:
    """Which ceiling a contender is held against."""
    return "one_pass" if name.startswith(("one_generate", "barriers_of_")) else f"two_passes_{name.rpartition('_')[2]}"


def _contender(runs: Sequence[dict[str, Any]], limit: float) -> dict[str, Any]:
    rates = [run["papers"] / run["seconds"] for run in runs]
    asked = sum(run["asked"] for run in runs)
    return {
        "papers_per_second": _spread(rates),
        "percent_of_ceiling": round(100 * statistics.median(rates) / limit, 1),
        "prefix_hit_rate": round(sum(run["found"] for run in runs) / asked, 4) if asked else None,
        "tokens_made_per_second": round(statistics.median(r["generated"] / r["seconds"] for r in runs), 1),
        "runs": len(runs),
    }


def _ratio(rounds: Sequence[dict[str, Any]], ours: str, theirs: str) -> dict[str, float] | None:
    """Within each round, so that what slows the whole card slows both; None where no round has both."""
    found = [
        (r[ours]["papers"] / r[ours]["seconds"]) / (r[theirs]["papers"] / r[theirs]["seconds"])
        for r in rounds
        if ours in r and theirs in r and "error" not in r[theirs]
    ]
    return _spread(found) if found else None


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 3), "low": round(min(values), 3), "high": round(max(values), 3)}


def show(result: dict[str, Any]) -> None:
    """A table of all models so far."""
    if "rehearsal" in result:
        print(result["rehearsal"])
    print(f"{'':<34}{'papers/s':>9}{'low':>8}{'high':>8}{'% ceiling':>11}{'hits':>8}")
    for name, row in result["models"].items():
        for contender, figures in row.get("contenders", {}).items():
            if "papers_per_second" not in figures:
                print(f"{name:<15}{contender:<19}{figures.get('error', '')[:60]}")
                continue
            rate, hits = figures["papers_per_second"], figures["prefix_hit_rate"]
            print(
                f"{name:<15}{contender:<19}{rate['median']:>9.1f}{rate['low']:>8.1f}{rate['high']:>8.1f}"
                f"{figures['percent_of_ceiling']:>11.1f}{hits if hits is not None else float('nan'):>8.1%}"
            )
        for said in [*([row["error"]] if "error" in row else []), *row.get("contradictions", ())]:
            print(f"{name:<15}{said[:200]}")
