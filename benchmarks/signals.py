"""Do other signals help the order? Novelty, followed authors, near-duplicates: each added to a fitted base.

    python -m benchmarks.signals [--data FOLDER] [--fit-until 2025-12-05] [--measure-until 2025-12-31]

Only days before the bench's test days are used: a base (words and vectors, logistic) is fitted on the earlier ones and
every signal's weight on the later half of those by crossing two halves of the measured days. Prints a table and one
JSON line; writes benchmarks/results/signals.json. A signal is kept if the interval of its gain in AP lies above zero.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.compare.judged import JudgedPaper, read_judged
from benchmarks.compare.report import hardware
from ranker import evaluate
from ranker.backends.encoders import choose_encoder
from ranker.backends.faiss import inner_products
from ranker.config import EncoderSettings
from ranker.digest.follow import plain_name
from ranker.embed import embed
from ranker.near_duplicates import near_duplicates
from ranker.profile import find_profile, load_profile
from ranker.store import Store
from ranker.text import document_text, text_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
WEEKS = 3
THRESHOLDS = (0.80, 0.85, 0.90, 0.95)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "judged")
    parser.add_argument("--fit-until", default="2025-12-05", help="last day that the base is fitted on")
    parser.add_argument("--measure-until", default="2025-12-31", help="last day that is measured on")
    parser.add_argument("--vectors", type=Path, default=ROOT / ".cache" / "compare" / "vectors.db")
    options = parser.parse_args(arguments)
    profile = load_profile(find_profile("default"))
    papers = [p for p in read_judged(options.data, profile.field_names) if p.day <= options.measure_until]
    vectors = _vectors(papers, options.vectors)
    later = np.array([p.day > options.fit_until for p in papers])
    base = _base(papers, vectors, later)
    signals = _signals(papers, vectors, later)
    result: dict[str, Any] = {
        "measured_days": len({p.day for p, m in zip(papers, later, strict=True) if m}),
        "fit_until": options.fit_until,
        "signals": {},
        "near_duplicates": _groups(papers, vectors),
        "hardware": hardware(),
    }
    truth = [p for p, m in zip(papers, later, strict=True) if m]
    plain = _ap(truth, base)
    print(f"{'base':34} AP {evaluate.bootstrap(plain)}")
    for name, values in signals.items():
        gain = evaluate.paired_difference(_ap(truth, _added(truth, base, values)), plain)
        known = ~np.isnan(values)
        picked = np.array([p.picked for p in truth])
        row = {
            "gain": round(gain.mean, 5), "low": round(gain.low, 5), "high": round(gain.high, 5),
            "papers": int(known.sum()), "spearman_with_pick": round(evaluate.spearman(values[known], picked[known]), 4),
            "kept": bool(gain.low > 0),
        }  # fmt: skip
        result["signals"][name] = row
        print(f"{name:34} gain in AP {gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}], papers {row['papers']}")
    print(json.dumps(result))
    target = ROOT / "benchmarks" / "results" / "signals.json"
    target.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


def _vectors(papers: Sequence[JudgedPaper], path: Path) -> NDArray[np.float32]:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [document_text(p.paper.title, p.paper.abstract) for p in papers]
    hashes = [text_hash(p.paper.title, p.paper.abstract) for p in papers]
    with Store(path) as store:
        return embed(texts, hashes, choose_encoder(EncoderSettings()), store).vectors


def _base(papers: Sequence[JudgedPaper], vectors: NDArray[np.float32], later: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Log odds (measured papers,) of a logistic model over TF-IDF words and vectors, fitted on the earlier days."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts = [document_text(p.paper.title, p.paper.abstract) for p in papers]
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=5, sublinear_tf=True)
    words.fit([t for t, m in zip(texts, later, strict=True) if not m])
    features = csr_matrix(hstack([words.transform(texts), csr_matrix(vectors)]))
    model = LogisticRegression(C=3.0, max_iter=2000, class_weight="balanced")
    model.fit(features[~later], [p.picked for p, m in zip(papers, later, strict=True) if not m])
    found: NDArray[np.float64] = model.decision_function(features[later])
    return found


def _signals(
    papers: Sequence[JudgedPaper], vectors: NDArray[np.float32], later: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """Name -> value of every measured paper; NaN where it has none."""
    days = [p.day for p in papers]
    found: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    order = sorted({d for d, m in zip(days, later, strict=True) if m})
    for day in order:
        first = (date.fromisoformat(day) - timedelta(weeks=WEEKS)).isoformat()
        now = [i for i, d in enumerate(days) if d == day]
        recent = [i for i, d in enumerate(days) if first <= d < day]
        ids, earlier_ids = ([papers[i].paper.arxiv_id for i in rows] for rows in (now, recent))
        near = _nearest(vectors[now], ids, vectors[recent], earlier_ids)
        picks = [i for i in recent if papers[i].picked]
        near_pick = _nearest(vectors[now], ids, vectors[picks], [papers[i].paper.arxiv_id for i in picks])
        groups = {i for g in near_duplicates(vectors[now], ids, inner_products, threshold=0.85) for i in g}
        liked = Counter(a for i, d in enumerate(days) if d < day and papers[i].picked for a in papers[i].paper.authors)
        seen = Counter(a for i, d in enumerate(days) if d < day for a in papers[i].paper.authors)
        followed = [a for a, n in liked.items() if n >= 2]
        wanted = {plain_name(a) for a in followed}
        for at, i in enumerate(now):
            authors = papers[i].paper.authors
            add("novelty: distance to nearest", near[at])
            add("distance to nearest recent pick", near_pick[at])
            add("near-duplicate in the same day", float(papers[i].paper.arxiv_id in groups))
            hit = any(plain_name(a) in wanted for a in authors)
            add("author of two earlier picks", float(hit))
            rate = [(liked[a] + 0.5) / (seen[a] + 2.0) for a in authors if seen[a]]
            add("share of authors' papers picked", max(rate, default=0.25))
    return {name: np.array(values) for name, values in found.items()}


def _nearest(
    vectors: NDArray[np.float32], ids: Sequence[str], earlier: NDArray[np.float32], earlier_ids: Sequence[str]
) -> NDArray[np.float64]:
    """(n,) 1 - cosine to the nearest earlier paper, NaN where there is none; a paper is no neighbour of itself."""
    if not len(earlier_ids):
        return np.full(len(ids), np.nan)
    products = inner_products(vectors, earlier).astype(np.float64)
    products[np.array(ids)[:, None] == np.array(earlier_ids)[None, :]] = -np.inf
    best = products.max(axis=1)
    return np.where(np.isfinite(best), 1.0 - best, np.nan)


def _added(
    papers: Sequence[JudgedPaper], base: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Base plus the signal, weighted by a logistic fit on the other half of the days (odd days for even ones)."""
    from sklearn.linear_model import LogisticRegression

    days = sorted({p.day for p in papers})
    half = np.array([days.index(p.day) % 2 for p in papers])
    picked = np.array([p.picked for p in papers])
    filled = np.where(np.isnan(values), np.nanmean(values), values)
    features = np.column_stack([base, (filled - filled.mean()) / max(float(filled.std()), 1e-9)])
    result = np.empty(len(papers))
    for side in (0, 1):
        model = LogisticRegression(C=100.0).fit(features[half != side], picked[half != side])
        result[half == side] = model.decision_function(features[half == side])
    return result


