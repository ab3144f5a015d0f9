"""The command's tree: every command in a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from ranker import __version__
from ranker.cli import commands

app = typer.Typer(
    name="ranker",
    help="Rank a day's arXiv papers on your own machine: embed, route, judge, rank, digest. Offline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ranker {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that need no command."""


commands.register(app)
