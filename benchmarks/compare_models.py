"""Which judge agrees best with the judge of past days, and at what cost? Rules, encoders, heads, language models.

    python -m benchmarks.compare_models [--data FOLDER] [--rows "cold,blend"] [--encoder FOLDER] [--lm BACKEND=MODEL]

Contestants are fitted on the days before --test-from and measured on the days from then on, each in a subprocess.
What is finished is kept under .cache/compare, so a second run goes on where the first stopped. Writes
benchmarks/results/compare_models.json, .html (a page that stands alone), .md and .svg (for a README), prints a table,
then one JSON line.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.compare import report, svg
from benchmarks.compare.contestants import DEFAULT, EMBED_ONLY, ROWS
from benchmarks.compare.figures import Truth
from benchmarks.compare.judged import digest, judged_files, read_judged, split
from benchmarks.compare.page import page
from benchmarks.compare.run import outcome
from benchmarks.compare.spec import Scored, Spec
from ranker.errors import InputError, RankerError
from ranker.profile import find_profile, load_profile

ROOT = Path(__file__).resolve().parent.parent
SMALL_MODEL = "transformers=smollm2"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if threading.current_thread() is threading.main_thread():
        # Ended from outside, it must not leave a contestant running on.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True)
    target = options.out / "compare_models.json"
    try:
        found = json.loads(target.read_text("utf-8")) if options.render else compare(_specs(options), options, console)
    except OSError as error:
        console.print(f"error: {target}: can't be read ({error.strerror})", style="red", markup=False)
        return InputError.exit_code
    except RankerError as error:
        console.print(f"error: {error}", style="red", markup=False)
        return error.exit_code
    wide = Console(width=None if sys.stdout.isatty() else 240)
    wide.print(report.table(found))
    write(found, options.out)
    best = [(r["name"], r["figures"]["ap"]["mean"]) for r in found["rows"] if "figures" in r]
    print(json.dumps({"ap": dict(best), "failed": [r["name"] for r in found["rows"] if "failed" in r]}))
    return 0


def write(found: dict[str, Any], folder: Path) -> None:
    """The results, the page, and what a README shows; everything else is made from the results."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare_models.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "compare_models.html").write_text(page(found), "utf-8")
    (folder / "compare_models.md").write_text(report.markdown(found), "utf-8")
    plot = svg.scatter([r for r in found["rows"] if "figures" in r])
    (folder / "compare_models.svg").write_text(svg.alone(plot), "utf-8")


def compare(specs: Sequence[Spec], options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run every contestant (or take what is kept) and put the figures together."""
    profile = load_profile(Path(specs[0].profile))
    files = judged_files(options.data)
    key = digest(files)
    parts = split(read_judged(options.data, profile.field_names), options.test_from, options.test_until)
    truth = Truth.of(parts.test, profile.field_names)
    outcomes: list[tuple[Spec, dict[str, Any], Scored | None]] = []
    bars = Progress(
        TextColumn("{task.description:>36}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=options.quiet,
    )
    with bars:
        whole = bars.add_task("contestants", total=len(specs))
        stage = bars.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bars.update(stage, description=f"{current} · {what}", completed=done, total=max(total, 1))

        for encoder in dict.fromkeys(s.encoder for s in specs if ROWS[s.row].embeds):
            current = "vectors"
            spec = Spec(EMBED_ONLY, *_where(specs[0]), encoder=encoder)
            outcome(spec, key, options.cache, tell=tell)  # a failure shows again in every row that needs it
        for spec in specs:
            current = spec.name
            bars.update(stage, description=current, completed=0, total=None)
            result, scored = outcome(spec, key, options.cache, fresh=options.fresh, tell=tell)
            outcomes.append((spec, result, scored))
            if "failed" in result:
                bars.console.print(f"{spec.name}: failed: {result['failed']}", markup=False)
            bars.advance(whole)
    about = {"files": len(files), "sha256": key}
    return report.results(truth, outcomes, baseline=options.baseline, fields=profile.field_names, data=about)


def _where(spec: Spec) -> tuple[str, str, str]:
    return spec.data, spec.profile, spec.test_from


def _specs(options: argparse.Namespace) -> list[Spec]:
    rows = [r.strip() for r in options.rows.split(",") if r.strip()] if options.rows else list(DEFAULT)
    unknown = [r for r in rows if r not in ROWS]
    if unknown:
        raise InputError(f"no such row: {', '.join(unknown)}", where="--rows", todo=f"known: {', '.join(ROWS)}")
    if options.baseline not in rows:
        raise InputError(f"{options.baseline!r} is not among the rows", where="--baseline", todo="add it to --rows")
    judged_files(options.data)  # told before anything is started
    common: dict[str, Any] = {
        "data": str(options.data.resolve()),
        "profile": str(find_profile(options.profile).resolve()),
        "test_from": options.test_from,
        "test_until": options.test_until,
        "seed": options.seed,
        "timed_papers": options.timed_papers,
    }
    curve = tuple(sorted({int(n) for n in options.curve.split(",") if n.strip()}))
    specs = []
    for name in rows:
        row = ROWS[name]
        for encoder in (options.encoder or ["embedded"]) if row.embeds else ["embedded"]:
            for lm in options.lm or [SMALL_MODEL] if row.reads else [""]:
                more: dict[str, Any] = {"encoder": encoder, "lm": lm}
                if row.curve:
                    more |= {"curve": curve, "draws": options.draws}
                if row.reads:
                    # The blend's reasons would be the model's own again.
                    reasons = 0 if row.learns else options.lm_reasons
                    more |= {"lm_papers": options.lm_papers, "lm_reasons": reasons}
                specs.append(Spec(name, **common, **more))
                if name == "blend":
                    specs += [Spec(name, **common, **more, heads=str(folder)) for folder in options.heads or ()]
    return specs


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "judged", help="judged days")
    parser.add_argument("--profile", default="default", help="a profile's name or file")
    parser.add_argument("--test-from", default="2026-01-01", help="first test day; earlier days are fitted on")
    parser.add_argument("--test-until", default=None, help="last test day")
    parser.add_argument("--rows", default="", help=f"comma-separated; all by default: {', '.join(DEFAULT)}")
    parser.add_argument("--baseline", default="description centroids", help="row that differences are taken to")
    parser.add_argument("--encoder", action="append", help='"embedded" or a model folder; repeatable')
    parser.add_argument("--heads", action="append", help="folder of fitted heads: one more blend; repeatable")
    parser.add_argument("--lm", action="append", help="BACKEND=MODEL (transformers, vllm, openai); repeatable")
    parser.add_argument("--lm-papers", type=int, default=120, help="test papers that a language model reads; 0: all")
    parser.add_argument("--lm-reasons", type=int, default=4, help="reasons that a language model writes")
    parser.add_argument("--curve", default="1,3,7,14", help="judged days of the learning curve; empty: none")
    parser.add_argument("--draws", type=int, default=5, help="random draws of days a point of the curve")
    parser.add_argument("--timed-papers", type=int, default=64, help="papers that throughput is measured on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "compare")
    parser.add_argument("--fresh", action="store_true", help="use nothing that is kept (but vectors)")
    parser.add_argument("--render", action="store_true", help="write page, table and plot anew from the results file")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
