"""Has anything become slower or worse? A short form of the benchmarks against the last committed results.

    python -m benchmarks.short [--only NAME ...] [--tolerance 0.3]      (make bench)

Times depend on the machine and on its company, so only ratios are compared: ours over its peer in the same run, and
qualities such as recall. A ratio under (1 - tolerance) of the committed one is a regression: exit 1. What has no
committed result is shown and can't fail. A few minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
JUDGED = ROOT.parent / "shared" / "data" / "judged"
Ratios = Mapping[str, float]
"""Name -> a ratio or quality, more is better."""


@dataclass(frozen=True, slots=True)
class Check:
    """A benchmark in its short form; ``{out}`` in ``arguments`` is a file that it may write to, unread here.

    ``needs``: where that isn't there the check is left out, and that is said.
    """

    name: str
    arguments: tuple[str, ...]
    ratios: Callable[[Any], Ratios]
    needs: Path | None = None


def encoder(row: Any) -> Ratios:
    """Papers per second over ``encode()``, by way."""
    return {r["name"]: r["times_encode"] for r in row["rows"] if r["times_encode"] != 1}


def history(row: Any) -> Ratios:
    """Recall at 10, and an exact scan's time over a query's."""
    row = row.get("30000", row)
    return {"recall_at_10": row["recall_at_10"], "scan/query": row["exact_scan_ms"] / row["query_ms"]["median"]}


def llm_loop(row: Any) -> Ratios:
    """Papers per second over plainer loops, and pass 1 over bare forwards."""
    rates = {name: value["median"] for name, value in row["papers_per_second"].items()}
    return {
        **{f"ours/{peer}": rates["ours"] / rates[peer] for peer in ("json", "one_generate", "no_reuse")},
        "labels/alone": rates["labels"] / rates["alone"],
        "labels/bare": rates["labels"] / rates["bare"],
    }


def day(row: Any) -> Ratios:
    """Plain sentence-transformers' wall time over ours, for the bundled day, cold."""
    found = next(d for d in row["days"] if d["day"].startswith("sample_day"))
    return {"plain/ours": found["sentence-transformers"]["cold_s"]["median"] / found["default"]["cold_s"]["median"]}


def scale(row: Any) -> Ratios:
    """Of the smallest size: lines accounted for, papers kept of those wanted, embedding's time over ranking's."""
    size = min(row["sizes"], key=int)
    found = row["sizes"][size]
    counts = dict(found["rank"]["counts"])
    read = counts.pop("read")
    return {
        "accounted": sum(counts.values()) / read,
        "kept/wanted": found["prefilter"]["kept"] / (row["prefilter_share"] * int(size)),
        f"embed/rank at {size}": int(size) / row["encoder_papers_per_second"] / found["rank"]["seconds"],
    }


def prefilter(row: Any) -> Ratios:
    """Recall of the picks at a share of 0.4, and that over the real encoder's."""
    at = row["shares"].index(0.4)
    static, encoder = (row["recall"][f"{name}, a day"][at] for name in ("static", "encoder"))
    return {"recall at 0.4": static, "static/encoder": static / encoder}


def incremental(row: Any) -> Ratios:
    """The new papers alone over the new ones among many known."""
    return {"alone/among known": row["seconds"]["new alone"]["sum"] / row["seconds"]["known and new"]["sum"]}


CHECKS = (
    Check("encoder", ("--texts", "128", "--rounds", "2"), encoder),
    Check("history", ("--papers", "30000", "--queries", "50"), history),
    Check(
        "llm_loop",
        ("--together", "2", "--slow", "1", "--repeats", "1", "--agreement", "0", "--out", "{out}"),
        llm_loop,
    ),
    Check("day", ("ranker/data/sample_day.jsonl", "--rounds", "1"), day),
    Check("scale", ("--papers", "2000"), scale),
    Check("prefilter", ("--days", "2"), prefilter, needs=JUDGED),
    Check("incremental", ("--papers", "3000", "--new", "200", "--rounds", "1"), incremental),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[c.name for c in CHECKS], default=[c.name for c in CHECKS])
    parser.add_argument("--tolerance", type=float, default=0.3, help="share by which a ratio may fall")
    options = parser.parse_args(arguments)
    worse = compared = 0
    for check in CHECKS:
        if check.name not in options.only:
            continue
        if check.needs and not check.needs.exists():
            print(f"{check.name:11} left out: {check.needs.name} is not there")
        else:
            now, then = run(check), committed(check)
            worse += compare(check, now, then, options.tolerance)
            compared += len(now.keys() & then.keys())
    print(f"{worse} of {compared} worse" if compared else "nothing is committed to compare with")
    return 1 if worse else 0


def run(check: Check) -> Ratios:
    """The benchmark in a process of its own; its last line of standard output is its result."""
    print(f"{check.name} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        given = [a.replace("{out}", f"{folder}/out.json") for a in check.arguments]
        command = [sys.executable, "-m", f"benchmarks.{check.name}", *given]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.{check.name} ended with {done.returncode}")
    return check.ratios(json.loads(done.stdout.splitlines()[-1]))


def committed(check: Check) -> Ratios:
    """What the last committed result says, empty where there is none."""
    path = RESULTS / f"{check.name}.json"
    try:
        return check.ratios(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, KeyError, StopIteration):
        return {}


def compare(check: Check, now: Ratios, then: Ratios, tolerance: float) -> int:
    """Print a line for each ratio; how many fell by more than ``tolerance``."""
    worse = 0
    for name, value in now.items():
        before = then.get(name)
        fell = before is not None and value < (1.0 - tolerance) * before
        worse += fell
        shown = "nothing committed" if before is None else f"committed {before:.3f}{'  WORSE' if fell else ''}"
        print(f"{check.name:11} {name:32} {value:8.3f}  {shown}", flush=True)
    return worse


if __name__ == "__main__":
    sys.exit(main())
