"""What the prefilter costs in recommended papers: recall of the judged days' picks by share, beside its peers.

    python -m benchmarks.prefilter [--judged ../shared/data/judged] [--wider ../shared/data/summaries] [--write]
    python -m benchmarks.prefilter --days 2      the last two judged days by themselves: a minute

Peers: the same evidence from the real encoder's vectors (what ranking everything and cutting at the share would keep)
and chance. ``a day``: the share of every judged day; ``wider``: of the judged papers
and other papers of the same months together, in which nobody judged the others.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.machine import machine
from ranker import resources
from ranker.backends.encoders import choose_encoder
from ranker.backends.faiss import inner_products
from ranker.backends.static import open_static
from ranker.bulk.prefilter import SAMPLE, Prefilter
from ranker.config import EncoderSettings
from ranker.model_files import find_encoder
from ranker.pipeline import embed_papers, embed_profile
from ranker.profile import Profile, find_profile, load_profile
from ranker.progress import Silent, Tally
from ranker.route import centroid_texts, route
from ranker.store import Store
from ranker.text import document_text, text_hash
from ranker.types import Paper

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESULT = Path(__file__).parent / "results" / "prefilter.json"
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
_DATA = Path(__file__).parents[2] / "shared" / "data"
_LINE = "{:<28}" + " {:>6}" * len(SHARES)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--judged", type=Path, default=_DATA / "judged")
    parser.add_argument("--wider", type=Path, default=_DATA / "summaries")
    parser.add_argument("--days", type=int, default=0, help="the last so many judged days alone, nothing wider; 0: all")
    parser.add_argument("--vectors", type=Path, help="npz with ids and X: the encoder's vectors of the judged papers")
    parser.add_argument("--write", action="store_true", help="keep the result")
    asked = parser.parse_args()
    papers, days, picks = _judged(asked.judged, asked.days)
    others = [] if asked.days else _others(asked.wider, {p.arxiv_id for p in papers})
    profile, silent = load_profile(find_profile("default")), Tally(Silent())
    encoder = choose_encoder(EncoderSettings())
    started = time.perf_counter()
    folder = find_encoder("embedded").folder
    static = open_static(encoder, folder, resources.user_cache_dir(), silent)
    distil = time.perf_counter() - started
    together = sorted([*papers, *others], key=lambda p: text_hash(p.title, p.abstract))
    started = time.perf_counter()
    static.fit([document_text(p.title, p.abstract) for p in together[:SAMPLE]])
    fit = time.perf_counter() - started
    prefilter = Prefilter(static, profile, inner_products)
    started, cpu = time.perf_counter(), time.process_time()
    near, _ = prefilter.nearness([*papers, *others])
    ms = [1000 * (now - then) / len(near) for now, then in ((time.perf_counter(), started), (time.process_time(), cpu))]
    scores = {"static": near[: len(papers)]}
    scores["encoder"] = _encoded(papers, profile, encoder, asked.vectors)
    rows: dict[str, list[float]] = {f"{n}, a day": _by_day(s, days, picks) for n, s in scores.items()}
    rows["static, wider"] = _recall(near, np.concatenate([picks, np.zeros(len(others), dtype=np.bool_)]))
    rows["chance"] = list(SHARES)
    result: dict[str, Any] = {
        "question": "recall of recommended papers that the prefilter keeps, by share",
        "machine": machine(),
        "papers": len(papers),
        "picks": int(picks.sum()),
        "wider_papers": len(near),
        "shares": SHARES,
        "recall": rows,
        "distil_seconds": round(distil, 1),
        "fit_seconds": round(fit, 2),
        "ms_a_paper": round(ms[0], 3),
        "cpu_ms_a_paper": round(ms[1], 3),
    }
    print(_LINE.format("share", *SHARES))
    for name, found in rows.items():
        print(_LINE.format(name, *found))
    if asked.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def _rows(folder: Path, last: int = 0) -> Iterable[dict[str, Any]]:
    for path in sorted(folder.glob("*.jsonl.gz"))[-last:]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield {**json.loads(line), "file": path.name[:10]}


def _paper(row: dict[str, Any]) -> Paper:
    return Paper(row["id"].split("v")[0], row["title"], row["abstract"], day=row["file"])


def _judged(folder: Path, last: int) -> tuple[list[Paper], NDArray[np.str_], NDArray[np.bool_]]:
    rows = list(_rows(folder, last))
    picks = np.array([row["judgment"] is not None for row in rows])
    return [_paper(row) for row in rows], np.array([row["file"] for row in rows]), picks


def _others(folder: Path, known: set[str]) -> list[Paper]:
    return [p for row in _rows(folder) if (p := _paper(row)).arxiv_id not in known] if folder.is_dir() else []


def _encoded(papers: Sequence[Paper], profile: Profile, encoder: Any, cached: Path | None) -> NDArray[np.float32]:
    """Cold evidence from the real encoder's vectors."""
    texts = centroid_texts(profile)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "s.db") as store:
        centroids = embed_profile(texts, encoder, store)
        if cached is None:
            vectors = embed_papers(papers, encoder, store, Tally(Silent()))
        else:
            found = np.load(cached)
            places = {i.split("v")[0]: n for n, i in enumerate(found["ids"].tolist())}
            vectors = found["X"][[places[p.arxiv_id] for p in papers]].astype(np.float32)
    routes = route(papers, vectors, profile, texts, centroids, inner_products)
    return np.array([r.evidence.total if r.evidence else -1.0 for r in routes], dtype=np.float32)


def _recall(scores: NDArray[np.float32], picks: NDArray[np.bool_]) -> list[float]:
    order = np.argsort(-scores, kind="stable")
    return [round(float(picks[order[: math.ceil(s * len(order))]].sum() / picks.sum()), 3) for s in SHARES]


def _by_day(scores: NDArray[np.float32], days: NDArray[np.str_], picks: NDArray[np.bool_]) -> list[float]:
    kept = np.zeros(len(SHARES))
    for day in np.unique(days):
        here = days == day
        order = np.argsort(-scores[here], kind="stable")
        kept += [picks[here][order[: math.ceil(s * len(order))]].sum() for s in SHARES]
    return [round(float(k), 3) for k in kept / picks.sum()]


if __name__ == "__main__":
    main()
