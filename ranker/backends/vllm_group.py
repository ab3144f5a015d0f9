"""Ending an engine: its processes, and what they would leave in shared memory and among the temporary files.

vLLM's processes talk through shared memory (some 200 MB of names in ``/dev/shm`` an engine) and sockets in the folder
of temporary files. Ended by a signal they remove neither. The shared memory is removed by Python's resource tracker,
a process of the same group that acts when the others are gone, so it is spared until it has done so; the files lie in a
folder of the engine's own (``TMPDIR``), which is removed with it. vLLM's own shutdown takes 5 to 8 seconds, since some
of its processes have to be waited for and then killed, and there is nothing in an engine that has to be saved.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_PREFIX = "ranker-"
_OWN = "RANKER_ENGINE_FOLDER"  # by a name of ours: TMPDIR may be the person's own, which is nobody's to remove
_LONGEST = 66  # characters of a folder in which vLLM's sockets may lie: their names are 36 long, a path 103 at most
_PROC = Path("/proc")
_TRACKER = b"resource_tracker"
_TRACKERS_SECONDS = 5.0
_OTHERS_SECONDS = 5.0


def own_folder(environment: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """A folder for an engine's temporary files, and the variables that make its processes use it.

    Inductor's cache stays where it would be without them: it is meant to outlive the engine. Where sockets below the
    folder would have too long names, the engine's files lie with all others.
    """
    common = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if len(str(folder)) > _LONGEST:
        return folder, {_OWN: str(folder)}
    cache = environment.get("TORCHINDUCTOR_CACHE_DIR") or str(Path(common) / f"torchinductor_{_user()}")
    return folder, {_OWN: str(folder), "TMPDIR": str(folder), "TORCHINDUCTOR_CACHE_DIR": cache}


def end_group(group: int) -> None:
    """Kill all processes of a group, the trackers of shared memory last and only where they do not end by themselves.

    Where processes can't be listed (no ``/proc``), all of them at once.
    """
    _kill_others(group)
    until = time.monotonic() + _TRACKERS_SECONDS
    while any(_members(group)) and time.monotonic() < until:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody of the group may be left
        os.killpg(group, signal.SIGKILL)


def end_own_group() -> None:
    """Kill all of this process's group but itself and the trackers, which end after it. It leads the group."""
    _kill_others(os.getpgrp())
    if folder := os.environ.get(_OWN):
        shutil.rmtree(folder, ignore_errors=True)
    if not _PROC.is_dir():
        os.killpg(0, signal.SIGKILL)


def _kill_others(group: int) -> None:
    until = time.monotonic() + _OTHERS_SECONDS
    while time.monotonic() < until:
        others = [process for process, tracks in _members(group) if not tracks and process != os.getpid()]
        if not others:
            return
        for process in others:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def _members(group: int) -> Iterator[tuple[int, bool]]:
    """The group's living processes, and whether each is a tracker; none where they can't be listed."""
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if not entry.name.isdecimal():
            continue
        try:
            state, _, found = (
                (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
            )
            if int(found) == group and state not in "ZX":
                yield int(entry.name), _TRACKER in (entry / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue  # it has ended meanwhile


def _user() -> str:
    """The name that inductor puts behind its folder."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
