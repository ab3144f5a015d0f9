"""Synthetic arXiv: a metadata snapshot of any size, and vectors like real ones. Seeded, streamed, no real paper in it.

    python -m benchmarks.synthetic --papers 100000 --out snapshot.jsonl

Statistics follow arXiv's: ids by month with growing volume from 2007 on, 1.6 categories a paper, abstracts of about 150
words with line breaks and leading blanks, one to eight authors, one paper in three with later versions, many nulls.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_YEAR, _LAST_YEAR = 2007, 2025
_CATEGORIES = {
    "cs.LG": 16, "cs.CV": 12, "cs.CL": 9, "cs.AI": 9, "stat.ML": 5, "cs.RO": 4, "cs.CR": 3, "math.OC": 4, "math.PR": 4,
    "math.AP": 4, "math.CO": 4, "math.NT": 3, "quant-ph": 8, "hep-ph": 6, "hep-th": 6, "gr-qc": 4, "astro-ph.GA": 4,
    "astro-ph.CO": 4, "cond-mat.mtrl-sci": 5, "cond-mat.mes-hall": 4, "physics.optics": 3, "eess.IV": 2, "q-bio.NC": 1,
}  # fmt: skip
_LINES = (
    "we the of a in and to for with on that is by this our from model learning data method results system field phase",
    "quantum network bound energy graph space time large show study propose analysis efficient optimal stochastic",
    "equation lattice neural image language policy sparse kernel measure spectral random training inference robust",
    "galaxy halo mass scalar gauge boson symmetry tensor algebra group manifold operator estimate convergence entropy",
    "transport diffusion attention token reward agent planning control segmentation detection retrieval reasoning",
)
_WORDS = tuple(word for line in _LINES for word in line.split())
_NAMES = (
    "Li", "Wang", "Zhang", "Chen", "Müller", "Garc\\'ia", "Smith", "Kim", "Tanaka", "Rossi", "Novak", "Silva",
)  # fmt: skip


def snapshot(count: int, seed: int = 0) -> Iterator[str]:
    """``count`` JSON lines of the metadata snapshot's form, by month; memory does not grow with ``count``."""
    source = random.Random(seed)
    years = range(_FIRST_YEAR, _LAST_YEAR + 1)
    # Submissions grew about linearly over these years, from 4,600 a month to 24,000.
    weights = [4.6 + (24.0 - 4.6) * i / (len(years) - 1) for i in range(len(years)) for _ in range(12)]
    months = [(y, m) for y in years for m in range(1, 13)]
    months, weights = months[3:], weights[3:]  # this style of id began in April 2007
    total, given, owed = sum(weights), 0, 0.0
    for (year, month), weight in zip(months, weights, strict=True):
        owed += count * weight / total
        here = round(owed) - given
        given += here
        digits = 5 if year >= 2015 else 4
        for number in range(1, here + 1):
            yield json.dumps(_paper(source, f"{year % 100:02d}{month:02d}.{number:0{digits}d}", year, month))


def _paper(source: random.Random, arxiv_id: str, year: int, month: int) -> dict[str, Any]:
    first = datetime(year, month, source.randint(1, 28), source.randint(0, 23), source.randint(0, 59), tzinfo=UTC)
    dates = [first + timedelta(days=60 * i) for i in range(1 + (source.random() < 0.33) + (source.random() < 0.1))]
    authors = [(source.choice(_NAMES), chr(65 + source.randrange(26)) + ".") for _ in range(source.randint(1, 8))]
    categories = source.choices(list(_CATEGORIES), list(_CATEGORIES.values()), k=source.choice((1, 1, 2, 2, 2, 3)))
    return {
        "id": arxiv_id,
        "submitter": " ".join(reversed(authors[0])),
        "authors": ", ".join(f"{given} {family}" for family, given in authors),
        "title": _broken(" ".join(source.choices(_WORDS, k=source.randint(5, 14))).capitalize(), 70),
        "comments": f"{source.randint(6, 40)} pages" if source.random() < 0.6 else None,
        "journal-ref": None,
        "doi": None,
        "report-no": None,
        "categories": " ".join(dict.fromkeys(categories)),
        "license": "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
        "abstract": f"  {_broken(_abstract(source), 78)}\n",
        "versions": [
            {"version": f"v{i}", "created": d.strftime("%a, %d %b %Y %H:%M:%S GMT")} for i, d in enumerate(dates, 1)
        ],
        "update_date": dates[-1].date().isoformat(),
        "authors_parsed": [[family, given, ""] for family, given in authors],
    }


def _abstract(source: random.Random) -> str:
    left, sentences = max(30, round(source.gauss(150, 50))), []
    while left > 0:
        size = min(left, source.randint(12, 28))
        sentences.append(" ".join(source.choices(_WORDS, k=size)).capitalize() + ".")
        left -= size
    return " ".join(sentences)


def _broken(text: str, width: int) -> str:
    """Lines as arXiv keeps them: broken at ``width``, continued with two blanks."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n  ".join([*lines, line])


def vectors(real: NDArray[np.float32], count: int, seed: int = 0, block: int = 50_000) -> Iterator[NDArray[np.float32]]:
    """``count`` unit vectors in blocks (b, d): each as far from a real one as real neighbours are (cosine 0.7)."""
    source = np.random.default_rng(seed)
    for start in range(0, count, block):
        size = min(block, count - start)
        aside = source.standard_normal((size, real.shape[1]), dtype=np.float32)
        aside /= np.linalg.norm(aside, axis=1, keepdims=True)
        found = real[source.integers(0, len(real), size)] + aside
        yield found / np.linalg.norm(found, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a synthetic metadata snapshot.")
    parser.add_argument("--papers", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    with asked.out.open("w", encoding="utf-8") as out:
        for line in snapshot(asked.papers, asked.seed):
            out.write(line + "\n")


if __name__ == "__main__":
    main()
