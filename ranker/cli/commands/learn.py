"""``ranker learn`` fits a profile's heads from judged papers and ticks; ``ranker feedback`` takes ticks in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ranker.cli import FINE, PARTIAL
from ranker.cli.console import Bars, warn
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, QuietOption, StoreOption, WaitOption
from ranker.cli.session import Session, now
from ranker.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ranker.learn import Learned
    from ranker.types import JudgedPaper


def register(app: typer.Typer) -> None:
    app.command("learn")(learn_heads)
    app.command("feedback")(feedback)


def learn_heads(
    judged: Annotated[
        list[str] | None, typer.Option("--judged", help="Judged papers (JSON lines) or a past digest; repeatable.")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[PATH...]", help="More of the same.")] = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for the heads; the profile's own if not given.")
    ] = None,
    forget_judged: Annotated[
        bool, typer.Option("--forget-judged", help="Start anew: drop the judged papers that earlier calls stored.")
    ] = False,
    min_papers: Annotated[
        int | None, typer.Option("--min-papers", help="Keep n-grams that occur in as many papers.", min=1)
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> int:
    """Fit the profile's heads from all that is known: judged papers of this call and of earlier ones, and ticks.

    Judged papers are kept in the store; a paper given again for the same day takes its new label.
    """
    from ranker.backends.judges import learned_heads_dir
    from ranker.feedback import labels
    from ranker.heads.data import with_known_texts
    from ranker.heads.model import check_heads_folder
    from ranker.judged import gather
    from ranker.learn import prepare

    paths = [*(judged or []), *(more or [])]
    with Session(config=config, store=store, profile=profile, wait=wait) as session:
        folder = out_folder or learned_heads_dir(session.profile)
        check_heads_folder(folder)  # before minutes of work, not after
        if not paths and not session.store_path.exists():
            raise _nothing(session, forget_judged=forget_judged)  # before an empty store is made
        session.lock()
        name, fields, held = session.profile.name, session.profile.field_names, session.store
        found = gather(paths, papers_of_day=held.papers_of_day)
        kept = [] if forget_judged else held.judged(name)
        ticked, missing = labels(held.ticks(name), held.paper, fields)
        if not paths and not kept and not ticked:
            raise _nothing(session, forget_judged=forget_judged)
        given = with_known_texts(found.papers, kept)
        papers = prepare([*kept, *given, *ticked])
        held.put_judged(name, given, now().isoformat(timespec="seconds"), anew=forget_judged)
        for row in found.rejected[:5]:
            warn(f"{row.path}:{row.line}: refused: {row.why}")
        print(f"read {len(given)} judged papers, refused {len(found.rejected)} rows")
        textless = sum(not p.abstract for p in given)
        print(f"ticks: {len(ticked)} used, {len(missing)} of papers that the store lacks; titles only: {textless}")
        print(_sources(kept, given, len(ticked)), flush=True)
        _warn_of_less(session, folder, papers)
        vectors, cold_rows = _inputs(session, papers, quiet=quiet)
        learned = _fit(session, papers, vectors, cold_rows, min_papers, quiet=quiet)
        learned.heads.save(folder)
    for line in learned.figures():
        print(f"  {line}")
    print(learned.sureness())
    print(f"heads: {folder}")
    return PARTIAL if found.rejected else FINE


def feedback(
    file: Annotated[Path, typer.Argument(help="Ticks exported by the page, or rankings.jsonl with `tick` filled in.")],
    day: Annotated[
        str | None, typer.Option("--day", help="Day of rankings.jsonl lines; the newest run's if not given.")
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    debug: DebugOption = False,
) -> int:
    """Store ticks (up, down, move, later); the next `ranker learn` gives them more weight than other labels."""
    from ranker.feedback import read_ticks

    with Session(config=config, store=store, profile=profile, wait=wait) as session:
        name = session.profile.name
        days = session.store.run_days(name) if session.store_path.exists() else []
        at = now()
        chosen = day or (days[-1] if days else at.date().isoformat())
        ticks, rejected = read_ticks(file, profile=name, day=chosen, at=at.isoformat(timespec="seconds"))
        if not ticks:
            why = f"{rejected[0].why} (line {rejected[0].line})"
            todo = "give ticks that the page exported, or rankings.jsonl with `tick` filled in"
            raise InputError(f"no line held a tick: {why}", where=str(file), todo=todo)
        session.lock()
        session.store.put_ticks(ticks)
    for row in rejected[:5]:
        warn(f"{row.path}:{row.line}: refused: {row.why}")
    print(f"stored {len(ticks)} ticks, refused {len(rejected)}; `ranker learn` uses them")
    return PARTIAL if rejected else FINE


def _nothing(session: Session, *, forget_judged: bool) -> InputError:
    lacking = "judged papers and no ticks in the store"
    if forget_judged:
        lacking = "ticks in the store; its judged papers, all that there is, are not forgotten"
    return InputError(
        f"nothing to learn from: no --judged file, no {lacking}",
        where=str(session.store_path),
        todo="give --judged PATH, or tick papers and run `ranker feedback`",
    )


def _sources(kept: Sequence[JudgedPaper], given: Sequence[JudgedPaper], ticks: int) -> str:
    """What is learned from, by where it comes from. A paper of an earlier call that is given again counts as given."""
    known, new = {(p.arxiv_id, p.day) for p in kept}, {(p.arxiv_id, p.day) for p in given}
    days = len({day for _, day in known - new})
    earlier = f"{len(known - new):,} judged papers of {days} day(s) from the store"
    again = f" ({len(new & known):,} of them in the store before)" if new & known else ""
    return f"learning from {earlier}, {len(new):,} given now{again}, {ticks:,} ticks"


def _warn_of_less(session: Session, folder: Path, papers: Sequence[JudgedPaper]) -> None:
    """Before the work: where the heads to come know less than those that they take the place of, or than the shipped
    ones, and the way back.
    """
    from ranker.backends.judges import heads_that_give_way

    found = heads_that_give_way(folder, session.profile, session.encoder)
    days = len({p.day for p in papers})
    better = [(meta, shipped) for meta, shipped in found if len(papers) < meta.papers or days < len(meta.days)]
    if not better:
        return
    replaced, _ = found[0]
    told = [
        f"the {'shipped ' if shipped else ''}heads {'whose place they take ' if meta is replaced else ''}"
        f"were made from {meta.papers:,} of {len(meta.days)}"
        for meta, shipped in better
    ]
    back = ["give the judged files of before as well"] if any(not shipped for _, shipped in better) else []
    if any(shipped for _, shipped in found):
        back.append(f"remove {folder} to have the shipped heads again")
    warn(
        f"{len(papers):,} papers of {days} day(s) make these heads; {', '.join(told)}, and may well be better. "
        f"The way back: {', or '.join(back)}"
    )


def _inputs(
    session: Session, papers: list[JudgedPaper], *, quiet: bool
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Vectors (n, d) and cold evidence (n, F + 4), through the store like any run."""
    import numpy as np

    from ranker.heads.features import cold_row
    from ranker.progress import Stopwatch
    from ranker.types import Paper

    as_papers = [Paper(p.arxiv_id, p.title, p.abstract, authors=p.authors) for p in papers]
    bars = Bars(quiet=quiet)
    try:
        with Stopwatch(bars).stage("embed", len(papers)) as tally:
            vectors, routes = session.embed_and_route(as_papers, tally)
    finally:
        bars.close()
    rows = [cold_row(r.evidence) for r in routes if r.evidence is not None]
    return vectors, np.array(rows, dtype=np.float64)


def _fit(
    session: Session,
    papers: list[JudgedPaper],
    vectors: NDArray[np.float32],
    cold_rows: NDArray[np.float64],
    min_papers: int | None,
    *,
    quiet: bool,
) -> Learned:
    from ranker.learn import learn

    bars = Bars(quiet=quiet)
    done = 0

    def progress(steps: int, total: int) -> None:
        nonlocal done
        if done == 0:
            bars.start("fit", total)
        bars.advance(steps - done)
        done = steps

    try:
        return learn(
            papers,
            vectors,
            cold_rows,
            profile=session.profile.name,
            fields=session.profile.field_names,
            encoder_sha256=session.encoder.info.sha256,
            min_papers=min_papers,
            progress=progress,
        )
    finally:
        bars.close()
