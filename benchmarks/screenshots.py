"""The README's pictures: the bundled sample day (invented papers and scores), light and dark, as small PNGs.

python -m benchmarks.screenshots [--out benchmarks/results]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.invented_days import bulk_day, days_before, sample_day
from ranker.digest.site import entries_of, render_site, summarise

LIMIT = 200_000


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    out: Path = parser.parse_args().out
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for scheme in ("light", "dark"):
            context = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 760})
            page = context.new_page()
            page.goto((Path(folder) / "index.html").as_uri())
            page.wait_for_selector(".act")
            page.keyboard.press("j")
            if scheme == "dark":
                page.keyboard.press("j")
                page.keyboard.press("o")
                page.evaluate("document.querySelector('.card.current').scrollIntoView({block: 'start'})")
            else:
                page.evaluate("scrollTo(0, 0)")
            page.keyboard.press("u")
            page.wait_for_timeout(200)
            target = out / f"page-{scheme}.png"
            page.screenshot(path=target)
            size = target.stat().st_size
            print(f"{target} {size} bytes")
            if size > LIMIT:
                raise SystemExit(f"{target}: over {LIMIT} bytes")
        browser.close()


def write(folder: Path) -> None:
    pages = [sample_day(), *(bulk_day(day, 40) for day in days_before("2026-02-09", 3))]
    runs = {page.run.day: page.run for page in pages}
    history = [summarise(run) for run in runs.values()]
    for path, content in render_site(pages, history, lambda day: entries_of(runs[day])):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    main()
