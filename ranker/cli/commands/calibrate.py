"""``ranker calibrate`` fits the map from a language model's relevance to the reader's scale, on judged papers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ranker.cli import FINE, PARTIAL
from ranker.cli.console import Bars, note, warn
from ranker.cli.options import (
    ConfigOption,
    DebugOption,
    JudgeOption,
    ModelOption,
    ProfileOption,
    QuietOption,
    StoreOption,
    WaitOption,
)
from ranker.cli.session import Session, now
from ranker.errors import ConfigError, InputError, RankerError

if TYPE_CHECKING:
    from ranker.judging.calibration import Calibration
    from ranker.types import Candidate, JudgedPaper

_SHOWN = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)


def register(app: typer.Typer) -> None:
    app.command("calibrate")(calibrate)


def calibrate(
    out_file: Annotated[Path, typer.Option("--out", help="File for the map (JSON).")],
    judged: Annotated[
        list[str] | None, typer.Option("--judged", help="Judged papers (JSON lines) or a past digest; repeatable.")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[PATH...]", help="More of the same.")] = None,
    papers: Annotated[int, typer.Option("--papers", help="Judge at most so many, drawn by --seed.", min=10)] = 300,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    judge: JudgeOption = None,
    model: ModelOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> int:
    """Fit the map from a language model's relevance to the reader's scale; name it as judging.calibration to use it."""
    from ranker.judged import gather
    from ranker.judging.calibrate import draw
    from ranker.judging.calibration import FEW

    paths = [*(judged or []), *(more or [])]
    if not paths:
        raise typer.BadParameter("name judged papers", param_hint="--judged")
    with Session(
        config=config, store=store, profile=profile, judge=judge, model=model, wait=wait, calibrating=True
    ) as session:
        session.lock()
        found = gather(paths, papers_of_day=session.store.papers_of_day)
        drawn = draw(found.papers, papers, seed)
        note(f"judging {len(drawn)} of {len(found.papers)} judged papers (seed {seed})")
        made, unscored, unrouted = _fit(session, drawn, quiet=quiet)
        try:
            made.save(out_file)
        except OSError as error:
            raise RankerError(f"can't be written ({error.strerror})", where=str(out_file), todo="use --out") from error
    for row in found.rejected[:5]:
        warn(f"{row.path}:{row.line}: refused: {row.why}")
    print(f"fitted on {made.papers} papers for {made.judge}; {unscored} could not be scored, {unrouted} not routed")
    if made.papers < FEW:
        enough = f"give {FEW} or more, by --judged and --papers"
        warn(f"the map rests on {made.papers} papers only, so a single odd one bends it: {enough}")
    print("  model  " + " ".join(f"{x:4.1f} " for x in _SHOWN))
    print("  reader " + " ".join(f"{made(x):4.1f}{' ' if made.rests(x) else '*'}" for x in _SHOWN))
    if not all(map(made.rests, _SHOWN)):
        print(f"  * the papers reach from {made.xs[0]:.1f} to {made.xs[-1]:.1f}; beyond, straight lines to 1 and 10")
    print(f'calibration: {out_file}\nuse it by  [judging] calibration = "{out_file.resolve()}"')
    return PARTIAL if found.rejected or unscored else FINE


def _fit(session: Session, drawn: list[JudgedPaper], *, quiet: bool) -> tuple[Calibration, int, int]:
    """The map, and how many papers were unscored and unrouted. What is judged is stored: a second call judges nothing
    again.
    """
    from ranker.judging.calibrate import fit_judged
    from ranker.pipeline import judge_papers
    from ranker.progress import Stopwatch
    from ranker.protocols import ModelJudge
    from ranker.types import Unscored

    judge = session.judge
    if not isinstance(judge, ModelJudge):
        todo = "name a language model by --judge and --model"
        raise ConfigError("the heads are calibrated by `ranker learn`", where="--judge", todo=todo)
    bars = Bars(quiet=quiet)
    try:
        candidates = _candidates(session, drawn)
        with Stopwatch(bars).stage("judge", len(candidates)) as tally:
            at = now().isoformat(timespec="seconds")
            outcomes, _ = judge_papers(candidates, judge, session.profile, session.store, at, tally)
    finally:
        bars.close()
    lost = [o for o in outcomes.values() if isinstance(o, Unscored)]
    for o in lost[:3]:
        warn(f"{o.arxiv_id} could not be scored: {o.kind}: {o.detail}")
    try:
        made, used = fit_judged(drawn, outcomes, judge.scale)
    except ValueError as error:
        raise InputError(str(error), where="--judged", todo="give more judged papers, or another model") from error
    return made, len(lost), len(drawn) - used - len(lost)


def _candidates(session: Session, drawn: list[JudgedPaper]) -> list[Candidate]:
    from ranker.pipeline import candidate
    from ranker.types import Paper

    papers = [Paper(p.arxiv_id, p.title, p.abstract, authors=p.authors) for p in drawn]
    vectors, routes = session.embed_and_route(papers)
    return [candidate(p, r, v) for p, r, v in zip(papers, routes, vectors, strict=True) if r.field and r.routed]
