"""The mail against a real SMTP server on loopback (aiosmtpd): plain, STARTTLS, TLS, log-in, refusals."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ranker.digest import mail, recommendation
from ranker.digest.site.records import Revision
from ranker.errors import ConfigError, RankerError
from ranker.profile import Subscriptions
from ranker.types import Run
from tests.digest import golden
from tests.digest.hostile import CALM, runs
from tests.digest.sample import RUN, paper, ranking

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
pytest.importorskip("aiosmtpd")
from aiosmtpd.controller import Controller  # noqa: E402
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword  # noqa: E402

SETTINGS = mail.MailSettings(
    "127.0.0.1", "ranker@example.org", ("a@example.org", "乙 <b@example.org>"), security="none"
)


class Box:
    """Keeps what it was handed; refuses one recipient."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.received.append(envelope)
        return "250 OK"


def only_ada(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada", b"secret")
    return AuthResult(success=good, handled=good)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not shutil.which("openssl"):
        pytest.skip("openssl is absent: no certificate for the TLS server")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made: list[str | Path] = ["openssl", "req", "-x509", "-nodes"]
    made += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*made, "-keyout", key, "-out", cert, "-days", "2", *names], check=True, capture_output=True)
    return cert, key


@pytest.fixture
def serve() -> Iterator[Any]:
    started: list[Controller] = []

    def start(**options: Any) -> tuple[Box, int]:
        box = Box()
        controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        started.append(controller)
        return box, controller.port

    yield start
    for controller in started:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parts(envelope: Envelope) -> tuple[EmailMessage, str, str]:
    assert isinstance(envelope.content, bytes)
    received = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(received, EmailMessage)
    plain, html = received.get_body(("plain",)), received.get_body(("html",))
    assert plain is not None and html is not None
    return received, plain.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


def test_the_digest_arrives_whole(serve: Any) -> None:
    box, port = serve()
    settings = replace(SETTINGS, port=port)
    mail.send(mail.message(RUN, settings), settings)
    [envelope] = box.received
    assert envelope.mail_from == "ranker@example.org"
    assert envelope.rcpt_tos == ["a@example.org", "b@example.org"]
    received, plain, html = parts(envelope)
    assert received["subject"] == "ArXiv 每日推荐 - 2026-01-14 (3)"
    assert received["to"] == "a@example.org, 乙 <b@example.org>"
    assert plain == recommendation.render(RUN)
    assert html == mail.html(RUN)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_with_a_log_in(serve: Any, certificate: tuple[Path, Path], security: mail.Security) -> None:
    cert, key = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    tls = {"ssl_context": context, "auth_require_tls": False} if security == "tls" else {"tls_context": context}
    box, port = serve(authenticator=only_ada, auth_required=True, **tls)
    settings = replace(
        SETTINGS, port=port, security=security, username="ada", password="secret", ca_file=str(cert), timeout=10.0
    )
    mail.send(mail.message(RUN, settings), settings)
    assert len(box.received) == 1
    with pytest.raises(RankerError, match="name or password refused"):
        mail.send(mail.message(RUN, settings), replace(settings, password="wrong"))
    with pytest.raises(RankerError, match="no trusted connection"):
        mail.send(mail.message(RUN, settings), replace(settings, ca_file=""))


def test_no_fall_back_to_plain_text(serve: Any) -> None:
    box, port = serve()
    with pytest.raises(RankerError, match="STARTTLS"):
        mail.send(mail.message(RUN, SETTINGS), replace(SETTINGS, port=port, security="starttls"))
    assert not box.received


def test_a_refused_recipient_is_named_and_the_others_have_it(serve: Any) -> None:
    box, port = serve()
    settings = replace(SETTINGS, port=port, recipients=("a@example.org", "nobody@example.org"))
    with pytest.raises(RankerError, match=r"refused for nobody@example\.org"):
        mail.send(mail.message(RUN, settings), settings)
    assert [envelope.rcpt_tos for envelope in box.received] == [["a@example.org"]]


