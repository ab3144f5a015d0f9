"""One command a file; heavy modules are imported inside the command, so that ``--help`` stays quick."""

from __future__ import annotations

import typer

from ranker.cli.commands import (
    audit,
    calibrate,
    digest,
    doctor,
    explain,
    fetch,
    finetune,
    forget,
    importing,
    learn,
    profile,
    rank,
    search,
    serve,
)


def register(app: typer.Typer) -> None:
    """Hang every command on the tree."""
    everyday = (rank, importing, fetch, digest, explain, search, serve)
    for module in (*everyday, learn, finetune, calibrate, audit, forget, doctor):
        module.register(app)
    app.add_typer(profile.app, name="profile")
