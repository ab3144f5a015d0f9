"""``ranker fetch`` and ``ranker run`` against a real HTTP server on loopback, the clock injected."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
PAGES = Path(__file__).parent / "data" / "pages"
TUESDAY = {"RANKER_NOW": "2026-02-10T01:00:00-05:00"}
WEDNESDAY = {"RANKER_NOW": "2026-02-11T01:00:00-05:00"}
SATURDAY = {"RANKER_NOW": "2026-02-14T12:00:00-05:00"}


class Feed:
    """What the server answers: status and body, changed by the tests."""

    status, body = 200, (PAGES / "rss.xml").read_bytes()


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    told = Feed()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(told.status)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "c.toml").write_text(
        f'[fetch]\ncategories = ["cs.AI"]\n[fetch.http]\nfeed_url = "http://127.0.0.1:{server.server_port}"\n'
        "tries = 1\nempty_tries = 1\nbackoff_s = 0.0\n"
    )
    yield told
    server.shutdown()
    server.server_close()


def test_fetch_stores_and_run_writes_the_digest(cli: Cli, feed: Feed, tmp_path: Path) -> None:
    fetched = cli("fetch", "--config", "c.toml", env=TUESDAY)
    assert fetched.returncode == 6, fetched.stderr  # the page has an item without a title
    assert "fresh" in fetched.stdout and "stored 1 papers (1 new), refused 1; day: 2026-02-10" in fetched.stdout
    ran = cli("run", "--config", "c.toml", "--out", "out", env=TUESDAY)
    assert ran.returncode == 6, ran.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["counts"]["read"], report["counts"]["rejected"], report["counts"]["recommended"]) == (2, 1, 1)
    assert (tmp_path / "out" / "digest.md").read_text().startswith("# ArXiv 每日推荐 - 2026-02-10\n")


def test_a_quiet_day_writes_nothing_and_says_so(cli: Cli, feed: Feed, tmp_path: Path) -> None:
    feed.body = (PAGES / "rss_empty.xml").read_bytes()
    done = cli("run", "--config", "c.toml", "--out", "out", env=SATURDAY)
    assert done.returncode == 3, done.stderr
    assert "quiet" in done.stdout and not (tmp_path / "out").exists()


def test_a_feed_a_day_old_is_stale_and_partial(cli: Cli, feed: Feed) -> None:
    done = cli("fetch", "--config", "c.toml", env=WEDNESDAY)
    assert done.returncode == 6 and done.stdout.startswith("stale"), done.stdout + done.stderr


def test_a_refusal_is_a_clear_error(cli: Cli, feed: Feed) -> None:
    feed.status = 403
    done = cli("fetch", "--config", "c.toml", env=TUESDAY)
    assert done.returncode == 5, done.stdout
    assert "403" in done.stderr and "Traceback" not in done.stderr


def test_wrong_categories_and_settings_are_named(cli: Cli, feed: Feed, tmp_path: Path) -> None:
    done = cli("fetch", "--config", "c.toml", "--category", "not a category", env=TUESDAY)
    assert done.returncode in (2, 4) and "not a category" in done.stderr and "Traceback" not in done.stderr
    (tmp_path / "d.toml").write_text("[fetch.http]\ninterval_s = 0.5\n")
    done = cli("fetch", "--config", "d.toml", env=TUESDAY)
    assert done.returncode == 4 and "d.toml:2" in done.stderr and "3 to 600" in done.stderr
