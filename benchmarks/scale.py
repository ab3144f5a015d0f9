"""All of arXiv on one machine: seconds and peak memory of every stage over synthetic snapshots of growing size.

    python -m benchmarks.scale [--papers 30000 100000 300000] [--keep FOLDER] [--write]

Stages, each in a process of its own: import, vectors (synthetic ones put straight into the store, since embedding
3 million papers on two cores takes hours: the encoder's own rate on real abstracts is measured beside), prefilter (one
pass over all papers), index (`ranker embed` with nothing left to embed), rank (`ranker rank --all`), queries (100
through the index). The slope is seconds per further 100,000 papers between two sizes: linear where it stays the same.
Needs about 10 kB of disk a paper and size, freed after each.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

# No encoder here: a process's peak memory counts what its parent held when it was started.
from benchmarks import synthetic
from benchmarks.machine import machine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.protocols import Encoder

RESULT = Path(__file__).parent / "results" / "scale.json"
STAGES = ("import", "vectors", "prefilter", "index", "rank", "queries")
_REAL, _QUERIES, _SHARE, _PAGE = 400, 100, 0.4, 4000
_LINE = "{:>9} {:<10} {:>9} {:>11} {:>8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--papers", type=int, nargs="+", default=[30_000, 100_000, 300_000])
    parser.add_argument("--keep", type=Path, help="folder for stores and snapshots, kept (else a temporary one)")
    parser.add_argument("--write", action="store_true", help="keep the result, beside those of other sizes")
    parser.add_argument("--stage", choices=tuple(_OWN), help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stage:
        print(json.dumps(_OWN[asked.stage](asked.store)))
        return
    with tempfile.TemporaryDirectory() as own:
        folder = asked.keep or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        own_stage = [sys.executable, "-m", "benchmarks.scale", "--store", str(folder / "absent.db"), "--stage"]
        rate = timed([*own_stage, "encoder"])["papers_per_second"]
        print(f"encoder: {rate} papers/s", flush=True)
        distil = timed([*own_stage, "prefilter"])
        sizes = {str(n): measure(n, folder, keep=asked.keep is not None) for n in sorted(asked.papers)}
    result: dict[str, Any] = {
        "question": "seconds and peak memory of every stage by number of papers",
        "machine": machine(),
        "encoder_papers_per_second": rate,
        "distil": distil,
        "prefilter_share": _SHARE,
        "sizes": sizes,
    }
    if asked.write:
        known = json.loads(RESULT.read_text(encoding="utf-8"))["sizes"] if RESULT.is_file() else {}
        result["sizes"] = dict(sorted({**known, **sizes}.items(), key=lambda item: int(item[0])))
    result["slopes"] = slopes(result["sizes"])
    print(json.dumps(result["slopes"], indent=1))
    if asked.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def measure(papers: int, folder: Path, *, keep: bool) -> dict[str, Any]:
    """Every stage over one size."""
    rows, store, out = (folder / f"{papers}{end}" for end in (".jsonl", ".db", ".out"))
    with rows.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{line}\n" for line in synthetic.snapshot(papers))
    ranker = [sys.executable, "-m", "ranker"]
    own = [sys.executable, "-m", "benchmarks.scale", "--store", str(store), "--stage"]
    commands = {
        "import": [*ranker, "import", str(rows), "--store", str(store), "--quiet"],
        "vectors": [*own, "vectors"],
        "prefilter": [*own, "prefilter"],
        "index": [*ranker, "embed", "--store", str(store), "--quiet"],
        "rank": [*ranker, "rank", "--all", "--store", str(store), "--out", str(out), "--quiet"],
        "queries": [*own, "queries"],
    }
    found: dict[str, Any] = {}
    for stage in STAGES:
        found[stage] = timed(commands[stage])
        s = found[stage]
        print(_LINE.format(papers, stage, f"{s['seconds']:.1f} s", f"{1e6 * s['seconds'] / papers:.0f} us each",
                           f"{s['peak_rss_mb']} MB"), flush=True)  # fmt: skip
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    found["rank"] |= {"counts": report["counts"], "stages": {s["name"]: s["seconds"] for s in report["stages"]}}
    found["disk_mb"] = {
        "store": _megabytes([store]),
        "index": _megabytes(store.with_name(f"{store.stem}-index").rglob("*")),
        "rankings": _megabytes([out / "rankings.jsonl"]),
    }
    if not keep:
        for path in folder.glob(f"{papers}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return found


def timed(command: Sequence[str]) -> dict[str, Any]:
    """Wall seconds and peak resident memory of a process with all its children (a page that two share counts twice),
    and the JSON that it prints last, if any.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        process = subprocess.Popen(command, stdout=said, stderr=complained)
        together = _watched(process)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = max(usage.ru_maxrss / 1024, together())
        said.seek(0)
        complained.seek(0)
        text, wrong = said.read().decode(), complained.read().decode()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {process.returncode}\n{wrong}")
    last = text.strip().rpartition("\n")[2]
    more: dict[str, Any] = json.loads(last) if last.startswith("{") else {}
    return {"seconds": round(seconds, 2), "peak_rss_mb": round(peak), **more}


