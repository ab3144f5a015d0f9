"""A small invented world: two fields, six words each, and papers about neither."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranker.types import JudgedPaper

FIELDS = ("多模态", "安全")
_TOPICS = (
    ("vision", "language", "image", "video", "caption", "pixels"),
    ("jailbreak", "safety", "attack", "alignment", "refusal", "harm"),
    ("robot", "traffic", "battery", "weather", "crops", "bridge"),
)
_FILLERS = ("method", "results", "novel", "propose", "study", "framework", "show", "approach")
DIMENSION = 6


def world(
    days: int, a_day: int = 24, seed: int = 0
) -> tuple[list[JudgedPaper], NDArray[np.float32], NDArray[np.float64]]:
    """(papers, vectors (n, 6), cold (n, 6)): half of the papers are about a field and recommended, one in eight of
    them by mistake of the judge the other way round. High scores go with many authors.
    """
    rng = np.random.default_rng(seed)
    papers, vectors, cold = [], [], []
    for d in range(days):
        for i in range(a_day):
            topic = int(rng.choice(3, p=[0.25, 0.25, 0.5]))
            about = list(rng.choice(_TOPICS[topic], 4)) + list(rng.choice(_FILLERS, 6))
            rng.shuffle(about)
            wanted = (topic < 2) != (rng.random() < 0.125)
            authors = tuple(f"A{j} B" for j in range(int(rng.integers(1, 12))))
            papers.append(
                JudgedPaper(
                    f"2601.{d:02d}{i:03d}",
                    f"2026-01-{d + 1:02d}",
                    f"{about[0]} {about[1]} paper {d} {i}",
                    " ".join(about),
                    bool(wanted),
                    FIELDS[topic] if wanted and topic < 2 else None,
                    (9.0 if len(authors) > 6 else 7.0) if wanted else None,
                    authors,
                )
            )
            v = rng.normal(size=DIMENSION) + 1.5 * np.eye(DIMENSION)[topic]
            vectors.append(v / np.linalg.norm(v))
            of_fields = 0.3 + 0.2 * (np.arange(2) == topic) + rng.normal(size=2) * 0.05
            cold.append([*of_fields, of_fields.max(), 0.1, 0.0, 0.2])
    return papers, np.array(vectors, dtype=np.float32), np.array(cold)
