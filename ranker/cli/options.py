"""Options that several commands share, so that they are named, explained and checked once."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Configuration file (TOML).")]
StoreOption = Annotated[Path | None, typer.Option("--store", help="Store (SQLite file).")]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="Profile: a name, or a .toml file.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars, no table.")]
WaitOption = Annotated[float | None, typer.Option("--wait", help="Seconds to wait for another run.")]
JudgeOption = Annotated[
    str | None, typer.Option("--judge", help="heads (no language model) | auto | vllm | transformers | openai.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Language model: folder, name or address; alone: --judge auto.")
]
EngineOption = Annotated[str | None, typer.Option("--engine", help="local | ray (many machines, see [ray]).")]
HeadsOption = Annotated[str | None, typer.Option("--heads", help="auto | none (centroids only) | a folder.")]
FormOption = Annotated[
    list[str] | None,
    typer.Option("--form", help="a (recommendation) | b (by category) | c (keywords) | all; repeatable."),
]
ReadmeOption = Annotated[bool | None, typer.Option("--readme/--no-readme", help="README.md with links to the fields.")]
PrefilterOption = Annotated[
    float | None,
    typer.Option(
        "--prefilter", help="Embed only the nearest share (such as 0.3) by a cheap first look.", metavar="SHARE"
    ),
]


def check_date(name: str, value: str | None) -> None:
    """Refuse what is no ISO date, as a wrong option."""
    try:
        if value is not None and datetime.date.fromisoformat(value).isoformat() != value:
            raise ValueError
    except ValueError:
        raise typer.BadParameter(f"{value!r} is no date; write it as YYYY-MM-DD", param_hint=name) from None


def check_share(value: float | None) -> None:
    """Refuse what is no share, as a wrong option."""
    if value is not None and not 0.0 < value <= 1.0:
        raise typer.BadParameter(f"{value:g} is no share; give more than 0, at most 1", param_hint="--prefilter")
