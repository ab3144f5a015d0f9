"""A tiny judged set: invented papers on caches, bounds and gardening; the first two are picked."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

FIELDS = ("高效大模型训练与推理", "深度学习理论")
_WORDS = {
    FIELDS[0]: [
        "cache",
        "eviction",
        "quantization",
        "serving",
        "throughput",
        "kernels",
        "memory",
        "decoding",
        "batching",
        "prefill",
    ],
    FIELDS[1]: [
        "convergence",
        "bounds",
        "gradient",
        "descent",
        "generalization",
        "kernel",
        "theorem",
        "minimax",
        "risk",
        "overparameterized",
    ],
    None: ["tulips", "compost", "watering", "pruning", "roses", "seedlings", "greenhouse", "soil", "mulch", "harvest"],
}
MARK = "Quixotic"  # stands in every title, so that a test can look for what must not get out


def row(number: int, draw: random.Random, field: str | None) -> dict[str, Any]:
    words = draw.sample(_WORDS[field], 5)
    score = draw.choice((6, 7, 8, 9))
    judgment = {"field": field, "score": score, "reason": "有用", "model": "invented"} if field else None
    return {
        "id": f"2602.{number:05d}",
        "title": f"{MARK} {words[0]} and {words[1]} number {number}",
        "authors": ["Ada Brook", "Ben Arch"],
        "published": "2026-02-01",
        "abstract": f"We study {words[2]} with {words[3]}. It helps {words[4]} a lot.",
        "judgment": judgment,
    }


def write(folder: Path, days: int = 6, papers: int = 20, *, compress: bool = True) -> Path:
    """``days`` files from 2026-02-01 on; a quarter of each day's papers is picked, alternating between the fields."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    number = 0
    for day in range(1, days + 1):
        lines = []
        for i in range(papers):
            number += 1
            lines.append(json.dumps(row(number, draw, FIELDS[i % 2] if i < papers // 4 else None), ensure_ascii=False))
        text = "\n".join(lines) + "\n"
        name = f"2026-02-{day:02d}.jsonl"
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (folder / name).write_text(text, encoding="utf-8")
    return folder
