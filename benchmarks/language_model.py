"""What the benchmarks of the language-model judge share: routed candidates of judged days, and resumable judging."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.compare.judged import JudgedPaper
from ranker import evidence, resources
from ranker.backends.encoders import choose_encoder
from ranker.backends.faiss import inner_products
from ranker.config import EncoderSettings
from ranker.judging.judge import LanguageModelJudge
from ranker.judging.prompts import load_templates
from ranker.judging.settings import JudgeSettings
from ranker.pipeline import candidate, embed_and_route, outcome_key
from ranker.profile import Profile
from ranker.progress import Silent, Tally
from ranker.store import Store
from ranker.types import Candidate, JudgeOutcome, Judgment

if TYPE_CHECKING:
    from ranker.protocols import Generator

ROOT = Path(__file__).resolve().parent.parent
JUDGED = ROOT.parent / "shared" / "data" / "judged"
CACHE = ROOT / ".cache" / "judging"
VECTORS = ROOT / ".cache" / "compare" / "vectors.db"


@dataclass(frozen=True, slots=True)
class Timed:
    """Outcomes by arXiv id, how many came from the cache, and the seconds that the rest took."""

    outcomes: dict[str, JudgeOutcome]
    cached: int
    seconds: float


def small_model_judge(generator: Generator, profile: Profile, settings: JudgeSettings) -> LanguageModelJudge:
    templates = load_templates(settings, profile, resources.config_dir() / "prompts")
    return LanguageModelJudge(generator, profile, templates, settings, evidence=lambda c: evidence.reason(c, profile))


def open_transformers(model: str, dtype: str) -> Generator:
    """The real small model where none is named."""
    from ranker.backends.smollm2 import ensure_smollm2
    from ranker.backends.transformers import TransformersGenerator, TransformersSettings

    settings = TransformersSettings(dtype=dtype)  # type: ignore[arg-type]
    return TransformersGenerator(model or ensure_smollm2(), settings)


def routed(papers: Sequence[JudgedPaper], profile: Profile) -> list[Candidate]:
    """Every paper as a candidate for its nearest field (none is left out: judging is measured, not routing)."""
    VECTORS.parent.mkdir(parents=True, exist_ok=True)
    plain = [p.paper for p in papers]
    encoder, tally = choose_encoder(EncoderSettings()), Tally(Silent())
    with Store(VECTORS) as store:
        vectors, routes = embed_and_route(
            plain, profile, encoder=encoder, search=inner_products, store=store, tally=tally
        )
    return [candidate(p, r, v) for p, r, v in zip(plain, routes, vectors, strict=True) if r.field]


def judged(judge: LanguageModelJudge, candidates: Sequence[Candidate], profile: Profile) -> Timed:
    """Outcomes of all candidates; what was judged before (same prompt, same model) comes from the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with Store(CACHE / "outcomes.db") as store:
        keys = {c.paper.arxiv_id: outcome_key(c, judge) for c in candidates}
        known = store.get_judgments(list(keys.values()))
        found: dict[str, JudgeOutcome] = {i: known[k] for i, k in keys.items() if k in known}
        missing = [c for c in candidates if c.paper.arxiv_id not in found]
        start = time.perf_counter()
        for number, outcome in enumerate(judge.judge(missing), 1):
            found[outcome.arxiv_id] = outcome
            if isinstance(outcome, Judgment):
                store.put_judgments(profile.name, [(keys[outcome.arxiv_id], None, outcome)], "benchmark")
            if number % 50 == 0:
                print(f"  {number}/{len(missing)} in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        return Timed(found, len(known), time.perf_counter() - start)
