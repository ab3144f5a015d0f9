"""Outcomes -> the results file (aggregate figures only) and the table on the terminal."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from benchmarks.compare.contestants import ROWS
from benchmarks.compare.figures import DAILY, Truth, differences, summary
from benchmarks.compare.spec import Scored, Spec

_COLUMNS = ("r_precision", "ndcg10", "ndcg50", "recall60", "field", "spearman", "spearman_pooled", "kendall", "ties")
_SHORT = {
    "ap": "AP", "r_precision": "R-prec", "ndcg10": "nDCG@10", "ndcg50": "nDCG@50", "recall60": "rec@60%",
    "field": "field", "spearman": "Spearman", "spearman_pooled": "pooled", "kendall": "tau-b", "ties": "ties",
}  # fmt: skip


def results(
    truth: Truth,
    outcomes: Sequence[tuple[Spec, Mapping[str, Any], Scored | None]],
    *,
    baseline: str,
    fields: Sequence[str],
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """The JSON of a comparison: no paper's text, no label, no path of this machine."""
    said = {spec.name: scored for spec, _, scored in outcomes}
    against = said.get(baseline)
    rows = []
    for spec, outcome, scored in outcomes:
        row: dict[str, Any] = {"name": spec.name, "about": ROWS[spec.row].about, "row": spec.row}
        if scored is None:
            rows.append(row | {"failed": _plain_words(outcome.get("failed", "no predictions"))})
            continue
        row |= {"figures": summary(truth, scored), "cost": _rounded(outcome["cost"]), "order": outcome.get("order")}
        if against is not None and spec.name != baseline:
            row["against"] = differences(truth, scored, against)
        row |= {k: outcome[k] for k in ("curve", "reasons", "note", "model") if outcome.get(k) is not None}
        rows.append(row)
    first = next((dict(o["split"]) for _, o, s in outcomes if s is not None), {})
    return {
        "data": dict(data),
        "split": {
            "fit_days": len(first.get("fit_days", ())),
            "test_days": list(truth.days),
            "fit_papers": first.get("fit_papers"),
            "test_papers": len(truth.ids),
            "test_picks": int(truth.picked.sum()),
            "dropped_fit_papers": first.get("dropped"),
        },
        "baseline": baseline,
        "fields": list(fields),
        "hardware": hardware(),
        "rows": rows,
    }


def hardware() -> dict[str, Any]:
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }


def table(found: Mapping[str, Any]) -> Table:
    """A row a contestant, by AP; quality with half the interval's width, then cost."""
    split = found["split"]
    title = (
        f"{split['test_papers']} papers of {len(split['test_days'])} days from {split['test_days'][0]}, "
        f"{split['test_picks']} picks; fitted on {split['fit_papers']} papers of {split['fit_days']} earlier days"
    )
    shown = Table(title=title, title_justify="left")
    shown.add_column("contestant", no_wrap=True)
    columns = ("AP", f"AP less {found['baseline']}", *(_SHORT[n] for n in _COLUMNS))
    for name in (*columns, "ECE", "failed", "zh", "order", "papers/s", "tok/s", "start s", "first s", "MiB"):
        shown.add_column(name, justify="right")
    ranked = sorted(found["rows"], key=lambda r: -r["figures"]["ap"]["mean"] if "figures" in r else 1.0)
    for row in ranked:
        shown.add_row(*map(escape, (label(row, found), *cells(row, found["baseline"]))))
    return shown


def markdown(found: Mapping[str, Any]) -> str:
    """The short table of a README."""
    lines = [
        f"| | AP per day | less {found['baseline']} | R-prec | field | Spearman | ECE | papers/s | start, s | MiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(found["rows"], key=lambda r: -r["figures"]["ap"]["mean"] if "figures" in r else 1.0):
        name = label(row, found).replace("|", "/")
        if "failed" in row:
            lines.append(f"| {name} | failed: {row['failed'].replace('|', '/')} |" + " |" * 8)
            continue
        figures, cost = row["figures"], row["cost"]
        against = "baseline" if row["name"] == found["baseline"] else _signed(row.get("against", {}).get("ap"))
        means = [_mean(figures.get(n)) for n in ("r_precision", "field", "spearman_pooled", "ece")]
        costs = [_short(cost["papers_s"]), f"{cost['start_s']:.1f}", _short(cost["host_mib"])]
        lines.append(f"| {' | '.join([name, _with_width(figures['ap']), against, *means, *costs])} |")
    return "\n".join(lines) + "\n"


def label(row: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A row's name; where it saw a subsample, with its size: such a figure is measured on fewer papers."""
    papers = row.get("figures", {}).get("papers", found["split"]["test_papers"])
    return str(row["name"]) if papers == found["split"]["test_papers"] else f"{row['name']} ({papers} papers)"


def cells(row: Mapping[str, Any], baseline: str) -> list[str]:
    """What a table shows of a row, after its name."""
    if "failed" in row:
        return [f"failed: {row['failed']}"]
    figures, cost = row["figures"], row["cost"]
    rest = [_mean(figures.get(name)) for name in _COLUMNS]
    reasons, order = row.get("reasons"), row.get("order")
    return [
        _with_width(figures.get("ap")),
        "baseline" if row["name"] == baseline else _signed(row.get("against", {}).get("ap")),
        *rest,
        _mean(figures.get("ece")),
        f"{figures['failed']:.1%}" if figures["failed"] else "0",
        f"{reasons['passed']}/{reasons['written']}" if reasons else "-",
        "-" if order is None else f"{order:.3f}" if order else "0",
        _short(cost["papers_s"]),
        _short(cost.get("tokens_s")),
        f"{cost['start_s']:.1f}",
        f"{cost['first_s']:.1f}",
        _short(cost["host_mib"]),
    ]


def _with_width(interval: Mapping[str, float] | None) -> str:
    return "-" if interval is None else f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _signed(interval: Mapping[str, float] | None) -> str:
    return "-" if interval is None else f"{interval['mean']:+.3f} [{interval['low']:+.3f}, {interval['high']:+.3f}]"


def _mean(interval: Mapping[str, float] | None) -> str:
    return "-" if interval is None else f"{interval['mean']:.3f}"


def _short(number: float | None) -> str:
    return "-" if number is None else f"{number:.0f}" if number >= 10 else f"{number:.2f}"


def _rounded(cost: Mapping[str, float | None]) -> dict[str, float | None]:
    return {k: None if v is None else round(v, 3) for k, v in cost.items()}


def _plain_words(why: str) -> str:
    """A failure without this machine's folders."""
    return " ".join(w if not w.lstrip("'\"(").startswith("/") else "..." for w in why.split())


NAMES = DAILY | {"ece": "ECE of P(recommended)"}
