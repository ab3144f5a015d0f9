"""``ranker serve``: the pages on loopback, with ticks stored as they are made; ``ranker mail``: the digest by SMTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ranker import resources
from ranker.cli import FINE
from ranker.cli.console import note
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, StoreOption
from ranker.cli.session import Session
from ranker.errors import ConfigError, InputError


def register(app: typer.Typer) -> None:
    app.command("serve")(serve_pages)
    app.command("mail")(mail_digest)


def serve_pages(
    folder: Annotated[Path, typer.Argument(help="The output folder whose site/ to serve.")] = Path("out"),
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port; 0 takes a free one.")] = 0,
    beyond_loopback: Annotated[bool, typer.Option("--beyond-loopback", help="Let other machines in.")] = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Serve the pages on this machine only; ticks go straight into the store. Ctrl-C ends it."""
    from ranker.serve.server import serve
    from ranker.store import Store
    from ranker.types import Tick

    with Session(config=config, store=store, profile=profile) as session:
        path, name = session.store_path, session.profile.name

        def sink(ticks: object) -> None:
            with Store(path) as own:  # the server's threads: SQLite connections stay in theirs
                own.put_ticks(list(ticks))  # type: ignore[call-overload]

        def source() -> list[Tick]:
            with Store(path) as own:
                return own.ticks(name)

        served = serve(folder / "site", sink, source, host=host, port=port, beyond_loopback=beyond_loopback)
        print(served.url, flush=True)
        note("Ctrl-C ends it")
        try:
            served.wait()
        except KeyboardInterrupt:
            served.close()
    return FINE


def mail_digest(
    day: Annotated[str | None, typer.Option("--day", help="Day to mail; the newest if not given.")] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    debug: DebugOption = False,
) -> int:
    """Mail a stored run's digest to the configured people ([mail] in the configuration)."""
    from ranker.digest.files import earlier_versions
    from ranker.digest.mail import mail_settings, message, send

    with Session(config=config, store=store, profile=profile) as session:
        if not session.config.mail:
            # Not the packaged file, which the next installation overwrites.
            packaged, own = (folder / "ranker.toml" for folder in (resources.config_dir(), resources.user_config_dir()))
            where = str(own) if session.config.file == str(packaged) else session.config.file
            raise ConfigError("no [mail] table", where=where, todo="set host, sender and recipients there")
        settings = mail_settings(session.config.mail, os.environ.get("RANKER_SMTP_PASSWORD", ""))
        session.need_store()
        run = session.store.run(session.profile.name, day)
        if run is None:
            raise InputError(f"no run of {day or 'any day'} is stored", todo="`ranker rank` makes one")
        revisions = earlier_versions(run, session.store)
        send(message(run, settings, revisions, session.profile.follow), settings)
        print(f"mailed the digest of {run.day} to {', '.join(settings.recipients)}")
    return FINE
