"""Records for tests, made by hand with sensible defaults."""

from __future__ import annotations

from typing import Any

from ranker.profile import Field, Profile, Recommend, Routing, Topic
from ranker.types import Origin, Paper, Ranking, Route


def paper(number: int = 1, **changes: Any) -> Paper:
    values: dict[str, Any] = {
        "arxiv_id": f"2601.{number:05d}",
        "title": f"Title {number}",
        "abstract": f"We propose method {number}. It works.",
        "published": "2026-01-13",
        "origin": Origin("day.jsonl", "jsonl", number),
    }
    return Paper(**{**values, **changes})


def ranking(number: int = 1, **changes: Any) -> Ranking:
    values: dict[str, Any] = {
        "paper": paper(number),
        "outcome": "not_recommended",
        "field": "A",
        "score": 5.0,
        "rank": 0,
        "similarity": 0.5,
        "margin": 0.1,
        "reason": f"reason {number}",
        "judge": "test",
        "detail": "",
    }
    return Ranking(**{**values, **changes})


def route(similarity: float = 0.5, **changes: Any) -> Route:
    values: dict[str, Any] = {
        "field": "A",
        "similarity": similarity,
        "second": "B",
        "margin": 0.1,
        "routed": True,
        "similarities": (("A", similarity), ("B", similarity - 0.1)),
    }
    return Route(**{**values, **changes})


def profile(**changes: Any) -> Profile:
    values: dict[str, Any] = {
        "name": "test",
        "title": "Test",
        "fields": (
            Field("A", "attention kernels and caches for language models", keywords=("KV cache",)),
            Field("B", "bounds and convergence of gradient descent", keywords=("convergence",)),
        ),
        "recommend": Recommend(top_share=0.25),
        "routing": Routing(min_similarity=0.05),
        "unwanted": (Topic("U", "medical images of patients"),),
    }
    return Profile(**{**values, **changes})
