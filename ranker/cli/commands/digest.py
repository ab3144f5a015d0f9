"""``ranker digest``: render again from the store, without ranking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ranker.cli import FINE
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, StoreOption
from ranker.cli.session import Session
from ranker.errors import InputError


def register(app: typer.Typer) -> None:
    app.command("digest")(digest)


def digest(
    day: Annotated[str | None, typer.Option("--day", help="Day to render; the newest if not given.")] = None,
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the digest.")] = Path("out"),
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Render a stored run again, without ranking."""
    from ranker.cli.writing import write_digest

    with Session(config=config, store=store, profile=profile) as session:
        run = session.store.run(session.profile.name, day)
        if run is None:
            days = ", ".join(session.store.run_days(session.profile.name)[-5:]) or "none"
            raise InputError(
                f"no run of {day or 'any day'} is stored for profile {session.profile.name!r}",
                where=str(session.store_path),
                todo=f"days with a run: {days}; `ranker rank` makes one",
            )
        write_digest(session, run, out_folder)
    print(f"digest: {(out_folder / 'digest.md').resolve()}")
    return FINE
