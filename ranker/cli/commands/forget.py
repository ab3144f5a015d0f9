"""``ranker forget``: drop old runs from the store by hand."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from ranker.cli import FINE
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, StoreOption, WaitOption
from ranker.cli.session import Session


def register(app: typer.Typer) -> None:
    app.command("forget")(forget)


def forget(
    before: Annotated[
        datetime.datetime,
        typer.Option("--before", metavar="DAY", formats=["%Y-%m-%d"], help="Forget runs of days before this one."),
    ],
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    debug: DebugOption = False,
) -> int:
    """Forget a profile's old runs. Papers, judgments and ticks stay, and what was seen stays seen."""
    day = before.date().isoformat()
    with Session(config=config, store=store, profile=profile, wait=wait) as session:
        session.need_store()
        session.lock()
        number = session.store.forget_runs(session.profile.name, day)
        left = len(session.store.run_days(session.profile.name))
    print(f"forgot {number} runs before {day}; {left} are left")
    return FINE