def _ap(papers: Sequence[JudgedPaper], scores: NDArray[np.float64]) -> list[float]:
    found = []
    for day in sorted({p.day for p in papers}):
        rows = [i for i, p in enumerate(papers) if p.day == day]
        order = evaluate.order(scores[rows], np.zeros(len(rows)), [papers[i].paper.arxiv_id for i in rows])
        found.append(evaluate.average_precision([papers[rows[i]].picked for i in order]))
    return found


def _groups(papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> dict[str, dict[str, float | None]]:
    """At several cosines: groups within a day, papers in them, and how often two of a group have the same label."""
    result: dict[str, dict[str, float | None]] = {}
    for threshold in THRESHOLDS:
        groups = held = pairs = same = 0
        for day in sorted({p.day for p in papers}):
            rows = [i for i, p in enumerate(papers) if p.day == day]
            ids = [papers[i].paper.arxiv_id for i in rows]
            picked = {papers[i].paper.arxiv_id: papers[i].picked for i in rows}
            for group in near_duplicates(vectors[rows], ids, inner_products, threshold=threshold):
                groups, held = groups + 1, held + len(group)
                labels = [picked[i] for i in group]
                pairs += len(labels) * (len(labels) - 1) // 2
                same += sum(a == b for at, a in enumerate(labels) for b in labels[at + 1 :])
        result[f"{threshold:.2f}"] = {
            "groups": groups, "papers": held, "same_label": round(same / pairs, 3) if pairs else None,
        }  # fmt: skip
    return result


if __name__ == "__main__":
    sys.exit(main())
