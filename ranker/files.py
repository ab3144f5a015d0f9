"""Files and folders that must never be half written: made beside, synced, then put in place in one step."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2

Content = str | bytes | Callable[[BinaryIO], object]
"""A file's content (a text as UTF-8), or who writes it: what is too large for memory."""


def write_whole(path: Path, content: Content) -> None:
    """Replace one file.

    Raises:
        OSError: what was there stands as it was.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write_synced(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_synced(path: Path, content: Content) -> None:
    """Write a file and have it reach the disk."""
    with path.open("wb") as stream:
        if callable(content):
            content(stream)
        else:
            stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())


def file_above(path: Path) -> Path | None:
    """The part of a path that is a file where a folder would have to be; None where there is no such part."""
    nearest = next((part for part in path.absolute().parents if part.exists()), None)
    return None if nearest is None or nearest.is_dir() else nearest


def replace_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Have ``fill`` write a new folder beside ``folder``, then put it in its place.

    A kill leaves the old folder or the new one; litter of killed programs is cleared first.

    Raises:
        OSError: from ``fill`` too; the folder is then as it was.
    """
    folder = folder.resolve()  # through a link, so that the link stays and what it points to is replaced
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_litter(folder)
    staged = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        fill(staged)
        _sync_folder(staged)
        _put_in_place(staged, folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _clear_litter(folder: Path) -> None:
    """What killed programs left: half-written folders go, a folder that was being replaced comes back."""
    ours = re.compile(rf"\.{re.escape(folder.name)}\.(?:spill\.)?([0-9]+)\.(tmp|old)")
    for left in [*folder.parent.iterdir()]:
        found = ours.fullmatch(left.name)  # whole: a neighbour's name may begin with this one
        if found is None or _alive(int(found[1])):
            continue
        kind = found[2]
        if kind == "old" and not folder.exists():
            left.rename(folder)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _put_in_place(staged: Path, folder: Path) -> None:
    if not folder.exists():
        staged.rename(folder)
        return
    if not _exchange(staged, folder):
        # No atomic exchange on this file system: two renames, the old folder kept until the new one stands.
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        folder.rename(old)
        try:
            staged.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(a: Path, b: Path) -> bool:
    """Swap two folders in one step (Linux renameat2, man 2 rename); False where that is not to be had."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
