"""A real HTTP server on loopback that plays a script, and a clock that only sleeping moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Reply:
    """One scripted answer. ``promise``: bytes that Content-Length tells too many; ``pause``: real seconds before it."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    promise: int = 0
    pause: float = 0.0


class Clock:
    """Seconds since the epoch, moved by ``sleep`` only; remembers what was slept."""

    def __init__(self, at: float = 1_770_700_000.0) -> None:
        self.at = at
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


class Server:
    """``script``: answers in order (the last one repeats), or a function of (path, query)."""

    def __init__(self, script: list[Reply] | Callable[[str, dict[str, str]], Reply], clock: Clock) -> None:
        self.script, self.clock = script, clock
        self.asked: list[str] = []
        self.times: list[float] = []
        self.agents: list[str] = []
        self.connections: set[Any] = set()
        self.url = ""

    def answer(self, path: str) -> Reply:
        self.asked.append(unquote(path))
        self.times.append(self.clock())
        if callable(self.script):
            parts = urlsplit(path)
            return self.script(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
        return self.script[min(len(self.asked), len(self.script)) - 1]


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.agents.append(self.headers["user-agent"])
            server.connections.add(self.client_address)
            reply = server.answer(self.path)
            time.sleep(reply.pause)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body) + reply.promise))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:
                return  # the client gave up, as it should
            if reply.promise:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
    thread.start()
    server.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
