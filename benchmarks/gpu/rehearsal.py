"""``--rehearse``: the GPU benchmarks without a card, so that a card's minutes are not lost to a slip of the script.

Small random shapes, few papers, one round, the engine's CPU build (a card, where there is one); the way through the
scripts is the same. A result says that it is a rehearsal and is kept out of benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.gpu.work import ROOT

RESULTS = ROOT / "benchmarks" / "results"
OUT = ROOT / "out" / "rehearsal"
SAID = "a rehearsal: a small random shape and few papers, to try the script; no figure says anything about a card"
SETTINGS: dict[str, Any] = {
    "enforce_eager": True,
    "max_model_len": 2048,
    "max_num_seqs": 16,
    "engine": {"kv_cache_memory_bytes": 1 << 30},
    "env": {"VLLM_CPU_KVCACHE_SPACE": "1"},
}
"""For 1 GiB of KV cache and nothing compiled."""


def refusal(out: Path) -> str:
    """Why a rehearsal may not write there; empty where it may."""
    if out.resolve().is_relative_to(RESULTS.resolve()):
        return f"--out {out}: benchmarks/results is for measurements; a rehearsal goes elsewhere (default {OUT})"
    if out.is_file() and "rehearsal" not in json.loads(out.read_text(encoding="utf-8")):
        return f"--out {out}: a measurement is there, which a rehearsal would replace"
    return ""


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rehearse", action="store_true", help="without a card: small shapes, few papers, checks")


def parse(parser: argparse.ArgumentParser, arguments: Any, **defaults: Any) -> argparse.Namespace:
    """The arguments; with --rehearse what was not said is taken from ``defaults``, and --out is looked at."""
    add_option(parser)
    if parser.parse_known_args(arguments)[0].rehearse:
        parser.set_defaults(**defaults)
    asked = parser.parse_args(arguments)
    if asked.rehearse and asked.out is not None and (why := refusal(asked.out)):
        parser.error(why)
    return asked


def toml_table(name: str, settings: dict[str, Any]) -> str:
    """Settings as a table of a configuration file: numbers, truth values and strings, one level of tables."""
    plain = {k: v for k, v in settings.items() if not isinstance(v, dict)}
    lines = [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in plain.items())]
    inner = [toml_table(f"{name}.{key}", value) for key, value in settings.items() if isinstance(value, dict)]
    return "\n".join([*lines, "", *inner])
