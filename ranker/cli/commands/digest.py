"""``ranker digest``: render again from the store, without ranking; a day, or a round-up of a week or a month."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ranker.cli import FINE
from ranker.cli.options import ConfigOption, DebugOption, FormOption, ProfileOption, ReadmeOption, StoreOption
from ranker.cli.session import Session
from ranker.cli.writing import choose_forms, say_where, write_digest, write_round_up
from ranker.errors import InputError


def register(app: typer.Typer) -> None:
    app.command("digest")(digest)


def digest(
    when: Annotated[
        str | None,
        typer.Argument(metavar="DAY", help="2026-01-14; with --week also 2026-W03, with --month also 2026-01."),
    ] = None,
    day: Annotated[str | None, typer.Option("--day", help="Day to render; the newest if not given.")] = None,
    week: Annotated[bool, typer.Option("--week", help="Round up the week that DAY lies in.")] = False,
    month: Annotated[bool, typer.Option("--month", help="Round up the month that DAY lies in.")] = False,
    top: Annotated[int, typer.Option("--top", min=0, help="Round-up: papers a field at most; 0 for all.")] = 10,
    form: FormOption = None,
    readme: ReadmeOption = None,
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the digest.")] = Path("out"),
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Render a stored run again, or round up a week's or a month's runs, without ranking."""
    if when and day:
        raise typer.BadParameter("give DAY or --day DAY, not both")
    if week and month:
        raise typer.BadParameter("give --week or --month, not both")
    if (week or month) and (form or readme):
        raise typer.BadParameter("a round-up has one form: leave --form and --readme out")
    with Session(config=config, store=store, profile=profile) as session:
        session.need_store()
        if week or month:
            return _round_up(session, when or day, out_folder, top, week=week)
        choose_forms(session, form, readme)
        run = session.store.run(session.profile.name, when or day)
        if run is None:
            raise _nothing(session, f"no run of {when or day or 'any day'} is stored")
        write_digest(session, run, out_folder)
        say_where(session, out_folder)
    return FINE


def _round_up(session: Session, when: str | None, folder: Path, top: int, *, week: bool) -> int:
    from ranker.digest.roundup import month_of, week_of

    stored = session.store.run_days(session.profile.name)
    if not stored:
        raise _nothing(session, "no run is stored")
    try:
        period = (week_of if week else month_of)(when or stored[-1])
    except ValueError:
        known = "a day (2026-01-14) or a week (2026-W03)" if week else "a month (2026-01) or a day (2026-01-14)"
        raise typer.BadParameter(f"{when!r} is not {known}", param_hint="DAY") from None
    days = [day for day in stored if day in period]
    if not days:
        raise _nothing(session, f"no run of {period.name} ({period.first} to {period.last}) is stored")
    print(f"digest: {write_round_up(session, period, days, folder, top)}")
    return FINE


def _nothing(session: Session, what: str) -> InputError:
    days = ", ".join(session.store.run_days(session.profile.name)[-5:]) or "none"
    return InputError(
        f"{what} for profile {session.profile.name!r}",
        where=str(session.store_path),
        todo=f"newest days with a run: {days}; `ranker rank` makes one",
    )
