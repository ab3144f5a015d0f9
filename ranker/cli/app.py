"""The command's tree: every command in a file of its own."""

from __future__ import annotations

import typer

from ranker.cli import commands

app = typer.Typer(
    name="ranker",
    help="Rank a day's arXiv papers on your own machine: embed, route, judge, rank, digest. Offline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
commands.register(app)
