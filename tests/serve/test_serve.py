"""The server over real sockets: who gets in, what is stored, and what a foreign page can't do."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.invented_days import bulk_day
from ranker.digest.site import Tick
from ranker.errors import BackendError, ConfigError
from ranker.serve import Served, serve
from ranker.serve.guard import names_of
from tests.serve.shelf import Shelf
from tests.site.conftest import write_site

TOKEN = "a-token-of-enough-letters"
TICK = Tick("2602.09000", 1, "default", "2026-02-09", "up", None, "2026-02-09T01:02:03.000Z")
LINE = json.dumps(TICK.as_row()).encode() + b"\n"
Ask = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def served(tmp_path: Path, shelf: Shelf) -> Iterator[Served]:
    root = write_site(tmp_path / "site", [bulk_day("2026-02-09", 12)])
    (tmp_path / "secret.html").write_text("secret")
    (root / "link.html").symlink_to(tmp_path / "secret.html")
    (root / "notes.txt").write_text("not of the site")
    server = serve(root, shelf.put, shelf.all, token=TOKEN)
    yield server
    server.close()


@pytest.fixture
def ask(served: Served) -> Ask:
    def request(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        sent = {"Cookie": f"ranker-{served.port}={TOKEN}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, path, body, {k: v for k, v in sent.items() if v})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    return request


BEARER = {"Authorization": f"Bearer {TOKEN}"}


def test_the_printed_address_sets_the_cookie_and_hides_the_token(served: Served, ask: Ask) -> None:
    assert served.url == f"http://127.0.0.1:{served.port}/?token={TOKEN}"
    status, headers, _ = ask("GET", f"/?token={TOKEN}", Cookie="")
    assert (status, headers["Location"]) == (303, "/")
    assert headers["Set-Cookie"] == f"ranker-{served.port}={TOKEN}; Path=/; HttpOnly; SameSite=Strict"


@pytest.mark.parametrize("cookie", ["", "ranker=x", f"ranker-1={TOKEN}"])
@pytest.mark.parametrize("path", ["/", "/?token=wrong", "/2026-02-09.html", "/days.js"])
def test_without_the_token_nothing_is_shown(ask: Ask, cookie: str, path: str) -> None:
    status, _, content = ask("GET", path, Cookie=cookie)
    assert status == 403
    assert b"2602" not in content


def test_pages_know_where_to_store_ticks(ask: Ask) -> None:
    status, headers, content = ask("GET", "/")
    assert status == 200
    assert f'<meta name="ranker-token" content="{TOKEN}">'.encode() in content
    assert b"connect-src 'self'" in content
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert ask("GET", "/search/2026-02-full.js")[1]["Content-Type"] == "text/javascript; charset=utf-8"
    assert ask("HEAD", "/")[2] == b""


@pytest.mark.parametrize(
    "path",
    ["/../secret.html", "/%2e%2e/secret.html", "/..%2fsecret.html", "//etc/passwd", "/link.html", "/notes.txt",
     "/search", "/search/..%5c..%5csecret.html", "/.hidden.html", "/a/b/c/d.html", "/x%00.html"],
)  # fmt: skip
def test_only_the_site_is_served(ask: Ask, path: str) -> None:
    status, _, content = ask("GET", path)
    assert status == 404
    assert b"secret" not in content


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", ""])
def test_a_rebound_name_gets_nothing(served: Served, ask: Ask, host: str) -> None:
    status, _, _ = ask("GET", "/", Host=host.format(port=served.port) or "x")
    assert status == 421
    assert ask("POST", "/api/ticks", LINE, Host=host.format(port=served.port) or "x", **BEARER)[0] == 421


def test_ticks_are_stored_and_read_back(ask: Ask, shelf: Shelf) -> None:
    assert ask("POST", "/api/ticks", LINE, **BEARER)[0] == 204
    assert shelf.all() == (TICK,)
    status, _, content = ask("GET", "/api/ticks", **BEARER)
    assert (status, [json.loads(line) for line in content.splitlines()]) == (200, [TICK.as_row()])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {**BEARER, "Origin": "https://evil.example"},
        {**BEARER, "Origin": "null"},
        {**BEARER, "Sec_Fetch_Site": "cross-site"},
        {**BEARER, "Sec_Fetch_Site": "same-site"},
        {**BEARER, "Cookie": ""},
    ],
)
def test_a_foreign_page_stores_and_reads_nothing(ask: Ask, shelf: Shelf, headers: dict[str, str]) -> None:
    assert ask("POST", "/api/ticks", LINE, **headers)[0] == 403
    assert ask("GET", "/api/ticks", **headers)[0] == 403
    assert shelf.all() == ()


def test_our_own_origin_may(served: Served, ask: Ask) -> None:
    headers = {**BEARER, "Origin": f"http://127.0.0.1:{served.port}", "Sec_Fetch_Site": "same-origin"}
    assert ask("POST", "/api/ticks", LINE, **headers)[0] == 204


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (LINE + b"{broken", b"line 2"),
        (b"[]\n", b"line 1: not a JSON object"),
        (b"\xff\xfe", b"not UTF-8"),
        (LINE.replace(b'"up"', b'"sideways"'), b"line 1: tick"),
        (b"[" * 100_000, b"line 1"),
    ],
)
def test_one_wrong_line_stores_nothing(ask: Ask, shelf: Shelf, body: bytes, why: bytes) -> None:
    status, _, content = ask("POST", "/api/ticks", body, **BEARER)
    assert status == 400
    assert content.startswith(why)
    assert shelf.all() == ()


def test_a_store_that_fails_is_said(ask: Ask, shelf: Shelf) -> None:
    shelf.broken = True
    status, _, content = ask("POST", "/api/ticks", LINE, **BEARER)
    assert status == 503
    assert b"the disk is full" in content


@pytest.mark.parametrize(
    ("headers", "status"),
    [("Content-Length: 99999999999", 413), ("Content-Length: -1", 411), ("Transfer-Encoding: chunked", 411)],
)
def test_bodies_are_bounded(served: Served, headers: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(
            f"POST /api/ticks HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nCookie: ranker-{served.port}={TOKEN}\r\n"
            f"Authorization: Bearer {TOKEN}\r\n{headers}\r\n\r\n".encode()
        )
        assert line.recv(100).startswith(f"HTTP/1.1 {status}".encode())


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_unknown(ask: Ask, method: str) -> None:
    status, headers, _ = ask(method, "/api/ticks", **BEARER)
    assert status == 501
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"host": "192.0.2.1"}, "can be reached from other machines"),
        ({"host": "example.org"}, "can be reached from other machines"),
        ({"host": "0.0.0.0", "beyond_loopback": True}, "all addresses at once"),
        ({"token": "short"}, "shorter than 16"),
    ],
)
def test_what_is_refused_at_the_start(served: Served, tmp_path: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        serve(tmp_path / "site", Shelf().put, **options)


def test_no_site_and_a_taken_port_are_said(served: Served, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no site here"):
        serve(tmp_path / "elsewhere", Shelf().put)
    with pytest.raises(BackendError, match="can't listen"):
        serve(tmp_path / "site", Shelf().put, port=served.port)


def test_names_of_an_address() -> None:
    assert names_of("127.0.0.1", 8000) == {"127.0.0.1:8000", "localhost:8000", "[::1]:8000"}
    assert names_of("192.0.2.1", 80) == {"192.0.2.1:80", "192.0.2.1"}
