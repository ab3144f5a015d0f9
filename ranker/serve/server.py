"""The server: three routes, standard library only."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ranker.errors import BackendError, ConfigError, RankerError
from ranker.serve.guard import Guard, is_loopback, names_of
from ranker.serve.pages import KINDS, find, with_token
from ranker.serve.ticks import MAX_BODY, TickSink, TickSource, parse_ticks, tick_lines

_LOG = logging.getLogger(__name__)
_API = "/api/ticks"
_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Served:
    """A running server. ``url`` opens the site in a browser, token included; ``close`` stops it."""

    url: str
    port: int
    _server: _Server
    _thread: threading.Thread

    def wait(self) -> None:
        """Until interrupted or closed."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()


def serve(
    root: Path,
    sink: TickSink,
    source: TickSource = tuple,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    beyond_loopback: bool = False,
) -> Served:
    """Serve the site's folder and take ticks; returns at once, the server runs in a thread.

    Args:
        root: the folder that ``render_site``'s files were written to.
        sink: stores ticks. Called by one request at a time.
        source: the ticks stored so far.
        port: 0 takes a free one.
        token: a fresh one unless given (at least 16 characters).
        beyond_loopback: must be True where ``host`` is not this machine's loopback: whoever has the token may then
            read and tick over plain HTTP.

    Raises:
        ConfigError: no site there, a short token, or a ``host`` beyond loopback that was not asked for.
        BackendError: the port is taken or the address isn't this machine's.
    """
    if not (root / "index.html").is_file():
        raise ConfigError("no site here", where=str(root), todo="run `ranker digest` first")
    if not is_loopback(host) and not beyond_loopback:
        raise ConfigError(
            f"{host} can be reached from other machines", where="--host",
            todo="use 127.0.0.1, or say that you want that",
        )  # fmt: skip
    if host in ("0.0.0.0", "::", ""):
        # Any Host header would have to do, and a foreign name bound to this machine would get in
        raise ConfigError("all addresses at once", where="--host", todo="name the one address to listen on")
    if token is not None and len(token) < 16:
        raise ConfigError("the token is shorter than 16 characters", where="--token", todo="leave it out")
    secret = token or secrets.token_urlsafe(24)
    try:
        server = _Server((host, port), _Handler)
    except OSError as error:
        raise BackendError(
            f"can't listen: {error.strerror or error}", where=f"{host}:{port}", todo="name another --port"
        ) from error
    server.configure(root, sink, source, Guard(secret, names_of(host, server.server_port), server.server_port))
    thread = threading.Thread(target=server.serve_forever, name="ranker-serve", daemon=True)
    thread.start()
    name = f"[{host}]" if ":" in host else host
    return Served(f"http://{name}:{server.server_port}/?token={secret}", server.server_port, server, thread)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A port that was just given up can be taken again; on Windows the option would let two servers share one
    allow_reuse_address = os.name == "posix"

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Connections that browsers keep open would be answered on, with the listening socket long closed."""
        for request in tuple(self._open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                _LOG.debug("a connection was closed already")

    def configure(self, root: Path, sink: TickSink, source: TickSource, guard: Guard) -> None:
        self.root, self.sink, self.source, self.guard = root, sink, source, guard
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _LOG.info("a client went away", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    server_version = "ranker"
    sys_version = ""

    def do_GET(self) -> None:
        guard = self.server.guard
        if not guard.host_is_ours(self.headers):
            return self._answer(421, b"this server does not have that name\n")
        address = urlsplit(self.path)
        if address.path == _API:
            return self._read_ticks()
        given = parse_qs(address.query).get("token", [None])[0]
        if guard.is_token(given):
            # The token leaves the address bar, and with it the history and what is copied from there
            cookie = f"{guard.cookie_name}={guard.token}; Path=/; HttpOnly; SameSite=Strict"
            return self._answer(303, b"", extra={"Location": address.path or "/", "Set-Cookie": cookie})
        if not guard.has_cookie(self.headers):
            return self._answer(403, b"open the address that `ranker serve` printed\n")
        path = find(self.server.root, self.path)
        if path is None:
            return self._answer(404, b"no such page\n")
        content = path.read_bytes()
        if path.suffix == ".html":
            content = with_token(content, guard.token)
        return self._answer(200, content, KINDS[path.suffix])

    do_HEAD = do_GET

    def do_POST(self) -> None:
        guard = self.server.guard
        if not guard.host_is_ours(self.headers):
            return self._refuse(421, "this server does not have that name")
        if self.path != _API:
            return self._refuse(404, "no such page")
        if not self._may_tick():
            return self._refuse(403, "no token, or a foreign page asks")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            return self._refuse(411, "Content-Length is missing")
        if int(length) > MAX_BODY:
            return self._refuse(413, f"more than {MAX_BODY} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return self._refuse(400, "the body broke off")
        try:
            ticks = parse_ticks(body)
            with self.server.lock:
                self.server.sink(ticks)
        except ValueError as error:
            return self._answer(400, f"{error}\n".encode("utf-8", "replace"))
        except RankerError as error:
            _LOG.error("ticks were not stored: %s", error)
            return self._answer(503, f"{error}\n".encode("utf-8", "replace"))
        return self._answer(204, b"")

    def _read_ticks(self) -> None:
        if not self._may_tick():
            return self._answer(403, b"no token, or a foreign page asks\n")
        try:
            with self.server.lock:
                content = tick_lines(self.server.source())
        except RankerError as error:
            _LOG.error("ticks were not read: %s", error)
            return self._answer(503, f"{error}\n".encode("utf-8", "replace"))
        return self._answer(200, content, "application/x-ndjson")

    def _may_tick(self) -> bool:
        guard, headers = self.server.guard, self.headers
        return guard.origin_is_ours(headers) and guard.has_cookie(headers) and guard.has_bearer(headers)

    def _refuse(self, status: int, why: str) -> None:
        """Answer without having read the body; the connection can't be used on."""
        self.close_connection = True
        self._answer(status, f"{why}\n".encode(), extra={"Connection": "close"})

    def _answer(
        self,
        status: int,
        content: bytes,
        kind: str = "text/plain; charset=utf-8",
        *,
        extra: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            **(extra or {}),
        }
        if status != 204:
            headers["Content-Length"] = str(len(content))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        # The request line of the first visit holds the token: only its path is logged
        line = str(args[0]).split("?", 1)[0] if args else format
        _LOG.debug("%s %s", self.address_string(), line)
