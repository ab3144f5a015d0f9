"""The digest by mail: a message made of a run (pure), and its sending over SMTP (the only I/O in this folder)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from difflib import get_close_matches
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ranker.digest import recommendation
from ranker.digest.changes import changes
from ranker.digest.entries import abs_url, by_field, shown_authors, shown_date, shown_reason, shown_score
from ranker.digest.exports import feed_id
from ranker.digest.follow import followed
from ranker.digest.frame import papers_read, quiet_line
from ranker.digest.text import clean
from ranker.digest.words import beijing_time, words
from ranker.errors import ConfigError, RankerError
from ranker.profile import Subscriptions
from ranker.types import OUTCOMES, Ranking, Run

if TYPE_CHECKING:
    from ranker.digest.site.records import Revision

_NOBODY = Subscriptions()
Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where and how the digest is mailed.

    ``security``: ``tls`` from the first byte (port 465), ``starttls`` (587; refused where the server has none), or
    ``none`` (a server on this machine). ``ca_file``: PEM of a private authority. ``timeout`` in seconds.

    Raises:
        ConfigError: a value that can't work, with the key's name.
    """

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 587
    security: Security = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if not self.host.strip():
            raise ConfigError("host is empty", where="mail.host", todo="name the SMTP server")
        if not 1 <= self.port <= 65535:
            raise ConfigError(f"port {self.port} is out of range", where="mail.port", todo="use 1 to 65535")
        if self.security not in ("none", "starttls", "tls"):
            raise ConfigError(f"unknown {self.security!r}", where="mail.security", todo="use none, starttls or tls")
        if not self.recipients:
            raise ConfigError("nobody to send to", where="mail.recipients", todo="name at least one address")
        if self.timeout <= 0:
            raise ConfigError("must be over 0 seconds", where="mail.timeout", todo="use for example 30")
        for key, address in (("sender", self.sender), *(("recipients", one) for one in self.recipients)):
            try:
                Address(addr_spec=parseaddr(address)[1])
                sound = address.isprintable() and "@" in parseaddr(address)[1]
            except (ValueError, IndexError):
                sound = False
            if not sound:
                raise ConfigError(f"{address!r} is no address", where=f"mail.{key}", todo="write name@example.org")
        if self.username and self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ConfigError(
                "a password would travel unencrypted", where="mail.security", todo="use starttls or tls, or no username"
            )


def mail_settings(table: Mapping[str, Any], password: str = "") -> MailSettings:
    """Settings from the ``[mail]`` table of a configuration. The password comes apart: it belongs into no file.

    Raises:
        ConfigError: an unknown or missing key, or a value that can't work.
    """
    known = {one.name: one for one in fields(MailSettings) if one.name != "password"}
    for key, value in table.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            todo = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError("unknown key", where=f"mail.{key}", todo=todo)
        kind = _KINDS.get(key, str)
        listed = value if key == "recipients" and isinstance(value, (list, tuple)) else [value]
        if isinstance(value, bool) or not all(isinstance(one, kind) for one in listed):
            raise ConfigError(f"{value!r} is of the wrong kind", where=f"mail.{key}", todo="see config/ranker.toml")
    for key in ("host", "sender", "recipients"):
        if key not in table:
            raise ConfigError("is missing", where=f"mail.{key}", todo="mail needs host, sender and recipients")
    recipients = table["recipients"]
    several = (recipients,) if isinstance(recipients, str) else tuple(recipients)
    return MailSettings(**{**table, "recipients": several, "password": password})


_KINDS: dict[str, type | tuple[type, ...]] = {"port": int, "timeout": (int, float)}


def message(
    run: Run,
    settings: MailSettings,
    revisions: Mapping[str, Revision] = MappingProxyType({}),
    follow: Subscriptions = _NOBODY,
) -> EmailMessage:
    """The digest as a mail, Markdown as plain text, and HTML; ``revisions`` and ``follow`` as for form A."""
    mail = EmailMessage()
    mail["Subject"] = _subject(run)
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.recipients)
    mail["Date"] = format_datetime(datetime.fromisoformat(run.made_at).astimezone())
    mail["Message-ID"] = f"<{run.day}.{feed_id(run).rsplit(':', 1)[1]}@ranker.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(recommendation.render(run, revisions, follow))
    mail.add_alternative(html(run, revisions, follow), subtype="html")
    return mail


