"""How long is a day: cold process and empty store to finished digest, then the warm re-run, by stage, with peak memory.

    python -m benchmarks.day [FILE...] [--rounds 3] [--json benchmarks/results/day.json]

Without files: the judged days 2026-01-14 (313 papers) and 2025-11-18 (665), where ../shared is there; else the sample.
The peer is the same run with the plain ``sentence-transformers`` backend. Contestants alternate.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from ranker import resources

_DAYS = ("2026-01-14", "2025-11-18")
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "judged"


def once(day: Path, folder: Path, config: Path) -> dict[str, Any]:
    """One run in a process of its own: wall and CPU seconds, peak RSS in MiB, seconds per stage."""
    command = [sys.executable, "-m", "ranker", "rank", str(day), "--out", str(folder / "out"), "--quiet"]
    command += ["--store", str(folder / "s.db"), "--config", str(config), "--no-history"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, errors = process.communicate()
    wall = time.perf_counter() - started
    if process.returncode not in (0, 6):
        raise SystemExit(errors.decode())
    report = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    return {"wall_s": wall, "papers": report["counts"]["read"], "stages": _stages(report)}


def _stages(report: dict[str, Any]) -> dict[str, float]:
    return {s["name"]: s["seconds"] for s in report["stages"]}


def peak_mib(day: Path, config: Path) -> float:
    """Peak RSS of a cold run, in a child of a child: the kernel keeps one peak for all children."""
    code = (
        "import resource,subprocess,sys; subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,"
        "stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "ranker", "rank", str(day), "--out", f"{name}/out", "--store", f"{name}/s.db"]
        command += ["--config", str(config), "--quiet"]
        done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def measure(day: Path, rounds: int, peer_rounds: int, encoder: str) -> dict[str, Any]:
    """Cold and warm runs of our default and of the peer, alternating; the peer, which is slow, in the first rounds."""
    results: dict[str, Any] = {"day": day.name}
    with tempfile.TemporaryDirectory() as name:
        configs = {}
        for label, backend in (("default", encoder), ("sentence-transformers", "sentence-transformers")):
            if label != "default" and not peer_rounds:
                continue
            configs[label] = Path(name) / f"{label}.toml"
            configs[label].write_text(f'[encoder]\nbackend = "{backend}"\n', encoding="utf-8")
        cold: dict[str, list[dict[str, Any]]] = {label: [] for label in configs}
        warm: dict[str, list[dict[str, Any]]] = {label: [] for label in configs}
        for number in range(rounds):
            for label, config in configs.items():
                if label != "default" and number >= peer_rounds:
                    continue
                folder = Path(name) / f"{label}-{number}"
                folder.mkdir()
                cold[label].append(once(day, folder, config))
                warm[label].append(once(day, folder, config))
        for label in configs:
            results["papers"] = cold[label][0]["papers"]
            results[label] = {
                "cold_s": spread([r["wall_s"] for r in cold[label]]),
                "warm_s": spread([r["wall_s"] for r in warm[label]]),
                "cold_stages_s": _medians([r["stages"] for r in cold[label]]),
                "warm_stages_s": _medians([r["stages"] for r in warm[label]]),
            }
        results["default"]["peak_rss_mib"] = peak_mib(day, configs["default"])
    return results


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median([r[name] for r in runs]) for name in runs[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-rounds", type=int, default=1, help="rounds that the plain backend takes part in")
    parser.add_argument("--encoder", default="auto", help="backend of the default contestant")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    real = [_SHARED / f"{d}.jsonl.gz" for d in _DAYS]
    files = chosen.files or ([f for f in real if f.is_file()] or [resources.sample_day()])
    os.environ.pop("RANKER_NOW", None)
    result = {
        "machine": machine(),
        "rounds": chosen.rounds,
        "days": [measure(f, chosen.rounds, chosen.peer_rounds, chosen.encoder) for f in files],
    }
    for day in result["days"]:
        print(f"{day['day']}: {day['papers']} papers")
        for label, r in day.items():
            if not isinstance(r, dict):
                continue
            stages = ", ".join(f"{k} {v:.2f}" for k, v in r["cold_stages_s"].items())
            print(f"  {label:>22}: cold {r['cold_s']['median']:.2f} s, warm {r['warm_s']['median']:.2f} s; {stages}")
        print(f"  peak RSS {day['default']['peak_rss_mib']:.0f} MiB")
    text = json.dumps(result, ensure_ascii=False, indent=1) + "\n"
    if chosen.json:
        chosen.json.write_text(text, encoding="utf-8")
    else:
        print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
