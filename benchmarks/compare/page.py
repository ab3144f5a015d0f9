"""The comparison as one HTML page that stands alone: table, plots as inline SVG, no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from benchmarks.compare import svg
from benchmarks.compare.report import NAMES, cells, label

_STYLE = """
:root{color-scheme:light dark;--line:#d0d5dd;--soft:#667085;--ink:#101828;--paper:#fff;--mark:#1d4ed8}
@media(prefers-color-scheme:dark){:root{--line:#344054;--soft:#98a2b3;--ink:#f2f4f7;--paper:#0c111d;--mark:#84adff}}
body{font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;max-width:78rem;
padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem}p,figcaption,small{color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;white-space:nowrap}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child,td:first-child{text-align:left}td.why{text-align:left;color:#d92d20;white-space:normal}
figure{margin:1rem 0}svg{max-width:100%;height:auto}svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg .axis{stroke:var(--line)}svg .soft{fill:var(--soft)}.two{display:flex;flex-wrap:wrap;gap:2rem}
"""
_HEAD = (
    "contestant", "AP per day", "AP less baseline", "R-prec", "nDCG@10", "nDCG@50", "recall 60%", "field", "Spearman",
    "pooled", "tau-b", "ties", "ECE", "failed", "zh", "order", "papers/s", "tokens/s", "start s", "first s", "MiB",
)  # fmt: skip


def page(found: Mapping[str, Any]) -> str:
    """The whole page as text."""
    rows = sorted(found["rows"], key=lambda r: -r["figures"]["ap"]["mean"] if "figures" in r else 1.0)
    fine = [{**r, "colour": i} for i, r in enumerate(r for r in rows if "figures" in r)]
    split, machine = found["split"], found["hardware"]
    intro = (
        f"{split['test_papers']} papers of {len(split['test_days'])} days ({split['test_days'][0]} to "
        f"{split['test_days'][-1]}), {split['test_picks']} of them picked; contestants that learn were fitted on "
        f"{split['fit_papers']} papers of {split['fit_days']} earlier days. Intervals: 95%, bootstrap over days. "
        f"{machine['cores']} cores ({machine['machine']}), load {machine['load']} at the end."
    )
    return "\n".join(
        [
            "<!doctype html><html lang=en><head><meta charset=utf-8>",
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            "<meta name=viewport content='width=device-width'><title>Models compared</title>",
            f"<style>{_STYLE}</style></head><body><h1>Models compared</h1><p>{escape(intro)}</p>",
            _table(rows, found),
            "<h2>Quality against cost</h2>",
            _figure(svg.scatter(fine), "AP per day (bars: 95% interval) against papers a second from text to score."),
            "<h2>Calibration</h2>",
            _figure(svg.reliability(fine), "Share picked against P(recommended), 15 bins of equal mass."),
            "<h2>Learning curve</h2>",
            _figure(
                svg.curves(fine, split["fit_days"]), "AP per day on the test days; bands: lowest and highest draw."
            ),
            "<h2>Differences to the baseline</h2>",
            _differences(fine),
            "<h2>Fields taken for one another</h2><p>Rows: the judge's field of a pick; columns: the contestant's.</p>",
            _confusions(fine, found["fields"]),
            "</body></html>\n",
        ]
    )


def _table(rows: list[dict[str, Any]], found: Mapping[str, Any]) -> str:
    lines = [f"<tr>{''.join(f'<th>{escape(h)}</th>' for h in _HEAD)}</tr>"]
    for row in rows:
        name = f"<td title='{escape(row['about'], quote=True)}'>{escape(label(row, found))}</td>"
        if "failed" in row:
            lines.append(f"<tr>{name}<td class=why colspan={len(_HEAD) - 1}>failed: {escape(row['failed'])}</td></tr>")
        else:
            lines.append(f"<tr>{name}{''.join(f'<td>{escape(c)}</td>' for c in cells(row, found['baseline']))}</tr>")
    notes = [f"{escape(r['name'])}: {escape(r['note'])}" for r in rows if r.get("note")]
    return f"<div class=wide><table>{''.join(lines)}</table></div><p><small>{'<br>'.join(notes)}</small></p>"


def _differences(rows: list[dict[str, Any]]) -> str:
    names = [n for n in NAMES if any(n in r.get("against", {}) for r in rows)]
    head = "".join(f"<th>{escape(NAMES[n])}</th>" for n in names)
    lines = [f"<tr><th>contestant</th>{head}</tr>"]
    for row in rows:
        against = row.get("against")
        if against:
            shown = "".join(f"<td>{_signed(against.get(n))}</td>" for n in names)
            lines.append(f"<tr><td>{escape(row['name'])}</td>{shown}</tr>")
    return f"<div class=wide><table>{''.join(lines)}</table></div>"


def _signed(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return "-"
    text = f"{interval['mean']:+.3f} [{interval['low']:+.3f}, {interval['high']:+.3f}]"
    return f"<b>{text}</b>" if interval["low"] > 0 or interval["high"] < 0 else text


def _confusions(rows: list[dict[str, Any]], fields: list[str]) -> str:
    shown = [(r["name"], r["figures"]["confusion"]) for r in rows if r["figures"].get("confusion")]
    parts = [f"<figure><figcaption>{escape(name)}</figcaption>{svg.matrix(m, fields)}</figure>" for name, m in shown]
    return f"<div class=two>{''.join(parts)}</div>"


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"
