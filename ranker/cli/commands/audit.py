"""``ranker audit``: how many of the papers that a run left out should have been read?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ranker.cli import FINE
from ranker.cli.options import ConfigOption, DebugOption, JudgeOption, ModelOption, ProfileOption, StoreOption
from ranker.cli.session import Session
from ranker.errors import InputError, RankerError

if TYPE_CHECKING:
    from ranker.audit import Audit, Sample
    from ranker.types import Candidate, Paper


def register(app: typer.Typer) -> None:
    app.command("audit")(audit)


def audit(
    day: Annotated[str | None, typer.Option("--day", help="The run of this day; the newest if not given.")] = None,
    size: Annotated[int, typer.Option("--size", min=1, help="Papers of each kind of left-out paper.")] = 30,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 0,
    out_file: Annotated[Path | None, typer.Option("--out", help="Where the questions go (JSON lines).")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="A run's report.json, to keep the estimate in.")
    ] = None,
    judge: JudgeOption = None,
    model: ModelOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Estimate the share of misses from a small random sample: by another judge (--judge), or by your own ticks.

    Without --judge it writes the sampled papers to a file; fill in "tick" (up or down), then `ranker feedback FILE`
    and `ranker audit` again.
    """
    from ranker.audit import by_judge, by_ticks, draw, questions

    path: Path | None = None
    with Session(config=config, store=store, profile=profile, judge=judge, model=model) as session:
        session.need_store()
        name = session.profile.name
        run = session.store.run(name, day)
        if run is None:
            todo = "rank a day first, or name another with --day"
            raise InputError(f"no run of profile {name!r}{f' on {day}' if day else ''}", todo=todo)
        sample = draw(run.rankings, size=size, seed=seed)
        if judge is not None or model is not None:
            if session.judge.name == run.judge_line:
                raise InputError("the same judge made the run", where="--judge", todo="an audit needs another judge")
            found = by_judge(sample, session.judge.judge(_candidates(sample, session)), judge=session.judge.name)
        else:
            path = out_file or Path(f"audit-{run.day}.jsonl")
            # What a reader has filled in must not be lost to a second call.
            if not path.exists():
                _write(path, questions(sample, profile=name, day=run.day))
                print(f"{len(sample.papers)} papers to tick: {path}")
            found = by_ticks(sample, [t for t in session.store.ticks(name) if t.day == run.day])
    if report is not None:
        _keep(report, found)
    print(found)
    for part in found.strata:
        of = f"{part.missed} of {part.judged} sampled of {part.size}"
        print(f"  {part.name}: {part.share:.1%} [{part.low:.1%}, {part.high:.1%}] ({of})")
    if path is not None and found.share is None:
        print(f'next: write "up" or "down" as "tick" of each line of {path},')
        print(f"      then `ranker feedback {path}`, then this command again")
    if found.missed_of_wanted is not None:
        share, low, high = found.missed_of_wanted
        print(f"  of all recommended and missed papers, missed: {share:.1%} [{low:.1%}, {high:.1%}]")
    return FINE


def _keep(path: Path, found: Audit) -> None:
    from ranker.digest.jsonl import indented
    from ranker.files import write_whole

    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        if row.get("made_by") != "ranker":
            raise ValueError("not made by ranker")
    except (OSError, ValueError, AttributeError) as error:
        todo = "name the report.json of the run's folder"
        raise InputError(f"is no report of a run ({error})", where=str(path), todo=todo) from error
    try:
        write_whole(path, indented({**row, "recall_audit": found.as_row()}))
    except OSError as error:
        raise RankerError(f"can't be written ({error.strerror})", where=str(path), todo="check the folder") from error


def _write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    try:
        path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    except OSError as error:
        raise RankerError(f"can't be written ({error.strerror})", where=str(path), todo="use --out") from error


def _candidates(sample: Sample, session: Session) -> list[Candidate]:
    """The sampled papers as a judge takes them. Unrouted ones too: whether routing lost them is the question."""
    from ranker.pipeline import candidate

    papers: list[Paper] = [r.paper for r in sample.papers]
    vectors, routes = session.embed_and_route(papers)
    return [candidate(p, r, v) for p, r, v in zip(papers, routes, vectors, strict=True) if r.field is not None]