def html(run: Run, revisions: Mapping[str, Revision] = MappingProxyType({}), follow: Subscriptions = _NOBODY) -> str:
    """A plain HTML page of what form A shows, without scripts, images or outside resources."""
    say = words(run.language)
    parts = [
        '<!doctype html><html><head><meta charset="utf-8"></head>'
        '<body style="font-family:sans-serif;max-width:46em;overflow-wrap:anywhere">',
        f"<h1>{_h(say['title'])} - {_h(run.day)}</h1>",
        f"<p>{_h(say['updated'].format(time=beijing_time(run.made_at)))}<br>"
        f"{_h(say['read'].format(number=papers_read(run)))}<br>{_h(run.judge_line)}</p>",
    ]
    if not run.uses_language_model:
        parts.append(f"<p>{_h(say['no_model'].replace('*', ''))}</p>")
    groups = by_field(run)
    for name, rankings in groups.items():
        parts.append(f"<h2>{_h(recommendation.field_name(run, name))}</h2>")
        for ranking in rankings:
            parts.append(_paper(ranking, shown_reason(ranking)))
    if not groups:
        parts.append(f"<p>{_h(quiet_line(run))}</p>")
    if changed := changes(run, revisions):
        parts.append(f"<h2>{_h(say['revisions'])}</h2>")
        for change in changed:
            told = say[change.kind].format(added=len(change.added), removed=len(change.removed))
            parts.append(_paper(change.ranking, f"{change.versions} ({change.day}): {told}"))
    if met := followed(run, follow):
        parts.append(f"<h2>{_h(say['followed'])}</h2>")
        parts += [_paper(row.ranking, " · ".join((*row.authors, *row.phrases))) for row in met]
    counts = {key: run.counts.get(key, 0) for key in ("read", "rejected", *OUTCOMES)}
    parts.append(f"<hr><p><small>{_h(say['identity'].format(**counts))}</small></p></body></html>")
    return "\n".join(parts) + "\n"


def _paper(ranking: Ranking, said: str) -> str:
    paper = ranking.paper
    return (
        f'<h3>{shown_score(ranking.score)} · <a href="{_h(abs_url(paper))}">{_h(paper.title)}</a></h3>'
        f"<p><small>{_h(shown_authors(paper))} · {_h(shown_date(paper))}</small><br>{_h(said)}</p>"
    )


def send(mail: EmailMessage, settings: MailSettings) -> None:
    """Hand the mail to the server.

    Raises:
        RankerError: the server can't be reached, is not who it should be, or refused someone; nothing is retried.
    """
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    where = f"{settings.host}:{settings.port}"
    try:
        with _connect(settings, context) as server:
            if settings.username:
                server.login(settings.username, settings.password)
            refused = server.send_message(mail)
    except ssl.SSLError as error:
        raise RankerError(
            f"no trusted connection ({error.reason or error})", where=where, todo="check mail.security and mail.ca_file"
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        raise RankerError(
            "name or password refused", where=where, todo="check mail.username and the password"
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise RankerError(
            f"the mail was not taken ({error})", where=where, todo="check mail.host, mail.port and mail.security"
        ) from error
    if refused:
        raise RankerError(
            f"refused for {', '.join(sorted(refused))}", where=where, todo="check mail.recipients; the others have it"
        )


def _connect(settings: MailSettings, context: ssl.SSLContext) -> smtplib.SMTP:
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    try:
        if settings.security == "starttls":
            server.starttls(context=context)
    except (smtplib.SMTPException, OSError):
        server.close()
        raise
    return server


def _subject(run: Run) -> str:
    count = sum(ranking.outcome == "recommended" for ranking in run.rankings)
    return clean(f"{words(run.language)['title']} - {run.day} ({count})")


def _h(text: str) -> str:
    return escape(clean(text))
