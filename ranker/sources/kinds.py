"""Which kind of input a file is, from its first bytes, never from its name."""

from __future__ import annotations

import re
from typing import Literal

from ranker.errors import InputError

Kind = Literal["jsonl", "snapshot", "json-array", "atom-api", "rss", "atom", "oai"]

_ROOT = re.compile(
    rb"\A(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\])?[^>]*>)*<([A-Za-z_][\w.:-]*)", re.DOTALL
)
_EXPECTED = (
    "JSON lines (id, title, abstract), the arXiv metadata snapshot, a saved arXiv API page, "
    "an RSS or Atom announcement feed, or an OAI-PMH page (arXivRaw, arXiv) is expected"
)


def kind_of(head: bytes, label: str) -> Kind:
    """The kind of an input that begins with ``head``.

    Raises:
        InputError: of no kind that is known.
    """
    start = head.lstrip()
    if start.startswith(b"<"):
        return _xml_kind(start, label)
    if start.startswith(b"["):
        lines = [line.strip() for line in start.split(b"\n")]
        # A list in the first line of JSON lines is a bad row, not the beginning of an array.
        if lines[0].endswith(b"]") and any(line.startswith(b"{") for line in lines[1:]):
            return "jsonl"
        return "json-array"
    for line in start.split(b"\n"):
        if line.lstrip(b" \t\xef\xbb\xbf\x00").startswith(b"{"):
            snapshot = b'"authors_parsed"' in line or (b'"versions"' in line and b'"update_date"' in line)
            return "snapshot" if snapshot else "jsonl"
    raise InputError("is of no known kind", where=label, todo=_EXPECTED)


def _xml_kind(start: bytes, label: str) -> Kind:
    match = _ROOT.match(start)
    root = match[1].split(b":")[-1].lower() if match else b""
    if root == b"oai-pmh":
        return "oai"
    if root == b"html" or (start[:9].lower() == b"<!doctype" and b"html" in start[:40].lower()):
        raise InputError("is a web page, not a feed", where=label, todo="save the feed's address itself; " + _EXPECTED)
    if root == b"rss" and b"arxiv" in start.lower():
        return "rss"
    if root == b"feed":
        if re.search(rb"announce_type|oai:arXiv\.org|rss\.arxiv\.org|updates on arXiv\.org", start):
            return "atom"
        if b"arxiv.org/" in start or b"opensearch" in start:
            return "atom-api"
    shown = root.decode("ascii", "replace") or "?"
    raise InputError(f"is XML of no known kind (its root is <{shown}>)", where=label, todo=_EXPECTED)
