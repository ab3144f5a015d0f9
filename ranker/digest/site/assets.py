"""The page's own style and scripts: read from the package once, inlined in every page, allowed by their hash.

Inline, so that a page is one file that works from a file:// address; by hash, so that the policy lets nothing else
run. ``strict-dynamic`` lets our script load the data files beside the page (search index, list of days) by creating
script elements, which works from file:// too; a script element that came with the page's text stays forbidden.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

CSS = ("base", "top", "layout", "card", "controls", "dialog", "history", "search", "print")
JS_CORE = ("core", "ticks", "shelf", "dialogs", "nav")
JS_PAGES: dict[str, tuple[str, ...]] = {
    "day": (*JS_CORE, "cards", "cite", "keys", "alive", "view"),
    "left": (*JS_CORE, "cards", "cite", "keys", "alive"),
    "history": (*JS_CORE, "plain"),
    "search": (*JS_CORE, "search", "plain"),
}
CONNECT_NONE = "connect-src 'none'"
"""The part of the policy that ``ranker.serve`` relaxes to ``'self'``, so that ticks can be stored directly."""


@cache
def style() -> str:
    """All style sheets as one; the dark palette stands for the system's choice and for the reader's."""
    sheets = "\n".join(_read("css", f"{name}.css") for name in CSS)
    dark = _read("css", "dark.txt")
    return (
        f"{sheets}\n@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {dark} }} }}\n"
        f":root[data-theme=dark] {{ {dark} }}\n"
    )


@cache
def script(page: str) -> str:
    """The scripts of a kind of page in one strict function."""
    parts = "\n".join(_read("js", f"{name}.js") for name in JS_PAGES[page])
    return f'(() => {{\n"use strict";\n{parts}\n}})();'


@cache
def policy(page: str) -> str:
    """Content-Security-Policy of a kind of page: our style, our script, and nothing else from anywhere."""
    return (
        f"default-src 'none'; script-src 'strict-dynamic' {_hash(script(page))}; style-src {_hash(style())}; "
        f"img-src data:; {CONNECT_NONE}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _read(folder: str, name: str) -> str:
    return resources.files("ranker.digest.site").joinpath(folder, name).read_text("utf-8").strip()
