"""How to get what an extra brings."""

from __future__ import annotations


def install(extra: str) -> str:
    """The command that brings an extra. ranker lies on no package index: it is installed from its own folder."""
    return f"in ranker's folder: pip install -c constraints.txt '.[{extra}]'"
