"""What does a fine-tuned language model add? Judged days that nothing was fitted on: the model, the heads, and both.

    python -m benchmarks.finetuned --model FOLDER [--data FOLDER] [--test-from DATE]

The heads are fitted on the days before --test-from, which the model must have been fine-tuned on (its note says so, or
the script refuses). "Blended" is [judging] blend: a share of the heads' relevance, the rest the model's. All papers of
all test days, however little of the probability fell on labels; what was judged is cached, so an interrupted run goes
on. AP and R-precision are means over days with 95%
bootstrap intervals, differences are paired by day. Prints a table and a JSON line; writes results/finetuned.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare.figures import Truth, differences, summary
from benchmarks.compare.fitted import Blend
from benchmarks.compare.judged import JudgedPaper, read_judged, split
from benchmarks.compare.spec import Scored
from benchmarks.language_model import JUDGED, ROOT, judged, routed
from benchmarks.machine import machine
from ranker import evaluate, evidence, resources
from ranker.backends.choose import local_model
from ranker.backends.encoders import choose_encoder
from ranker.backends.transformers import TransformersGenerator
from ranker.backends.tuned import read_tuned
from ranker.config import EncoderSettings
from ranker.judging.judge import LanguageModelJudge
from ranker.judging.prompts import load_templates
from ranker.judging.settings import JudgeSettings
from ranker.profile import find_profile, load_profile
from ranker.types import Candidate, Judgment

SHARES = (0.25, 0.5, 0.75)
"""Of the heads' relevance in the blend. 0.5 was named before anything was measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder that `ranker finetune` wrote, or house")
    parser.add_argument("--data", type=Path, default=JUDGED)
    parser.add_argument("--test-from", default="2026-01-01")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "finetuned.json")
    options = parser.parse_args(arguments)
    profile, encoder = load_profile(find_profile("default")), choose_encoder(EncoderSettings())
    parts = split(read_judged(options.data, profile.field_names), options.test_from)
    folder = local_model(options.model)
    tuned = read_tuned(folder)
    if tuned is None or any(day >= options.test_from for day in tuned.days):
        raise SystemExit(f"{folder}: not fine-tuned, or on days from {options.test_from} on")
    generator = TransformersGenerator(folder)
    settings = JudgeSettings(write_reason=False, min_mass=0.0)
    templates = load_templates(settings, profile, resources.config_dir() / "prompts", own=tuned.template_files(folder))
    judge = LanguageModelJudge(generator, profile, templates, settings, evidence=lambda c: evidence.reason(c, profile))
    test = routed(parts.test, profile)
    timed = judged(judge, test, profile)
    judge.close()
    truth = Truth.of(parts.test, profile.field_names)
    said: dict[str, Scored] = {"model": model_scores(parts.test, timed.outcomes, test)}
    heads = Blend(profile, encoder)
    heads.fit(parts.fit, vectors_of(parts.fit, routed(parts.fit, profile)))
    said["heads"] = heads.score([p.paper for p in parts.test], vectors_of(parts.test, test))
    for share in SHARES:
        said[f"blended {share:g}"] = blended(said["model"], said["heads"], share)
    result: dict[str, Any] = {"model": folder.name, "fit": {"papers": tuned.papers, "days": len(tuned.days)}}
    result |= {"test": {"papers": len(parts.test), "days": list(parts.test_days)}, "template": templates.label.name}
    result["rows"] = {name: row(truth, s, said["heads"]) for name, s in said.items()}
    result |= {"seconds": round(timed.seconds, 1), "cached": timed.cached, "hardware": machine()}
    print(f"{'':14} {'AP':24} {'R-prec':8} {'AUC':7} {'Spearman':9} less the heads' AP")
    for name, r in result["rows"].items():
        ap, less = ("{mean:.3f} [{low:.3f}, {high:.3f}]".format(**r[key]) for key in ("ap", "ap_less_heads"))
        rest = f"{r['r_precision']['mean']:.3f}    {r['auc']:.3f}   {r['spearman']['mean']:.3f}"
        print(f"{name:14} {ap:24} {rest}     {less}")
    print(json.dumps(result, ensure_ascii=False))
    options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


def row(truth: Truth, said: Scored, heads: Scored) -> dict[str, Any]:
    """A contestant's figures, and its AP less the heads'."""
    found = summary(truth, said)
    scores = np.where(np.isnan(said.score), -np.inf, said.score)
    kept = {name: found[name] for name in ("ap", "r_precision", "spearman", "recall60")}
    kept["auc"] = round(evaluate.auc(scores, truth.picked), 4)
    kept["ap_less_heads"] = differences(truth, said, heads)["ap"]
    return kept


def model_scores(papers: Sequence[JudgedPaper], outcomes: dict[str, Any], candidates: Sequence[Candidate]) -> Scored:
    """Relevance as the model said it, NaN where it said nothing; ties by similarity, as the digest breaks them."""
    similarity = {c.paper.arxiv_id: c.route.similarity for c in candidates}
    found = [outcomes.get(p.paper.arxiv_id) for p in papers]
    score = [o.relevance if isinstance(o, Judgment) else np.nan for o in found]
    return Scored.of(score, similarity=[similarity.get(p.paper.arxiv_id, 0.0) for p in papers])


def vectors_of(papers: Sequence[JudgedPaper], candidates: Sequence[Candidate]) -> Any:
    """(n, d) float32 of the papers, in their order."""
    by_id = {c.paper.arxiv_id: np.frombuffer(c.vector or b"", dtype=np.float32) for c in candidates}
    return np.stack([by_id[p.paper.arxiv_id] for p in papers])


def blended(model: Scored, heads: Scored, share: float) -> Scored:
    """``ranker.judging.calibration.adjust`` on columns: where one says nothing, the other stands alone."""
    mixed = (1.0 - share) * model.score + share * heads.score
    only = np.where(np.isnan(model.score), heads.score, model.score)
    return Scored.of(np.where(np.isnan(mixed), only, mixed), similarity=heads.similarity)


if __name__ == "__main__":
    raise SystemExit(main())
