"""What 500 new papers cost where 100,000 are known: import, embed and rank of the new day, against the 500 alone.

    python -m benchmarks.incremental [--papers 100000] [--new 500] [--rounds 3] [--write]

The peer is the same three commands on an empty store with the new papers only. The scan is measured by itself, as
import and embed with nothing new: two process starts included, but free of embedding's noise, of which the difference
of the sums is full. Papers are synthetic (benchmarks/synthetic.py), as are the known papers' vectors, so that nobody
waits for 100,000 embeddings; the new ones are embedded in earnest.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import synthetic
from benchmarks.machine import machine
from ranker.backends.encoders import choose_encoder
from ranker.config import EncoderSettings
from ranker.store import Store

RESULT = Path(__file__).parent / "results" / "incremental.json"
_DAY = "2026-02-10"
_LIMIT_S = 2.0


def run(store: Path, *arguments: object) -> float:
    """Wall seconds of one command in a process of its own, start included."""
    command = [sys.executable, "-m", "ranker", *map(str, arguments), "--store", str(store), "--quiet"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def all_of_it(store: Path, rows: Path, *, rank: bool = True) -> dict[str, float]:
    """Import, embed and, where there is a new day, rank it; seconds each."""
    spent = {"import": run(store, "import", rows), "embed": run(store, "embed")}
    if rank:
        spent["rank"] = run(store, "rank", "--day", _DAY, "--out", store.with_suffix(".out"))
    return {**spent, "sum": sum(spent.values())}


def write_rows(folder: Path, papers: int, new: int) -> dict[str, Path]:
    """``known``: a snapshot; ``new``: other papers of one day; ``both``: the one and then the other."""
    paths = {name: folder / f"{name}.jsonl" for name in ("known", "new", "both")}
    with paths["known"].open("w", encoding="utf-8") as known:
        known.writelines(f"{line}\n" for line in synthetic.snapshot(papers))
    with paths["new"].open("w", encoding="utf-8") as fresh:
        for number, line in enumerate(synthetic.snapshot(new, seed=1), 1):
            row = json.loads(line)
            kept = {key: row[key] for key in ("title", "abstract", "authors", "categories")}
            fresh.write(json.dumps({"id": f"2602.{90000 + number}", "published": _DAY, **kept}) + "\n")
    with paths["both"].open("wb") as both:
        for name in ("known", "new"):
            with paths[name].open("rb") as part:
                shutil.copyfileobj(part, both)
    return paths


def fill(store: Path, rows: Path) -> dict[str, float]:
    """A store that knows all rows, with vectors and an index; seconds of the import and of the index."""
    imported = run(store, "import", rows)
    info = choose_encoder(EncoderSettings()).info
    source = np.random.default_rng(0).standard_normal((500, info.dimension), dtype=np.float32)
    source /= np.linalg.norm(source, axis=1, keepdims=True)
    with Store(store) as opened:
        from ranker.text import text_hash

        hashes = sorted({text_hash(p.title, p.abstract) for p in opened.all_papers()})
        at = 0
        for block in synthetic.vectors(source, len(hashes)):
            opened.put_vectors(info.key, list(zip(hashes[at : at + len(block)], block, strict=True)))
            at += len(block)
    return {"first_import_s": imported, "index_s": run(store, "embed")}


def copied(store: Path, name: str) -> Path:
    """A copy of a store and its index, to be changed by one round."""
    copy = store.with_name(f"{name}.db")
    shutil.copy(store, copy)
    shutil.copytree(store.with_name(f"{store.stem}-index"), copy.with_name(f"{name}-index"))
    return copy


def drop(store: Path) -> None:
    for path in store.parent.glob(f"{store.stem}[.-]*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"keep the result in {RESULT.name}")
    asked = parser.parse_args()
    before = machine()
    rounds: dict[str, list[dict[str, float]]] = {"new alone": [], "known and new": [], "known alone": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_rows(folder, asked.papers, asked.new)
        full = folder / "full.db"
        first = fill(full, paths["known"])
        for _ in range(asked.rounds):
            store = folder / "alone.db"
            rounds["new alone"].append(all_of_it(store, paths["new"]))
            drop(store)
            store = copied(full, "again")
            rounds["known alone"].append(all_of_it(store, paths["known"], rank=False))
            rounds["known and new"].append(all_of_it(store, paths["both"]))
            drop(store)
    seconds = {n: {k: round(statistics.median(r[k] for r in all_), 2) for k in all_[0]} for n, all_ in rounds.items()}
    over = [b["sum"] - a["sum"] for a, b in zip(rounds["new alone"], rounds["known and new"], strict=True)]
    result: dict[str, Any] = {
        "question": "what new papers cost where many are known",
        "machine": before,
        "papers": asked.papers,
        "new": asked.new,
        "rounds": asked.rounds,
        **{k: round(v, 1) for k, v in first.items()},
        "seconds": seconds,
        "scan_s": {"median": seconds["known alone"]["sum"], "all": [round(r["sum"], 2) for r in rounds["known alone"]]},
        "over_new_alone_s": {"median": round(statistics.median(over), 2), "all": [round(o, 2) for o in over]},
        "limit_s": _LIMIT_S,
    }
    print(f"{'':>14} {'import':>8} {'embed':>8} {'rank':>8} {'sum':>8}")
    for label, spent in seconds.items():
        print(f"{label:>14} " + " ".join(f"{spent.get(k, 0.0):8.2f}" for k in ("import", "embed", "rank", "sum")))
    print(f"scan of {asked.papers:,} known papers: {result['scan_s']['median']} s (limit {_LIMIT_S} s)")
    print(f"known and new over new alone: {result['over_new_alone_s']['median']} s (noise of embedding included)")
    if asked.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
