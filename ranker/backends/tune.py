"""Which way of encoding is fastest on this machine: measured (``ranker doctor --tune``), kept in the user's cache.

The result holds for this CPU, these library versions and this model; where any of them changes, the rule of
`ranker.backends.encoders` applies again until it is measured anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker import resources
from ranker.backends.bert_plan import Plan, read_plan
from ranker.backends.cpu import cpu_name, has_bfloat16, has_int8
from ranker.backends.encoders import open_encoder
from ranker.backends.lanes import cores
from ranker.errors import RankerError
from ranker.model_files import ModelFiles, find_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.config import EncoderSettings
    from ranker.protocols import Encoder

LEAST_COSINE = {"float32": 0.999, "bfloat16": 0.999, "int8": 0.99}
"""Mean cosine to the float32 vectors that a precision must keep to be chosen."""

_ROUNDS, _TEXTS, _WARM_UP = 3, 48, 8


@dataclass(frozen=True, slots=True)
class Measured:
    """One way: texts/s (median of the rounds), mean cosine to float32 vectors."""

    backend: str
    precision: str
    per_second: float
    cosine: float

    @property
    def good_enough(self) -> bool:
        return self.cosine >= LEAST_COSINE[self.precision]


def ways(plan: Plan) -> list[tuple[str, str]]:
    """(backend, precision) that this CPU and these packages can do, the fall-back first."""
    if plan.bert is None:
        return [("sentence-transformers", "float32")]
    found = [("torch", "float32")]
    low = has_bfloat16()
    found += [("torch", "bfloat16")] if low else []
    if util.find_spec("openvino") is not None:
        found += [("openvino", "float32")]
        found += [("openvino", "bfloat16")] if low else []
        found += [("openvino", "int8")] if has_int8() else []
    return found


def tune(settings: EncoderSettings) -> Iterator[str]:
    """Measure every way on the bundled day, keep the fastest that is exact enough, and say so line by line."""
    files = find_encoder(settings.model)
    plan = read_plan(files.folder)
    texts = _sample()
    yield f"measuring {files.name} on {cpu_name()}, {cores(settings.threads)} cores, {len(texts)} texts a round"
    results = measure(files, plan, texts, threads=settings.threads)
    for m in results:
        note = "" if m.good_enough else f"  (below {LEAST_COSINE[m.precision]}: not chosen)"
        yield f"  {m.backend:<22}{m.precision:<10}{m.per_second:7.1f} texts/s   cosine {m.cosine:.5f}{note}"
    best = choose(results)
    path = remember(files, plan, best, results)
    yield f"fastest: {best.backend}, {best.precision}; kept in {path}, used where [encoder] says auto"
    yield "vectors made another way stay stored under their own key; papers ranked again get new ones"


def measure(
    files: ModelFiles, plan: Plan, texts: Sequence[str], *, threads: int = 0, rounds: int = _ROUNDS
) -> list[Measured]:
    """Every way on the same texts; rounds alternate between the ways, so that a busy moment hits all of them."""
    encoders: dict[tuple[str, str], Encoder] = {}
    vectors: dict[tuple[str, str], NDArray[np.float32]] = {}
    for way in ways(plan):
        try:
            encoder = open_encoder(files, plan, *way, threads=threads)
            encode_all(encoder, texts[:_WARM_UP])
        except RankerError:
            continue  # a broken extra is doctor's to report; the fall-back is always there
        encoders[way] = encoder
    seconds: dict[tuple[str, str], list[float]] = {way: [] for way in encoders}
    for _ in range(rounds):
        for way, encoder in encoders.items():
            started = time.perf_counter()
            vectors[way] = encode_all(encoder, texts)
            seconds[way].append(time.perf_counter() - started)
    exact = next(v for (_, precision), v in vectors.items() if precision == "float32")
    return [
        Measured(*way, len(texts) / statistics.median(seconds[way]), float((v * exact).sum(axis=1).mean()))
        for way, v in vectors.items()
    ]


def choose(results: Sequence[Measured]) -> Measured:
    """The fastest way that is exact enough; float32 always is."""
    return max((m for m in results if m.good_enough), key=lambda m: m.per_second)


def encode_all(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """(len(texts), dimension) float32 in input order."""
    out = np.zeros((len(texts), encoder.info.dimension), dtype=np.float32)
    for positions, rows in encoder.encode(texts):
        out[positions] = rows
    return out


def remember(files: ModelFiles, plan: Plan, best: Measured, results: Sequence[Measured]) -> Path:
    """Write the choice beside those for other models; returns the file."""
    path = _cache_file()
    known = _read(path)
    known[_situation(files, plan)] = {
        "backend": best.backend,
        "precision": best.precision,
        "measured": [asdict(m) for m in results],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(known, indent=1), encoding="utf-8")
    draft.replace(path)
    return path


def recall(files: ModelFiles, plan: Plan) -> tuple[str, str] | None:
    """(backend, precision) measured to be fastest in this very situation; None where nothing was measured."""
    path = _cache_file()
    if not path.is_file():
        return None
    entry = _read(path).get(_situation(files, plan))
    if entry is None or (entry["backend"], entry["precision"]) not in ways(plan):
        return None
    return entry["backend"], entry["precision"]


def _situation(files: ModelFiles, plan: Plan) -> str:
    """sha256 (hex) of the CPU, its cores, the libraries' versions and the model."""
    parts = [cpu_name(), str(cores()), files.sha256, plan.config_hash]
    for name in ("torch", "openvino", "sentence-transformers"):
        try:
            parts.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            parts.append(f"no {name}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _cache_file() -> Path:
    return resources.user_cache_dir() / "encoder-tune.json"


def _read(path: Path) -> dict[str, Any]:
    """What was measured before; a damaged cache counts as none, the rule then applies."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _sample() -> list[str]:
    texts = []
    for line in resources.sample_day().read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            texts.append(f"{row['title']}. {row['abstract']}")
        except (ValueError, KeyError, TypeError):
            continue  # one row of the sample is broken on purpose
    # As long as real ones: two invented abstracts make one of a usual length.
    return [f"{a} {b}" for a, b in zip(texts[::2], texts[1::2], strict=False)][:_TEXTS]