def test_nobody_listens() -> None:
    settings = replace(SETTINGS, port=free_port())
    with pytest.raises(RankerError, match="the mail was not taken"):
        mail.send(mail.message(RUN, settings), settings)


def test_long_words_fit_the_protocols_lines(serve: Any) -> None:
    box, port = serve()
    settings = replace(SETTINGS, port=port)
    long = replace(RUN, rankings=(ranking(paper("2601.1", "x" * 10_000), "recommended", 1, score=9.0),))
    mail.send(mail.message(long, settings), settings)
    content = box.received[0].content
    assert isinstance(content, bytes)
    assert max(map(len, content.splitlines())) <= 998
    assert parts(box.received[0])[1] == recommendation.render(long)


@CALM
@given(runs())
def test_hostile_texts_stay_text(run: Run) -> None:
    sent = mail.message(run, SETTINGS)
    assert sent.as_bytes()
    page = mail.html(run)
    allowed = {"!doctype", "html", "head", "meta", "body", "h1", "h2", "h3", "p", "br", "a", "small", "hr"}
    assert {tag.lower() for tag in re.findall(r"</?([^\s>/]+)", page)} <= allowed
    assert page.count("<a ") == page.count('<a href="https://arxiv.org/abs/')


def test_golden_html() -> None:
    golden.check("mail.html", mail.html(RUN))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"host": " "}, "mail.host"),
        ({"port": 0}, "mail.port"),
        ({"security": "ssl"}, "mail.security"),
        ({"recipients": ()}, "mail.recipients"),
        ({"recipients": ("a@b.c\nBcc: x@y.z",)}, "mail.recipients"),
        ({"sender": "nobody"}, "mail.sender"),
        ({"timeout": 0}, "mail.timeout"),
        ({"host": "mail.example.org", "username": "ada"}, "mail.security"),
    ],
)
def test_settings_that_cannot_work_name_their_key(change: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        replace(SETTINGS, **change)


def test_settings_from_a_table() -> None:
    table = {"host": "h", "sender": "a@b.c", "recipients": ["d@e.f"], "port": 465, "security": "tls", "timeout": 5}
    assert mail.mail_settings(table, "secret") == mail.MailSettings(
        "h", "a@b.c", ("d@e.f",), port=465, security="tls", timeout=5, password="secret"
    )
    for wrong, message in (
        ({"hots": "h"}, r"mail\.hots: unknown key\n  -> did you mean host"),
        ({"password": "x"}, r"mail\.password: unknown key"),
        ({"port": "465"}, r"mail\.port: '465' is of the wrong kind"),
        ({"port": True}, r"mail\.port: True is of the wrong kind"),
        ({"recipients": [1]}, r"mail\.recipients"),
        ({"host": "h"}, r"mail\.sender: is missing"),
    ):
        with pytest.raises(ConfigError, match=message):
            mail.mail_settings(wrong)


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(replace(SETTINGS, password="hunter2"))


def test_new_versions_and_followed_papers_stand_in_both_parts() -> None:
    newer = replace(RUN.rankings[0], flags=("new version: v1 was seen on 2026-01-07",))
    run = replace(RUN, rankings=(newer, *RUN.rankings[1:]))
    revisions = {newer.paper.arxiv_id: Revision(newer.paper.arxiv_id, 1, "2026-01-07", "It was other.")}
    follow = Subscriptions(authors=("Émile Borel",))
    sent = mail.message(run, SETTINGS, revisions, follow)
    plain, html = (part.get_content() for part in sent.iter_parts())
    for part in (plain, html):
        assert "旧文新版" in part and "关注的作者与短语" in part and "2026-01-07" in part
    assert html.count("Émile Borel") > mail.html(run).count("Émile Borel")
    assert "旧文新版" not in mail.html(RUN) and "关注" not in mail.html(RUN)
