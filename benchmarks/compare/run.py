"""Runs contestants one after the other, each in a subprocess, and keeps what they found: a second run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.compare.spec import Scored, Spec

ROOT = Path(__file__).resolve().parent.parent.parent
_PLUMBING = ("ranker/store/", "ranker/config.py", "ranker/toml.py", "ranker/errors.py", "ranker/progress.py")
"""Carries papers and vectors about without shaping a score: a change there leaves what is kept valid."""
Tell = Callable[[str, int, int], None]


def outcome(
    spec: Spec, data_digest: str, cache: Path, *, fresh: bool = False, tell: Tell | None = None
) -> tuple[dict[str, Any], Scored | None]:
    """What a contestant found, from the cache where nothing that shaped it has changed, and its predictions.

    A failure is never kept: it is ``{"failed": why}``, and tried again the next time.
    """
    folder = cache / spec.key(data_digest)[:32]
    found = None if fresh else kept(folder)
    if found is None:
        found = _run(spec, folder, tell)
    path = folder / "predictions.npz"
    return found, Scored.read(path) if "failed" not in found and path.is_file() else None


def kept(folder: Path) -> dict[str, Any] | None:
    """A finished result whose every source file is still the same."""
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if "failed" in result or not (folder / "predictions.npz").is_file():
        return None
    for name, sha256 in result["sources"].items():
        if name.startswith(_PLUMBING):
            continue
        path = ROOT / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            return None
    return dict(result)


def _run(spec: Spec, folder: Path, tell: Tell | None) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("result.json", "predictions.npz"):
        (folder / name).unlink(missing_ok=True)
    (folder / "spec.json").write_text(spec.dump(), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.compare.worker", str(folder / "spec.json"), str(folder)]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        worker = subprocess.Popen(
            [*command, repr(time.time())],
            cwd=ROOT,
            env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
        try:
            assert worker.stdout is not None
            for line in worker.stdout:
                _pass_on(line, tell)
            code = worker.wait()
        finally:
            worker.kill()
            worker.wait()
        errors.seek(0)
        said = errors.read()
    (folder / "stderr.txt").write_text(said, encoding="utf-8")
    path = folder / "result.json"
    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    last = said.strip().splitlines()[-1][:200] if said.strip() else "no word"
    # A negative code is a signal: -9 is most often the kernel, out of memory.
    return {"failed": f"its process ended with code {code}: {last}"}


def _pass_on(line: str, tell: Tell | None) -> None:
    if tell is None:
        return
    try:
        step = json.loads(line)
        tell(str(step["stage"]), int(step["done"]), int(step["total"]))
    except (ValueError, KeyError, TypeError):
        return  # a library's own chatter on stdout
