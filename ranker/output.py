"""The output folder: written beside, synced, then put in place in one step; only a folder of ours is ever replaced."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import BinaryIO

from ranker.errors import InputError, RankerError

_MARK = "report.json"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2

Content = str | bytes | Callable[[BinaryIO], None]
"""A file's content, or who writes it: what is too large for memory."""


def check_folder(out: Path) -> None:
    """Refuse early, before any work is done, what can't become the output folder.

    Raises:
        InputError: a file, the present folder or one above it, or a folder that holds no digest of ours.
    """
    if out.exists() and not out.is_dir():
        raise InputError("is a file, not a folder", where=str(out), todo="give --out another name")
    if Path.cwd().is_relative_to(out.resolve()):
        raise InputError("is the folder that you are in", where=str(out), todo="give --out a folder below it")
    if out.is_dir() and any(out.iterdir()) and not _is_ours(out / _MARK):
        raise InputError(
            "holds other files and no digest of ranker, so it is not replaced",
            where=str(out),
            todo="give --out a new or empty folder",
        )


def _is_ours(report: Path) -> bool:
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("made_by") == "ranker"


def existing_files(out: Path) -> set[str]:
    """Relative paths of what the output folder holds now."""
    return {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} if out.is_dir() else set()


def write_folder(out: Path, files: Mapping[str, Content], keep: Collection[str] = ()) -> None:
    """Write ``files`` (relative path -> content) as ``out``; an existing output of ours is replaced whole.

    ``keep``: paths of the present folder that stay as they are (linked, not copied, where the file system can).

    Raises:
        RankerError: disk full or not writable; the old folder is then as it was.
    """
    check_folder(out)
    out = out.resolve()  # through a link, so that the link stays and what it points to is replaced
    _clear_litter(out)
    staged = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        shutil.rmtree(staged, ignore_errors=True)
        for name, content in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, content)
        for name in keep:
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            _link(out / name, staged / name)
        _put_in_place(staged, out)
        _sync_folder(out.parent)
    except OSError as error:
        raise RankerError(
            f"the digest can't be written ({error.strerror})",
            where=str(error.filename or out),
            todo="free some space or choose another --out; what was judged is in the store, so running again is quick",
        ) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write(path: Path, content: Content) -> None:
    with path.open("wb") as handle:
        if callable(content):
            content(handle)
        else:
            handle.write(content.encode() if isinstance(content, str) else content)
        handle.flush()
        os.fsync(handle.fileno())


def _clear_litter(out: Path) -> None:
    """What killed runs left: half-written folders go, a folder that was being replaced comes back."""
    if not out.parent.is_dir():
        return
    for left in out.parent.glob(f".{out.name}.*.*"):
        pid, kind = left.name.rsplit(".", 2)[1:]
        if not pid.isdigit() or kind not in ("tmp", "old") or _alive(int(pid)):
            continue
        if kind == "old" and not out.exists():
            left.rename(out)
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


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _put_in_place(staged: Path, out: Path) -> None:
    if not out.exists():
        staged.rename(out)
        return
    if not _exchange(staged, out):
        # No atomic exchange on this file system: two renames, the old folder kept until the new one stands.
        old = out.with_name(f".{out.name}.{os.getpid()}.old")
        out.rename(old)
        try:
            staged.rename(out)
        except OSError:
            old.rename(out)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(a: Path, b: Path) -> bool:
    """Swap two folders in one step (Linux renameat2, man 2 rename); False where that is not to be had."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0)
