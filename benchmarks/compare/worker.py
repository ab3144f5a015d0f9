"""One contestant in a process of its own: fit, score, time. Started by ``run``; writes what it found, last of all.

    python -m benchmarks.compare.worker SPEC.json OUT_FOLDER STARTED

``STARTED``: the parent's clock (``time.time()``) just before. Progress goes to stdout as JSON lines.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import resource
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.compare.contestants import Contestant
    from benchmarks.compare.spec import Scored, Spec
    from ranker.protocols import Encoder
    from ranker.types import Paper

ROOT = Path(__file__).resolve().parent.parent.parent


def main(arguments: Sequence[str]) -> None:
    spec_path, folder, started = Path(arguments[0]), Path(arguments[1]), float(arguments[2])
    from benchmarks.compare.spec import Spec

    try:
        result = compete(Spec.load(spec_path.read_text(encoding="utf-8")), folder, started)
    except Exception as error:  # any failure at all is a row of the table that says why
        traceback.print_exc()
        what = str(error).strip().splitlines()[0] if str(error).strip() else "no message"
        result = {"failed": f"{type(error).__name__}: {what}"[:300]}
    result["sources"] = sources()
    draft = folder / "result.json.part"
    draft.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    draft.rename(folder / "result.json")


def compete(spec: Spec, folder: Path, started: float) -> dict[str, Any]:
    """Everything about one contestant; predictions go to ``predictions.npz``."""
    from benchmarks.compare.contestants import EMBED_ONLY, ROWS
    from benchmarks.compare.judged import read_judged, split
    from benchmarks.compare.ours import encode
    from ranker.backends.encoders import choose_encoder
    from ranker.config import EncoderSettings
    from ranker.profile import load_profile

    profile = load_profile(Path(spec.profile))
    encoder = choose_encoder(EncoderSettings(model=spec.encoder))
    if spec.row == EMBED_ONLY:
        papers = [p.paper for p in read_judged(Path(spec.data), profile.field_names)]
        return {"embedded": len(_vectors(papers, encoder, folder, wanted=True))}
    row = ROWS[spec.row]
    imported = time.time() - started
    clock = time.perf_counter()
    if row.embeds:
        encode(encoder, ["warm"])  # so that its weights count as the start, whoever needs them first
    contestant: Any = row.build(spec, profile, encoder)
    opened = time.perf_counter() - clock
    parts = split(read_judged(Path(spec.data), profile.field_names), spec.test_from, spec.test_until)
    test = [p.paper for p in parts.test]
    vectors = _vectors([p.paper for p in parts.fit], encoder, folder, wanted=row.embeds and row.learns)
    tell("fit", 0, 1)
    clock = time.perf_counter()
    contestant.fit(parts.fit, vectors)
    fitted = time.perf_counter() - clock
    tell("fit", 1, 1)
    cost = timings(contestant, encoder if row.embeds else None, test, spec)
    test_vectors = _vectors(test, encoder, folder, wanted=row.embeds)
    tell("score", 0, len(test))
    said = contestant.score(test, test_vectors)
    tell("score", len(test), len(test))
    said.save(folder / "predictions.npz")
    start, first = imported + opened, cost["first"]
    if row.reads:
        # Its weights are read on the way to the first judgment, so its start ends where that comes.
        first, start = getattr(contestant, "first_s", 0.0), start + getattr(contestant, "first_s", 0.0)
    result: dict[str, Any] = {
        "cost": {
            "start_s": start,
            "first_s": start if row.reads else start + first,
            "papers_s": contestant.papers_s if row.reads else cost["papers_s"],
            "fit_s": fitted,
            "tokens_s": getattr(contestant, "tokens_s", None),
            **memory(),
        },
        "split": {"fit_papers": len(parts.fit), "test_papers": len(test), "dropped": parts.dropped,
                  "fit_days": list(parts.fit_days), "test_days": list(parts.test_days)},
        "order": contestant.order if row.reads else order_sensitivity(contestant, test, test_vectors, spec),
        "encoder": dataclasses.asdict(encoder.info) if row.embeds else None,
    }  # fmt: skip
    result |= dict(getattr(contestant, "notes", None) or {})
    if spec.curve:
        from benchmarks.compare.curve import learning_curve

        make = lambda: row.build(spec, profile, encoder)  # noqa: E731
        result["curve"] = learning_curve(make, parts, vectors, test_vectors, spec, tell)
    return result


def timings(contestant: Contestant, encoder: Encoder | None, papers: Sequence[Paper], spec: Spec) -> dict[str, float]:
    """Seconds until the first paper is scored, papers/s from text to score; nothing is reused."""
    import numpy as np

    from benchmarks.compare.contestants import ROWS
    from benchmarks.compare.ours import encode
    from ranker.text import document_text

    if ROWS[spec.row].reads:  # measured on the papers that it reads anyway
        return {"first": 0.0, "papers_s": 0.0}

    def whole(part: Sequence[Paper]) -> Scored:
        if encoder is None:
            return contestant.score(part, np.zeros((len(part), 0), dtype=np.float32))
        return contestant.score(part, encode(encoder, [document_text(p.title, p.abstract) for p in part]))

    clock = time.perf_counter()
    whole(papers[:1])
    first = time.perf_counter() - clock
    # Over the whole test span, so that no single day's topics decide.
    every = max(1, len(papers) // max(spec.timed_papers, 1))
    sample = papers[::every][: spec.timed_papers]
    clock = time.perf_counter()
    whole(sample)
    return {"first": first, "papers_s": len(sample) / (time.perf_counter() - clock)}


def order_sensitivity(
    contestant: Contestant, papers: Sequence[Paper], vectors: NDArray[np.float32], spec: Spec
) -> float:
    """1 - Kendall tau-b between scores in the given order and in a shuffled one: 0 where company plays no part."""
    import numpy as np

    from ranker import evaluate

    count = min(len(papers), 256)
    mixed = np.random.default_rng(spec.seed).permutation(count)
    straight = contestant.score(papers[:count], vectors[:count]).score
    back = np.empty(count)
    back[mixed] = contestant.score([papers[i] for i in mixed], vectors[mixed]).score
    tau = evaluate.kendall_tau_b(np.nan_to_num(straight, nan=-1e9), np.nan_to_num(back, nan=-1e9))
    return 0.0 if np.isnan(tau) else 1.0 - tau


def memory() -> dict[str, float | None]:
    """Peak of this process and of its children (Linux counts KiB), and of the GPU where torch used one."""
    host = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    gpu = None
    if "torch" in sys.modules:
        torch: Any = sys.modules["torch"]
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            gpu = torch.cuda.max_memory_allocated() / 2**20
    return {"host_mib": host, "gpu_mib": gpu}


def sources() -> dict[str, str]:
    """Our own modules that took part, with the sha256 of their files: change one and the row is run again."""
    found = {}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if (
            file
            and Path(file).is_relative_to(ROOT)
            and module.__name__.split(".")[0] in ("ranker", "benchmarks", "__main__")
        ):
            path = Path(file)
            found[str(path.relative_to(ROOT))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def tell(stage: str, done: int, total: int) -> None:
    """A line of progress for the parent, which may have gone away."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"stage": stage, "done": done, "total": total}), flush=True)


def _vectors(papers: Sequence[Paper], encoder: Encoder, folder: Path, *, wanted: bool) -> NDArray[np.float32]:
    """Vectors (n, d), kept between contestants in a store beside the cache; (n, 0) where none are wanted."""
    import numpy as np

    from ranker.embed import embed
    from ranker.store import Store
    from ranker.text import document_text, text_hash

    if not wanted:
        return np.zeros((len(papers), 0), dtype=np.float32)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        tell("embed", done, len(papers))

    with Store(folder.parent / "vectors.db") as store:
        texts = [document_text(p.title, p.abstract) for p in papers]
        hashes = [text_hash(p.title, p.abstract) for p in papers]
        return embed(texts, hashes, encoder, store, on_batch=advance).vectors


if __name__ == "__main__":
    main(sys.argv[1:])
