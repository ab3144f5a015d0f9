"""``ranker search``, ``similar`` and ``embed`` as a person runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_search_similar_and_embed(cli: Cli, small_day: Path) -> None:
    rows = [json.loads(r) for r in small_day.read_text().splitlines()]
    assert cli("import", small_day).returncode == 0
    empty = cli("search", "language models")
    assert empty.returncode == 4 and "no embedded papers" in empty.stderr
    embedded = cli("embed")
    assert embedded.returncode == 0 and "embedded 20 papers" in embedded.stdout, embedded.stderr
    found = cli("search", rows[0]["title"], "-n", "3")
    assert found.returncode == 0, found.stderr
    first = rows[0]["id"].split("v")[0]
    assert first in found.stdout
    like = cli("similar", first, "-n", "2")
    assert like.returncode == 0 and first not in like.stdout, like.stderr
    none = cli("search", "anything", "--since", "2030-01-01")
    assert none.returncode == 0 and "2602." not in none.stdout
    wrong = cli("search", "anything", "--since", "soon")
    assert wrong.returncode == 2 and "YYYY-MM-DD" in wrong.stderr
    field = cli("search", "anything", "--field", "nothing")
    assert field.returncode == 4 and "fields:" in field.stderr
