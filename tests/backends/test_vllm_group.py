"""An engine's own folder goes with it, and nobody else's does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ranker.backends import vllm_group

END = "from ranker.backends.vllm_group import end_own_group; end_own_group()"


@pytest.mark.parametrize("too_long", [False, True])
def test_a_persons_own_temporary_folder_is_never_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, too_long: bool
) -> None:
    mine = tmp_path / "ranker-mine"
    mine.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(mine))
    monkeypatch.setattr(vllm_group, "_LONGEST", 0 if too_long else 4096)
    folder, places = vllm_group.own_folder({})
    assert folder.parent == mine and ("TMPDIR" in places) is not too_long
    environment = {**os.environ, "TMPDIR": str(mine), **places}
    # In a session of its own, since it ends its group
    subprocess.run([sys.executable, "-c", END], env=environment, start_new_session=True, timeout=60)
    assert mine.is_dir() and not folder.exists()
