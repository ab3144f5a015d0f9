"""One command a file; heavy modules are imported inside the command, so that ``--help`` stays quick."""

from __future__ import annotations

import typer

from ranker.cli.commands import digest, doctor, explain, fetch, forget, importing, profile, rank, serve


def register(app: typer.Typer) -> None:
    """Hang every command on the tree."""
    for module in (rank, importing, fetch, digest, explain, serve, forget, doctor):
        module.register(app)
    app.add_typer(profile.app, name="profile")
