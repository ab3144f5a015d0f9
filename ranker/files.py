"""Small files that must never be half written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_text(path: Path, text: str) -> None:
    """`write_whole` of a text, as UTF-8."""
    write_whole(path, lambda stream: stream.write(text.encode()))


def write_whole(path: Path, content: Callable[[BinaryIO], object]) -> None:
    """Write beside, sync, then put in place in one step. ``content`` writes the file.

    Raises:
        OSError: what was there stands as it was.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            content(stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
