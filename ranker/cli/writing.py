"""From a run to its folder on disk: what `rank`, `run` and `digest` share."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ranker.cli.console import note, warn
from ranker.cli.session import Session, now
from ranker.types import Run, Stage

if TYPE_CHECKING:
    from ranker.digest.roundup import Period


def choose_forms(session: Session, forms: Sequence[str] | None, readme: bool | None) -> None:
    """Let ``--form`` and ``--readme`` override the configuration's table [digest]."""
    chosen: dict[str, Any] = {}
    if forms:
        names = [name.strip().lower() for text in forms for name in text.split(",")]
        if wrong := [name for name in names if name not in ("a", "b", "c", "all")]:
            raise typer.BadParameter(f"{wrong[0]!r} is no form; use a, b, c or all", param_hint="--form")
        chosen["forms"] = tuple(form for form in "abc" if form in names or "all" in names)
    if readme is not None:
        chosen["readme"] = readme
    digest = dataclasses.replace(session.config.digest, **chosen)
    session.config = dataclasses.replace(session.config, digest=digest)


def write_digest(session: Session, run: Run, folder: Path) -> None:
    """Render every file and put the folder in place in one step."""
    from ranker import output
    from ranker.audit import by_ticks, draw
    from ranker.digest import files as digest
    from ranker.digest.jsonl import report_json
    from ranker.roles import quotes, spans

    settings = session.config.digest
    started = time.perf_counter()
    session.store.put_summary(run.profile, run.day, digest.summary_row(run))
    keep_ticks(folder)
    existing = output.existing_files(folder)
    marked: Any = {r.paper.arxiv_id: spans(r.paper) for r in run.rankings if r.outcome == "recommended"}
    files = digest.digest_files(
        run, settings, session.profile, session.store, quotes=quotes, spans=marked, existing=existing
    )
    keep = digest.kept_files(run, files, session.store, existing, site=settings.site)
    # Only the folder's report knows this stage: the stored run was complete before anything was rendered.
    rendered = Stage("digest", time.perf_counter() - started, len(files), 0)
    ticks = [tick for tick in session.store.ticks(run.profile) if tick.day == run.day]
    audit = by_ticks(draw(run.rankings), ticks).as_row()
    files["report.json"] = report_json(
        dataclasses.replace(run, stages=(*run.stages, rendered)), {"recall_audit": audit}
    )
    output.write_folder(folder, files, keep)


def keep_ticks(folder: Path) -> None:
    """A person's ticks in the present rankings.jsonl must outlive its replacement."""
    path = folder / "rankings.jsonl"
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:  # may be a whole corpus: never all in memory
        ticked = [line.rstrip("\n") for line in lines if _has_tick(line)]
    if ticked:
        kept = folder / f"rankings.ticked-{now().strftime('%Y%m%dT%H%M%S')}.jsonl"
        kept.write_text("\n".join(ticked) + "\n", encoding="utf-8")
        warn(f"{path} held {len(ticked)} ticks: kept in {kept}; `ranker feedback {kept}` stores them")


def _has_tick(line: str) -> bool:
    if line.endswith('"tick": null}\n'):
        return False
    try:
        row = json.loads(line)
    except ValueError:
        return bool(line.strip())  # a line that a person broke while editing: keep it too
    return isinstance(row, dict) and row.get("tick") is not None


def say_where(session: Session, folder: Path) -> None:
    """Print the path of every form that was written."""
    from ranker.digest.files import FORM_FILES

    for form in session.config.digest.forms:
        print(f"digest: {(folder / FORM_FILES[form]).resolve()}")


def write_round_up(session: Session, period: Period, days: Sequence[str], folder: Path, top: int) -> Path:
    """Write a week's or a month's round-up of the stored runs of ``days`` into the folder; all else in it stays."""
    from ranker import output
    from ranker.digest import roundup
    from ranker.digest.files import ROUND_UPS

    name = session.profile.name
    runs = (run for day in days if (run := session.store.run(name, day)) is not None)
    found = roundup.collect(runs, period, session.store.ticks(name))
    output.check_folder(folder)
    existing = output.existing_files(folder)
    path = f"{ROUND_UPS}{period.name}.md"
    files: dict[str, str | bytes] = {path: roundup.render(found, top)}
    if "report.json" not in existing:  # what tells that a folder is ours
        files["report.json"] = roundup.report_json(found)
    output.write_folder(folder, files, existing - set(files))
    return (folder / path).resolve()


def forget_old(session: Session, run: Run) -> None:
    """Keep the store's promise ``keep_days`` once a run is stored, and say how many runs it cost."""
    from ranker.retention import cutoff

    days = session.config.store.keep_days
    if not days:
        return
    before = cutoff(run.day, now().date().isoformat(), days)
    forgotten = session.store.forget_runs(run.profile, before)
    if forgotten:
        note(f"keep_days = {days}: forgot {forgotten} runs older than {before}; what they showed stays seen")
