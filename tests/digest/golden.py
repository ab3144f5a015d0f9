"""Golden files: ``RANKER_GOLDEN=write pytest`` records them; otherwise they must match to the byte."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "golden"


def check(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("RANKER_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8", newline="")
    assert path.read_bytes().decode() == text, f"{path} differs; RANKER_GOLDEN=write records the new text"
