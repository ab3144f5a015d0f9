"""Does a model's raw result agree with itself? Every contradiction in words, so that none means nothing miscounted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gpu.work import JSON_TOKENS, REASON_TOKENS

_STARTS = ("bulk_cold", "bulk_warm", "daily_cold", "daily_warm")


def contradictions(raw: Mapping[str, Any], shares: Sequence[float], row: Mapping[str, Any]) -> list[str]:
    """``raw``: what ``benchmarks.gpu.loop`` wrote; ``row``: the figures that ``report.model_row`` made of it."""
    if "requests" not in raw:
        return ["nothing was measured"]
    tables, said = raw["requests"], _shares(raw, shares)
    expected = {name: (papers, *_sums(tables, parts, papers)) for name, papers, parts in _asked_of(raw, shares)}
    for turn, found in enumerate(raw["rounds"], 1):
        for name, run in found.items():
            where = f"{name} in round {turn}"
            if "error" in run:
                said.append(f"{where}: {run['error']}")
                continue
            papers, made, prompt = expected[name]
            said += _differ(where, run, {"papers": papers, "generated": made, "counted": made})
            if prompt is not None:  # a prompt that was preempted is looked up again: never less, rarely more
                said += [f"{where}: {run['asked']} tokens looked up of {prompt}"] if run["asked"] < prompt else []
            if not 0 <= run["found"] <= run["asked"]:
                said.append(f"{where}: {run['found']} tokens found of {run['asked']}")
            if "prompt" in run:  # our own loop's count of what the engine said of each prompt
                said += _differ(where, run, {"prompt": prompt, "cached": run["found"]})
    on_card = raw.get("engine", {}).get("device") != "cpu"  # a CPU's rates change with what else runs on it
    for name, figures in row.get("contenders", {}).items():
        if on_card and figures.get("percent_of_ceiling", 0.0) > 100.0:
            said.append(f"{name}: {figures['percent_of_ceiling']}% of what the formula calls the ceiling")
    said += [f"{name} was never measured" for name in expected if not any(name in r for r in raw["rounds"])]
    return [*said, *_starts(raw)]


def _asked_of(raw: Mapping[str, Any], shares: Sequence[float]) -> list[tuple[str, int, tuple[str, ...]]]:
    """(contender, papers, the tables of its requests)."""
    papers = int(raw["papers"])
    two = [(way, s) for way in ("ours", "bare", "own_bench") for s in (shares if way == "ours" else shares[:1])]
    return [
        *((f"{way}_{share:g}", papers, ("label", f"reason_{share:g}")) for way, share in two),
        ("one_generate", papers, ("json",)),
        (f"barriers_of_{raw['barrier']}", int(raw["papers_barrier"]), ("json",)),
    ]


def _sums(tables: Mapping[str, Any], parts: Sequence[str], papers: int) -> tuple[int, int | None]:
    """(tokens to make, tokens of prompts); of prompts none where only some papers of a table are asked."""
    rows = [row for part in parts for row in tables[part]]
    if parts == ("json",) and papers != sum(row[3] for row in rows):
        return papers * JSON_TOKENS, None
    return sum(row[2] * row[3] for row in rows), sum((row[0] + row[1]) * row[3] for row in rows)


def _differ(where: str, run: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return [f"{where}: {name} is {run[name]}, not {value}" for name, value in expected.items() if run[name] != value]


def _shares(raw: Mapping[str, Any], shares: Sequence[float]) -> list[str]:
    said = []
    for share in shares:
        texts = sum(row[3] for row in raw["requests"][f"reason_{share:g}"])
        if not share - 1 / raw["papers"] < texts / raw["papers"] <= share + 1e-9:
            said.append(f"{texts} reasons for {raw['papers']} papers are not {share:.0%}")
    return said


def _starts(raw: Mapping[str, Any]) -> list[str]:
    if "starts" not in raw:
        return []
    left = " ".join(raw.get("left_out", ()))
    said = [f"start {n}: none" for n in _STARTS if not raw["starts"].get(f"{n}_s") and f"start {n}:" not in left]
    digest = raw.get("papers_300")
    if digest and digest["generated"] != digest["papers"] + digest["texts"] * REASON_TOKENS:
        said.append(f"time to digest: {digest['generated']} tokens for {digest['papers']} papers")
    return said
