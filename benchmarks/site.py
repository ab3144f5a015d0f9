"""How quick is the page? A 900-paper day and a 400-day history in headless Chromium, and what the index weighs.

    python -m benchmarks.site [--days 400] [--papers 900] [--repeat 5]

Prints a table, then one JSON line; writes benchmarks/results/site.json. Titles and reasons come from ../shared where it
lies beside the repository (so that the index has the entropy of real ones; nothing of it is kept), else invented.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.invented_days import FIELDS, bulk_day, days_before
from ranker.digest.site import DaySummary, Entry, FieldTotal, entries_of, render_site, summarise
from ranker.digest.site.shards import BUDGET
from ranker.digest.site.summary import index_bytes
from ranker.types import OutcomeName

ROOT = Path(__file__).resolve().parent.parent
LAST = "2026-02-10"
_PAINT = """() => new Promise(done => {
  const look = () => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    const nav = performance.getEntriesByType('navigation')[0];
    if (paint && nav.loadEventEnd) done([paint.startTime, nav.domContentLoadedEventEnd, nav.loadEventEnd]);
    else setTimeout(look, 10);
  };
  look();
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--papers", type=int, default=900)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    words = real_words()
    with tempfile.TemporaryDirectory() as folder:
        result = {**hardware(), "words": "real" if words else "invented", **vars(options)}
        result |= build(Path(folder), options.days, options.papers, words)
        result |= paint(Path(folder), options.repeat)
    for key, value in result.items():
        print(f"{key:32} {value}")
    print(json.dumps(result, ensure_ascii=False))
    target = ROOT / "benchmarks" / "results" / "site.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")


def real_words() -> list[tuple[str, str]]:
    """(title, Chinese reason or "") of judged papers, where they lie beside the repository."""
    found = []
    for path in sorted((ROOT.parent / "shared" / "data" / "judged").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                found.append((row["title"], (row["judgment"] or {}).get("reason") or ""))
    for path in sorted((ROOT.parent / "shared" / "data" / "summaries").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found.extend((row["title"], row["summary"]["tldr"] or "") for row in map(json.loads, lines))
    return found


def build(folder: Path, days: int, papers: int, words: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Write the site of a long history whose newest day is whole; then render that day again, as every morning."""
    newest = bulk_day(LAST, papers, titles=[title for title, _ in words])
    entries = {day: invented_entries(day, papers, words) for day in days_before(LAST, days)}
    entries[LAST] = entries_of(newest.run)
    history = [summary_of(day, found) for day, found in entries.items() if day != LAST]
    history.append(summarise(newest.run))
    started = time.perf_counter()
    files = dict(render_site([newest], history, entries.__getitem__))
    first = time.perf_counter() - started
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    started = time.perf_counter()
    again = dict(render_site([newest], history, entries.__getitem__, existing=set(files)))
    morning = time.perf_counter() - started
    index = {path: len(content) for path, content in files.items() if path.startswith("search/")}
    held = sum(
        len(found) if f"search/{day[:7]}-full.js" in index else sum(entry.outcome == "recommended" for entry in found)
        for day, found in entries.items()
    )
    return {
        "build_all_s": round(first, 2),
        "build_morning_s": round(morning, 2),
        "morning_files": len(again),
        "day_page_mb": round(len(files["index.html"]) / 1e6, 2),
        "history_page_mb": round(len(files["history.html"]) / 1e6, 2),
        "index_mb": round(sum(index.values()) / 1e6, 2),
        "index_budget_mb": BUDGET / 1e6,
        "index_papers": held,
        "index_papers_of": sum(len(found) for found in entries.values()),
        "index_months": {kind: sum(kind in path for path in index) for kind in ("full", "picks", "titles")},
    }


def invented_entries(day: str, papers: int, words: Sequence[tuple[str, str]]) -> tuple[Entry, ...]:
    draw = random.Random(day)
    reasons = [reason for _, reason in words if reason] or ["归入「深度学习理论」；文中出现“bound”。"]
    found = []
    for number in range(papers):
        picked = number < papers // 4
        title = draw.choice(words)[0] if words else f"Sparse Routing without Labels {draw.randrange(10**6)}"
        outcome: OutcomeName = "recommended" if picked else "not_recommended"
        reason = draw.choice(reasons)[:200] if picked else ""
        arxiv_id, score = f"{day[2:4]}{day[5:7]}.{int(day[8:]) * 1000 + number:05d}", round(9 - 7 * number / papers, 4)
        found.append(Entry(arxiv_id, 1, title, draw.choice(FIELDS), score, outcome, reason))
    return tuple(found)


def summary_of(day: str, entries: Sequence[Entry]) -> DaySummary:
    picks = [entry for entry in entries if entry.outcome == "recommended"]
    totals = tuple(
        FieldTotal(name, sum(e.field == name for e in picks), sum(e.field == name for e in entries)) for name in FIELDS
    )
    counts = {"read": len(entries), "recommended": len(picks), "not_recommended": len(entries) - len(picks)}
    return DaySummary(day, "default", counts, totals, index_bytes(entries))


def paint(folder: Path, repeat: int) -> dict[str, Any]:
    """First contentful paint and the rest, median and worst of ``repeat`` fresh profiles, in milliseconds."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    result: dict[str, Any] = {}
    with sync_playwright() as playwright:
        for name, path in (("day", "index.html"), ("history", "history.html"), ("search", "search.html")):
            found = []
            for _ in range(repeat):
                # A process of its own each time: nothing is warm but the disk
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
                )
                page = browser.new_page()
                page.goto((folder / path).as_uri(), wait_until="commit")
                found.append(page.evaluate(_PAINT))
                if name == "search" and "browser" not in result:
                    result["browser"] = browser.version
                    result |= search_times(page)
                if name == "day" and "filter_ms" not in result:
                    result["filter_ms"] = page.evaluate(_FILTER)
                browser.close()
            for place, what in enumerate(("first_paint", "dom_ready", "loaded")):
                values = [times[place] for times in found]
                result[f"{name}_{what}_ms"] = round(statistics.median(values))
                result[f"{name}_{what}_worst_ms"] = round(max(values))
    return result


_FILTER = """() => new Promise(done => {
  const box = document.getElementById('f-text'); const started = performance.now();
  document.getElementById('f-show').value = 'all'; box.value = 'routing';
  box.dispatchEvent(new Event('input', {bubbles: true}));
  const before = document.getElementById('f-count').textContent;
  const look = () => document.getElementById('f-count').textContent === before ? setTimeout(look, 1)
    : requestAnimationFrame(() => setTimeout(() => done(Math.round(performance.now() - started)), 0));
  look();
})"""


def search_times(page: Any) -> dict[str, Any]:
    """From the first key to the first hits, to hits over all days, and of one more query."""
    started = time.perf_counter()
    page.fill("#q", "learning")
    page.wait_for_selector("#hits li")
    first = time.perf_counter() - started
    page.wait_for_selector("#q-status[data-complete]", timeout=120_000)
    complete = time.perf_counter() - started
    started = time.perf_counter()
    page.fill("#q", "不存在的词")
    page.wait_for_selector("#hits:not(:has(li))", state="attached")
    return {
        "search_first_hits_ms": round(first * 1000),
        "search_all_days_ms": round(complete * 1000),
        "search_next_query_ms": round((time.perf_counter() - started) * 1000),
    }


def hardware() -> dict[str, Any]:
    return {"machine": platform.machine(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}


if __name__ == "__main__":
    main()
