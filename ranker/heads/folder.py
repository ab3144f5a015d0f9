"""A folder of files that belong together, replaced as one: a kill leaves the old ones or the new ones, no mixture."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ranker.errors import BackendError
from ranker.files import file_above, replace_folder, write_synced


def check_replaceable(folder: Path, names: Collection[str]) -> None:
    """Refuse what may not be replaced by a folder with these files.

    Raises:
        BackendError: a file, a path below one, the present folder or one above it, or a folder that holds anything
            else.
    """
    if above := file_above(folder):
        raise BackendError(f"{above} is a file, not a folder", where=str(folder), todo="name a new or empty folder")
    if not folder.exists():
        return
    others = [] if not folder.is_dir() else sorted(p.name for p in folder.iterdir() if p.name not in names)
    if not folder.is_dir() or others:
        what = f"holds other files ({', '.join(others[:3])})" if others else "is a file, not a folder"
        raise BackendError(f"{what}, so it is not replaced", where=str(folder), todo="name a new or empty folder")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise BackendError("is the folder that you are in", where=str(folder), todo="name a folder below it")


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` (name -> content) beside ``folder``, sync them, then put them in its place in one step.

    Raises:
        BackendError: not replaceable, not writable, or the disk is full; the folder is then as it was.
    """
    check_replaceable(folder, files)

    def fill(staged: Path) -> None:
        for name, content in files.items():
            write_synced(staged / name, content)

    try:
        replace_folder(folder, fill)
    except OSError as error:
        raise BackendError(
            f"can't be written ({error.strerror})",
            where=str(error.filename or folder),
            todo="free some space, or name another folder",
        ) from error
