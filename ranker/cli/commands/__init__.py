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
    for module in (rank, importing, fetch, digest, explain, learn, calibrate, audit, search, serve, forget, doctor):
        module.register(app)
    app.add_typer(profile.app, name="profile")
