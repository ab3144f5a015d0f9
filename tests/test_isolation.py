"""What a test writes stays in the test; only what is large and never changes is shared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ranker import resources
from ranker.backends.smollm2 import cache_folder
from tests.conftest import ROOT


def test_every_folder_of_the_person_is_the_tests_own(home: Path) -> None:
    for folder in (resources.user_data_dir(), resources.user_config_dir(), resources.user_cache_dir()):
        assert folder.is_relative_to(home)


def test_converted_models_are_shared(home: Path, converted_models: Path) -> None:
    assert cache_folder().is_relative_to(home)
    assert cache_folder().resolve() == converted_models.resolve()


def test_the_persons_variables_are_not_obeyed(tmp_path: Path) -> None:
    inner = tmp_path / "test_inner.py"
    names = ("RANKER_API_KEY", "OPENAI_API_KEY", "RANKER_NOW", "RANKER_SMTP_PASSWORD")
    inner.write_text(
        f"import os\nfrom tests.conftest import *\ndef test() -> None:\n    assert not {set(names)} & set(os.environ)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", inner],
        env={**os.environ, **dict.fromkeys(names, "x"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
