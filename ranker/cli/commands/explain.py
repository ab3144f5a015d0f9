"""``ranker explain``: why a paper is where it is, from the newest stored run that holds it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ranker.cli import FINE
from ranker.cli.console import out
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, StoreOption
from ranker.cli.session import Session
from ranker.errors import InputError
from ranker.types import Ranking, Run


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)


def explain(
    arxiv_id: Annotated[str, typer.Argument(metavar="ID", help="arXiv id, with or without version, or a link.")],
    day: Annotated[str | None, typer.Option("--day", help="The run of this day; the newest if not given.")] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Why a paper is where it is: similarities to every field, exclusions, threshold, what it would have needed."""
    from ranker.ids import parse_id

    try:
        wanted = parse_id(arxiv_id)
    except ValueError as error:
        raise InputError(str(error), todo="give an id such as 2601.06067, or a link to the paper") from error
    with Session(config=config, store=store, profile=profile) as session:
        days = [day] if day else list(reversed(session.store.run_days(session.profile.name)))
        for at in days:
            run = session.store.run(session.profile.name, at)
            rows = [r for r in run.rankings if r.paper.arxiv_id == wanted.base] if run else []
            if run and rows:
                for row in rows:
                    _show(row, run, session.profile.routing.min_similarity, session.profile.routing.unwanted_penalty)
                return FINE
        known = session.store.paper(wanted.base)
        todo = (
            "it is stored but no run holds it: `ranker rank --day` its day first"
            if known
            else "it was never read: `ranker rank` or `ranker import` the file that holds it"
        )
        raise InputError(f"no run of this profile holds {wanted.base}", where=str(session.store_path), todo=todo)


def _show(row: Ranking, run: Run, minimum: float, penalty: float) -> None:
    paper = row.paper
    place = f"{paper.origin.path}:{paper.origin.line}"
    out.print(f"[bold]{escape(paper.title)}[/]\n{paper.versioned_id} · read from {escape(place)} ({paper.origin.kind})")
    out.print(f"run of {run.day}, profile {run.profile}, judge {escape(row.judge or run.judge_line)}")
    score = "no score" if row.score is None else f"score {row.score:.6f}"
    of_field = "" if row.field_rank is None else f", {row.field_rank} in its field"
    out.print(f"outcome [bold]{row.outcome}[/]: {score}, rank {row.rank} of {len(run.rankings)}{of_field}")
    if row.detail:
        out.print(f"because: {escape(row.detail)}")
    table = Table(title="similarity to every field", title_justify="left")
    table.add_column("field")
    table.add_column("similarity", justify="right")
    table.add_column("")
    excluded = {e.what for e in row.exclusions if e.kind == "field"}
    for name, similarity in sorted(row.similarities, key=lambda s: -s[1]):
        mark = (
            "excluded by the field's own keyword"
            if name in excluded
            else ("<- judged for" if name == row.field else "")
        )
        table.add_row(escape(name), f"{similarity:.4f}", mark)
    out.print(table)
    for e in row.exclusions:
        if e.kind != "field":
            out.print(f"exclusion: {e.kind} {escape(e.what)}" + (f" (similarity {e.amount:.4f})" if e.amount else ""))
    out.print(
        f"an unwanted topic takes off {penalty:g} of its similarity; a paper is routed from similarity {minimum:.4f}"
    )
    out.print(f"recommended: {run.threshold}; {_needed(row, run, minimum)}")
    if row.reason:
        out.print(f"reason: {escape(row.reason)}")


def _needed(row: Ranking, run: Run, minimum: float) -> str:
    from ranker.rank import cut_score

    cut = cut_score(run.rankings)
    if row.outcome == "recommended":
        return f"the lowest recommended score of the day is {cut:.4f}" if cut is not None else "it is the cut itself"
    if row.outcome == "unrouted":
        return f"it needed similarity {minimum:.4f}, {minimum - (row.similarity or 0):.4f} more"
    if row.score is None:
        return "it was not scored"
    if cut is None:
        return "nothing was recommended that day"
    if row.score >= cut:
        return f"its score is over the day's cut {cut:.4f}: history or the cap of its field kept it out"
    return f"it needed a score over {cut:.4f}, {cut - row.score:.4f} more"
