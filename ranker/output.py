"""The output folder: written beside, synced, then put in place in one step; only a folder of ours is ever replaced."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from ranker.errors import InputError, RankerError
from ranker.files import Content, file_above, replace_folder, write_synced

_MARK = "report.json"


def check_folder(out: Path) -> None:
    """Refuse early, before any work is done, what can't become the output folder.

    Raises:
        InputError: a file, a path below one, the present folder or one above it, or a folder that holds no digest of
            ours.
    """
    if out.exists() and not out.is_dir():
        raise InputError("is a file, not a folder", where=str(out), todo="give --out another name")
    if above := file_above(out):
        raise InputError(f"{above} is a file, not a folder", where=str(out), todo="give --out another name")
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

    def fill(staged: Path) -> None:
        for name, content in files.items():
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            write_synced(staged / name, content)
        for name in keep:
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            _link(out / name, staged / name)

    try:
        replace_folder(out, fill)
    except OSError as error:
        raise RankerError(
            f"the digest can't be written ({error.strerror})",
            where=str(error.filename or out),
            todo="free some space or choose another --out; what was judged is in the store, so running again is quick",
        ) from error


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
