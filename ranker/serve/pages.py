"""Files of the site's folder, found safely, and pages with the token put in."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from urllib.parse import unquote

from ranker.digest.site.assets import CONNECT_NONE

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".xml": "application/atom+xml; charset=utf-8",
    ".json": "application/feed+json; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".jsonl": "text/plain; charset=utf-8",
    ".bib": "text/plain; charset=utf-8",
    ".ris": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\Z")


def find(root: Path, target: str) -> Path | None:
    """The file that a request's path names: plain names below ``root``, of a kind that the site has, no link out."""
    parts = [part for part in unquote(target.split("?", 1)[0].split("#", 1)[0]).split("/") if part] or ["index.html"]
    if len(parts) > 3 or not all(_NAME.match(part) for part in parts):
        return None
    path = root.joinpath(*parts)
    if path.suffix not in KINDS:
        return None
    real = path.resolve()
    return real if real.is_file() and real.is_relative_to(root.resolve()) else None


def with_token(page: bytes, token: str) -> bytes:
    """A page that may store its ticks here: its policy lets it talk to this server, and it knows the token.

    Only the page's own head is touched, which ends before any paper's text begins.
    """
    head, mark, rest = page.partition(b"</head>")
    head = head.replace(CONNECT_NONE.encode(), b"connect-src 'self'", 1)
    return head + f'<meta name="ranker-token" content="{escape(token, quote=True)}">'.encode() + mark + rest
