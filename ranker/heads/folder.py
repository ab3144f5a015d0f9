"""A folder of files that belong together, replaced as one: a kill leaves the old ones or the new ones, no mixture."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from ranker.errors import BackendError

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def check_replaceable(folder: Path, names: Collection[str]) -> None:
    """Refuse what may not be replaced by a folder with these files.

    Raises:
        BackendError: a file, the present folder or one above it, or a folder that holds anything else.
    """
    if not folder.exists():
        return
    others = [] if not folder.is_dir() else sorted(p.name for p in folder.iterdir() if p.name not in names)
    if not folder.is_dir() or others:
        what = f"holds other files ({', '.join(others[:3])})" if others else "is a file, not a folder"
        raise BackendError(f"{what}, so it is not replaced", where=str(folder), todo="name a new or empty folder")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise BackendError("is the folder that you are in", where=str(folder), todo="name a folder below it")


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` (name -> content) beside ``folder``, sync them, then put them in its place in one step.

    Raises:
        BackendError: not replaceable, not writable, or the disk is full; the folder is then as it was.
    """
    check_replaceable(folder, files)
    folder = folder.resolve()  # through a link, so that the link stays
    staged = folder.with_name(f".{folder.name}.new")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staged, ignore_errors=True)  # what a killed one left
        staged.mkdir()
        for name, content in files.items():
            with (staged / name).open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        _sync(staged)
        if folder.exists():
            _swap(staged, folder)
        else:
            staged.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        raise BackendError(
            f"can't be written ({error.strerror})",
            where=str(error.filename or folder),
            todo="free some space, or name another folder",
        ) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _swap(staged: Path, folder: Path) -> None:
    """Exchange both in one step (Linux, man 2 renameat2); else two renames, the old one kept until the new stands."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        rename = None
    paths = (os.fsencode(staged), os.fsencode(folder))
    if rename is not None and rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return
    old = folder.with_name(f".{folder.name}.old")
    folder.rename(old)
    try:
        staged.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