def _watched(process: subprocess.Popen[bytes]) -> Callable[[], float]:
    """Looks at the process and its children until it ends; the call ends the watch and gives the most MiB seen."""
    root, seen, ended = psutil.Process(process.pid), [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(0.2):
            with contextlib.suppress(psutil.Error):
                everyone = [root, *root.children(recursive=True)]
                seen.append(sum(one.memory_info().rss for one in everyone) / 2**20)

    watch = threading.Thread(target=look, daemon=True)
    watch.start()

    def most() -> float:
        ended.set()
        watch.join()
        return max(seen)

    return most


def slopes(sizes: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Stage -> "30000-100000" -> seconds per further 100,000 papers."""
    numbers = sorted(map(int, sizes))
    return {
        stage: {
            f"{a}-{b}": round(1e5 * (sizes[str(b)][stage]["seconds"] - sizes[str(a)][stage]["seconds"]) / (b - a), 2)
            for a, b in itertools.pairwise(numbers)
        }
        for stage in STAGES
    }


def encoder_rate(path: Path) -> dict[str, Any]:
    """Papers per second of the encoder on real abstracts, whose vectors are kept: synthetic ones lie around them."""
    from benchmarks.encoder import real_texts
    from ranker.backends.tune import encode_all

    texts, source = real_texts(_REAL)
    encoder = _encoder()
    encode_all(encoder, texts[:16])
    started = time.perf_counter()
    vectors = encode_all(encoder, texts)
    rate = len(texts) / (time.perf_counter() - started)
    np.save(path.with_name("real.npy"), vectors)
    return {"papers_per_second": round(rate, 1), "texts": source}


def _encoder() -> Encoder:
    from ranker.backends.encoders import choose_encoder
    from ranker.config import EncoderSettings

    return choose_encoder(EncoderSettings())


def _real(store: Path) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = np.load(store.parent / "real.npy")
    return vectors


def put_vectors(path: Path) -> dict[str, Any]:
    from ranker.store import Store
    from ranker.text import text_hash

    key = _encoder().info.key
    with Store(path) as store:
        blocks = synthetic.vectors(_real(path), store.paper_count(), block=_PAGE)
        left = np.zeros((0, 0), dtype=np.float32)
        for papers in store.pages(_PAGE):
            while len(left) < len(papers):
                left = np.concatenate([left, next(blocks)]) if len(left) else next(blocks)
            hashes = [text_hash(p.title, p.abstract) for p in papers]
            store.put_vectors(key, list(zip(hashes, left[: len(papers)], strict=True)))
            left = left[len(papers) :]
    return {}


def prefilter(path: Path) -> dict[str, Any]:
    """The pass over all papers; where there is no store only the distilling, which is kept for the next time."""
    from ranker import resources
    from ranker.backends.faiss import inner_products
    from ranker.backends.static import open_static
    from ranker.bulk.prefilter import SAMPLE, Prefilter
    from ranker.model_files import find_encoder
    from ranker.profile import find_profile, load_profile
    from ranker.progress import Silent, Tally
    from ranker.store import Store
    from ranker.text import document_text

    tally, made = Tally(Silent()), Tally(Silent())
    encoder = _encoder()
    static = open_static(encoder, find_encoder("embedded").folder, resources.user_cache_dir(), made)
    if not path.is_file():
        return {"distilled_tokens": made.items}
    with Store(path) as store:
        static.fit([document_text(p.title, p.abstract) for p in store.sample(SAMPLE)])
        chosen = Prefilter(static, load_profile(find_profile("default")), inner_products).select(
            store.pages(_PAGE), _SHARE, tally
        )
    return {"kept": int(chosen.keeps.sum())}


def queries(path: Path) -> dict[str, Any]:
    from ranker.backends.faiss_parts import FaissParts
    from ranker.search import History
    from ranker.store import Store

    info = _encoder().info
    asked = next(synthetic.vectors(_real(path), _QUERIES, seed=7))
    with Store(path) as store:
        started = time.perf_counter()
        history = History(path.with_name(f"{path.stem}-index"), info, store, FaissParts())
        history.search(asked[0])
        opened, spent = time.perf_counter() - started, []
        for query in asked:
            started = time.perf_counter()
            history.search(query)
            spent.append(1000 * (time.perf_counter() - started))
    median, p95 = np.percentile(spent, [50, 95]).tolist()
    return {"open_seconds": round(opened, 2), "query_ms": {"median": round(median, 2), "p95": round(p95, 2)}}


def _megabytes(paths: Iterable[Path]) -> float:
    return round(sum((p.stat().st_size for p in paths if p.is_file()), 0) / 1e6, 1)


_OWN = {"encoder": encoder_rate, "vectors": put_vectors, "prefilter": prefilter, "queries": queries}

if __name__ == "__main__":
    main()
