"""``ranker explain``: why a paper is where it is, from the newest stored run that holds it."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ranker.cli import FINE
from ranker.cli.console import out
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, StoreOption
from ranker.cli.session import Session
from ranker.errors import InputError
from ranker.profile import Profile
from ranker.store import Store
from ranker.types import Ranking, Run

_THRESHOLD = re.compile(r"score >= ([0-9.]+)")  # as Recommend.describe writes it
_NEVER_READ = "it was never read: `ranker rank` or `ranker import` the file that holds it"


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
        path, reader = session.store_path, session.profile
        session.need_store()
        with Store(path, read_only=True) as held:
            for at in [day] if day else reversed(held.run_days(reader.name)):
                run = held.run(reader.name, at)
                rows = [r for r in run.rankings if r.paper.arxiv_id == wanted.base] if run else []
                if run and rows:
                    for row in rows:
                        _show(row, run, reader)
                    return FINE
            stored = held.paper(wanted.base)
        todo = "it is stored but no run holds it: `ranker rank --day` its day first" if stored else _NEVER_READ
        raise InputError(f"no run of this profile holds {wanted.base}", where=str(path), todo=todo)


def _show(row: Ranking, run: Run, profile: Profile) -> None:
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
    routing = profile.routing
    out.print(
        f"the profile now: routed from similarity {routing.min_similarity:.4f}; "
        f"an unwanted topic takes off {routing.unwanted_penalty:g} of its similarity",
        soft_wrap=True,
    )
    out.print(f"recommended in this run: {run.threshold}; {escape(needed(row, run, profile))}", soft_wrap=True)
    if row.reason:
        out.print(f"reason: {escape(row.reason)}")


def needed(row: Ranking, run: Run, profile: Profile) -> str:
    """What a paper would have needed to be recommended in ``run``; minimum similarities are the profile's of now."""
    from ranker.rank import cut_score

    cut = cut_score(run.rankings)
    if row.outcome == "recommended":
        return f"the lowest recommended score of the day is {cut:.4f}"
    if row.outcome == "unrouted":
        return _to_be_routed(row, profile.routing.min_similarity)
    if row.outcome == "vetoed":
        return "a vetoed keyword keeps a paper out, whatever its score"
    if row.outcome == "duplicate":
        return "another row of this paper stands for it"
    if row.score is None:
        return "it was not scored; the next run tries again"
    if threshold := _THRESHOLD.match(run.threshold):
        least = float(threshold[1])
        return f"it needed a score of {least:g}, {least - row.score:.4f} more" if row.score < least else _kept(row, run)
    if cut is None:
        return _kept(row, run) if _seen(row) else "nothing was recommended that day"
    return f"it needed a score over {cut:.4f}, {cut - row.score:.4f} more" if row.score < cut else _kept(row, run)


def _to_be_routed(row: Ranking, minimum: float) -> str:
    excluded = {e.what for e in row.exclusions if e.kind == "field"}
    similarity = max((s for name, s in row.similarities if name not in excluded), default=None)
    if similarity is None:
        return f"every field is excluded by a keyword of its own (the nearest has similarity {row.similarity or 0:.4f})"
    if similarity >= minimum:
        return f"by the profile now it would be routed, with similarity {similarity:.4f}"
    return f"by the profile now it needs similarity {minimum:.4f}, {minimum - similarity:.4f} more"


def _seen(row: Ranking) -> str:
    return next((f for f in row.flags if f.startswith(("seen before", "new version"))), "")


def _kept(row: Ranking, run: Run) -> str:
    """Why a paper with score enough was left out."""
    if seen := _seen(row):
        return f"its score is enough; history kept it out ({seen})"
    if "a field" in run.threshold:
        return "its score is enough; better papers took the places of its field"
    return "its score is that of the last one recommended, whose similarity is higher"
