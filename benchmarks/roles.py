"""How well the role classifier reads marked spans and picks sentences; ``--fit`` writes the model that ships.

    python -m benchmarks.roles [--data ../shared/data/highlights.csv] [--splits 5] [--no-vectors] [--fit]

Five folds grouped by abstract, shuffled anew for each split. Two questions: which role a span plays that a reader
marked (macro-F1; each span alone, and the spans of an abstract given each other), and how often the sentence that
stands for a role touches the reader's mark of that role. Strengths and blends were chosen on two of numpy's splits of
scikit-learn's GroupKFold, not on these. OMP_NUM_THREADS=1 is much quicker on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranker import resources
from ranker.model_files import find_encoder
from ranker.roles.choose import best_sentences, together
from ranker.roles.features import Abstract
from ranker.roles.fit import (
    NGRAM_ABSTRACTS,
    SENTENCE_STRENGTH,
    SPAN_STRENGTH,
    VECTOR_STRENGTH,
    Marked,
    as_sentences,
    fit,
    folds,
    macro_f1,
    order_table,
    read,
    sides,
)
from ranker.roles.model import ROLES, Floats, RoleModel, save

BLEND = 0.3
HERE = Path(__file__).parent


@dataclass(slots=True)
class Tally:
    """Macro-F1 of every split by setting, the first split's predictions for the interval, and sentence hits."""

    f1: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    hits: dict[str, Counter[str]] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)


_CLAIM = re.compile(
    r"\b(we (?:\w+ ){0,2}(?:propose|introduce|present|develop|show|study|prove|design|investigate|derive)|"
    r"this (?:paper|work|study|article) (?:\w+ ){0,2}(?:proposes|introduces|presents|develops|shows|studies|"
    r"investigates|explores|examines)|is (?:proposed|introduced|presented)|our (?:method|approach|framework|model))\b",
    re.IGNORECASE,
)


def first_claim(abstract: Abstract) -> int:
    """The rule that the classifier took the place of: the first sentence that claims something, else the second."""
    claims = (n for n, (start, end) in enumerate(abstract.sentences) if _CLAIM.search(abstract.text, start, end))
    return next(claims, min(1, len(abstract.sentences) - 1))


