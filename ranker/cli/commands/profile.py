"""``ranker profile``: help a person write their own fields."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ranker import resources
from ranker.cli import FINE
from ranker.cli.console import out, warn
from ranker.cli.options import ConfigOption, DebugOption
from ranker.cli.template import placeholders, template
from ranker.errors import ConfigError, InputError, RankerError
from ranker.profile import Profile, find_profile, known_profiles, load_profile

app = typer.Typer(help="Write, check and show profiles.", no_args_is_help=True, rich_markup_mode=None)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="A slug: a-z, 0-9 and -.")],
    out_file: Annotated[Path | None, typer.Option("--out", help="File to write.")] = None,
    debug: DebugOption = False,
) -> int:
    """Write a commented profile to fill in."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise InputError(f"{name!r} is no slug", todo="use a-z, 0-9 and -, for example my-lab")
    path = _free(out_file or resources.user_config_dir() / "profiles" / f"{name}.toml")
    _write(path, template(name, path))
    print(f"{path}\nedit it, then: ranker profile check {path}")
    return FINE


@app.command("from-library")
def from_library(
    library: Annotated[Path, typer.Argument(help="BibTeX, RIS, CSL JSON or CSV, as Zotero and others export it.")],
    fields: Annotated[int | None, typer.Option("--fields", min=1, help="How many; without it, chosen by rule.")] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="File to write; its name names the profile.")] = None,
    config: ConfigOption = None,
    debug: DebugOption = False,
) -> int:
    """Cluster a library of papers into fields and write a profile to edit."""
    from ranker.cli.session import Session
    from ranker.libraries import profile_from_library
    from ranker.sources.libraries import read_library
    from ranker.toml import read_toml
    from ranker.types import Rejected

    stem = (out_file or library).stem
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "library"
    path = _free(out_file or resources.user_config_dir() / "profiles" / f"{name}.toml")
    rejected: list[Rejected] = []
    entries = list(read_library(library, on_rejected=rejected.append))
    for refused in rejected[:5]:
        warn(f"{refused.path}:{refused.line}: {refused.why}")
    with Session(config=config) as session:
        text = profile_from_library(entries, session.encoder, fields=fields, name=name)
    _write(path, text)
    names = [table["name"] for table in read_toml(path)[0]["fields"]]
    print(f"{len(entries)} entries read, {len(rejected)} refused; {len(names)} fields: {'; '.join(names)}")
    print(f"{path}\nedit it, then: ranker profile check {path}")
    return FINE


@app.command("list")
def list_profiles(debug: DebugOption = False) -> int:
    """List the profiles that --profile can name: name, title, number of fields, file."""
    for name, path in known_profiles().items():
        try:
            loaded = load_profile(path)
        except ConfigError as error:
            print(f"{name}\n  {path}")
            warn(str(error))
        else:
            print(f"{name}: {loaded.title}, {len(loaded.fields)} fields\n  {path}")
    return FINE


@app.command("check")
def check(
    profile: Annotated[str, typer.Argument(help="A name, or a .toml file.")] = "default", debug: DebugOption = False
) -> int:
    """Say whether a profile is right; an error names file, key, line and what would be right."""
    path = find_profile(profile)
    loaded = load_profile(path)
    left = placeholders(loaded, path)
    if left:
        raise ConfigError(
            f"{len(left)} placeholders of `ranker profile new` are still there:\n  " + "\n  ".join(left),
            where=str(path),
            todo="write what you read for in their place",
        )
    if loaded.name != path.stem:
        print(f"hint: its name is {loaded.name!r}, its file's {path.stem!r}; runs and heads are kept under its name")
    for hint in _hints(loaded):
        print(f"hint: {hint}")
    print(f"{path}: fine; {len(loaded.fields)} fields, {len(loaded.unwanted)} unwanted topics")
    return FINE


@app.command("show")
def show(
    profile: Annotated[str, typer.Argument(help="A name, or a .toml file.")] = "default", debug: DebugOption = False
) -> int:
    """Show a profile's fields, exclusions and threshold."""
    path = find_profile(profile)
    loaded = load_profile(path)
    table = Table(title=f"{escape(loaded.title)} ({loaded.name}) · {escape(str(path))}", title_justify="left")
    for column in ("field", "description", "keywords", "examples"):
        table.add_column(column)
    for f in loaded.fields:
        table.add_row(
            escape(f.name), escape(" ".join(f.description.split())), str(len(f.keywords)), str(len(f.examples))
        )
    for t in loaded.unwanted:
        table.add_row(f"(unwanted) {escape(t.name)}", escape(" ".join(t.description.split())), str(len(t.keywords)), "")
    out.print(table)
    print(f"recommended: {loaded.recommend.describe()}; vetoed keywords: {', '.join(loaded.veto_keywords) or 'none'}")
    return FINE


def _free(path: Path) -> Path:
    if path.exists():
        raise InputError("exists already", where=str(path), todo="edit it, or choose another name")
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RankerError(f"can't be written ({error.strerror})", where=str(path), todo="use --out") from error


def _hints(profile: Profile) -> list[str]:
    hints = []
    for f in profile.fields:
        if len(f.description.split()) < 6:
            hints.append(f"field {f.name!r}: a longer description (a sentence or two) routes better")
        if not f.keywords:
            hints.append(f"field {f.name!r}: keywords help routing and make better reasons")
    return hints