def encode(texts: list[str]) -> Floats:
    """Unit vectors by all-MiniLM-L6-v2, each different text once."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(find_encoder("all-MiniLM-L6-v2").folder), device="cpu")
    different = sorted(set(texts))
    vectors = model.encode(different, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    at = {text: row for row, text in enumerate(different)}
    return np.asarray(vectors, dtype=np.float32)[[at[text] for text in texts]]


def vectors_of(marked: Marked, sentences: Marked) -> tuple[Floats, Floats]:
    """(span and touched sentences side by side, sentence alone)."""
    inside, around = [], []
    for number, (start, end) in zip(marked.group, marked.spans, strict=True):
        abstract = marked.abstracts[number]
        touched = [(a, b) for a, b in abstract.sentences if a < max(end, start + 1) and b > start] or [(0, 0)]
        inside.append(abstract.text[start:end])
        around.append(abstract.text[touched[0][0] : touched[-1][1]])
    alone = [sentences.abstracts[n].text[a:b] for n, (a, b) in zip(sentences.group, sentences.spans, strict=True)]
    found = encode(inside + around + alone)
    count = len(inside)
    return np.hstack([found[:count], found[count : 2 * count]]), found[2 * count :]


def measure_spans(tally: Tally, marked: Marked, seed: int, vectors: Floats | None) -> None:
    said: dict[str, NDArray[np.int64]] = {}
    for held_out in folds(marked, seed):
        train, _ = sides(marked, held_out)
        head = fit(marked, train, len(ROLES), BLEND, vectors)
        orders = order_table(marked, {int(number) for number in marked.group[train]})
        for number in held_out:
            rows = np.flatnonzero(marked.group == number)
            spans = [marked.spans[row] for row in rows]
            for name, given in (("n-grams", None), ("n-grams and vectors", vectors)):
                if name != "n-grams" and vectors is None:
                    continue
                alone = head.predict(marked.abstracts[number], spans, None if given is None else given[rows])
                for how, values in (("alone", alone), ("together", together(alone, orders))):
                    roles = said.setdefault(f"{name}, {how}", np.zeros(len(marked.labels), dtype=np.int64))
                    roles[rows] = values.argmax(axis=1)
    for name, roles in said.items():
        tally.f1.setdefault(name, []).append(macro_f1(marked.labels, roles))
        tally.first.setdefault(name, roles)


def measure_sentences(
    tally: Tally, sentences: Marked, touched: list[frozenset[int]], seed: int, vectors: Floats | None
) -> None:
    for held_out in folds(sentences, seed):
        train, _ = sides(sentences, held_out)
        head = fit(sentences, train, len(ROLES) + 1, BLEND, vectors)
        for number in held_out:
            rows = np.flatnonzero(sentences.group == number)
            abstract = sentences.abstracts[number]
            present = frozenset().union(*(touched[row] for row in rows))
            tally.marks.update(ROLES[role] for role in present)
            for name, given in (("n-grams", None), ("n-grams and vectors", vectors)):
                if name != "n-grams" and vectors is None:
                    continue
                chosen = head.predict(abstract, abstract.sentences, None if given is None else given[rows])
                best = best_sentences(chosen, 0.0)
                counter = tally.hits.setdefault(name, Counter())
                counter.update(
                    ROLES[role] for role in present if ROLES[role] in best and role in touched[rows[best[ROLES[role]]]]
                )
                idea = ROLES.index("idea")
                counter["key sentence"] += idea in present and idea in touched[rows[int(chosen[:, idea].argmax())]]
            rule = tally.hits.setdefault("first sentence with a claim", Counter())
            rule["key sentence"] += ROLES.index("idea") in touched[rows[first_claim(abstract)]]


def interval(marked: Marked, said: NDArray[np.int64], draws: int = 1000) -> tuple[float, float]:
    """95% bootstrap interval of macro-F1 over abstracts."""
    rng = np.random.default_rng(0)
    rows_of = [np.flatnonzero(marked.group == number) for number in range(len(marked.abstracts))]
    scores = []
    for _ in range(draws):
        rows = np.concatenate([rows_of[number] for number in rng.integers(0, len(rows_of), len(rows_of))])
        scores.append(macro_f1(marked.labels[rows], said[rows]))
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data" / "highlights.csv")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--no-vectors", action="store_true")
    parser.add_argument("--fit", action="store_true", help="write models/roles, fitted on all spans")
    chosen = parser.parse_args()
    if not chosen.data.is_file():
        raise SystemExit(f"{chosen.data} is absent: nothing to measure on")
    marked = read(chosen.data)
    sentences, touched = as_sentences(marked)
    span_vectors, sentence_vectors = (None, None) if chosen.no_vectors else vectors_of(marked, sentences)
    tally = Tally()
    for seed in range(chosen.splits):
        measure_spans(tally, marked, seed, span_vectors)
        measure_sentences(tally, sentences, touched, seed, sentence_vectors)
    result = summary(tally, marked, chosen.splits)
    if chosen.fit:
        write_model(marked, sentences, span_vectors, sentence_vectors, result)
    for name, row in result["spans"].items():
        print(f"{name:32} macro-F1 {row['macro_f1']:.4f} over splits {row['splits']}, 95% {row['interval']}")
    for name, hits in result["sentences"].items():
        print(f"{name:32} " + "  ".join(f"{role} {share:.3f}" for role, share in hits.items()))
    print(json.dumps(result, ensure_ascii=False))
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "roles.json").write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", "utf-8")


def summary(tally: Tally, marked: Marked, splits: int) -> dict[str, dict[str, dict[str, object]]]:
    return {
        "what": {
            "spans": {"number": len(marked.labels), "abstracts": len(marked.abstracts), "splits": splits},
            "hardware": {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        },
        "spans": {
            name: {
                "macro_f1": round(float(np.mean(values)), 4),
                "splits": [round(value, 4) for value in values],
                "interval": [round(value, 4) for value in interval(marked, tally.first[name])],
            }
            for name, values in tally.f1.items()
        },
        "sentences": {
            name: {
                role: round(hits[role] / tally.marks["idea" if role == "key sentence" else role], 3)
                for role in (*ROLES, "key sentence")
                if role in hits
            }
            for name, hits in tally.hits.items()
        },
    }


def write_model(
    marked: Marked,
    sentences: Marked,
    span_vectors: Floats | None,
    sentence_vectors: Floats | None,
    result: dict[str, dict[str, dict[str, object]]],
) -> None:
    model = RoleModel(
        span=fit(marked, np.arange(len(marked.labels)), len(ROLES), BLEND, span_vectors),
        sentence=fit(sentences, np.arange(len(sentences.labels)), len(ROLES) + 1, BLEND, sentence_vectors),
        orders=order_table(marked, range(len(marked.abstracts))),
    )
    about = {
        "what": "roles of spans and sentences of abstracts: linear heads on n-grams and places",
        "classes": [*ROLES, "none"],
        "fitted_on": f"{len(marked.labels)} spans marked by readers in {len(marked.abstracts)} abstracts",
        "ngram_abstracts": NGRAM_ABSTRACTS,
        "strength": {"span": SPAN_STRENGTH, "sentence": SENTENCE_STRENGTH, "vectors": VECTOR_STRENGTH},
        "vectors": "all-MiniLM-L6-v2: span head takes [span, touched sentences], sentence head [sentence]",
        "measured": {name: row["macro_f1"] for name, row in result["spans"].items()},
    }
    save(model, resources.models_dir() / "roles", about)


if __name__ == "__main__":
    main()
