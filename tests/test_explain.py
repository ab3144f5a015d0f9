"""``ranker explain``: what a paper would have needed, told from the run that holds it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from ranker.cli.commands.explain import needed
from ranker.profile import Routing
from ranker.store import Store
from ranker.types import Exclusion, Ranking, Run, Usage
from tests.make import profile, ranking

PROFILE = profile(routing=Routing(min_similarity=0.25))
SIMILARITIES = (("A", 0.30), ("B", 0.20))
BEST = ranking(9, outcome="recommended", score=7.0)
A_AND_B = (Exclusion("field", "A"), Exclusion("field", "B"))


def a_run(*rankings: Ranking, threshold: str = "top 25% of the day") -> Run:
    return Run(
        day="2026-01-14", made_at="2026-01-14T12:00:00+08:00", profile="test", profile_title="Test", fields=("A", "B"),
        language="zh", rankings=rankings, rejected=(), counts={}, stages=(), judge_line="heads", usage=Usage(),
        uses_language_model=False, threshold=threshold, versions={}, hashes={},
    )  # fmt: skip


def unrouted(**changes: Any) -> Ranking:
    values = {"outcome": "unrouted", "score": None, "similarity": 0.30, "similarities": SIMILARITIES}
    return ranking(1, **{**values, **changes})


@pytest.mark.parametrize(
    ("row", "threshold", "says"),
    [
        (BEST, "", "the lowest recommended score of the day is 7.0000"),
        (ranking(1, score=6.5), "top 25% of the day", "it needed a score over 7.0000, 0.5000 more"),
        (ranking(1, score=6.5), "score >= 8", "it needed a score of 8, 1.5000 more"),
        (ranking(1, score=7.5), "score >= 7.25, at most 2 a field", "its score is enough; better papers took"),
        (ranking(1, score=9.0, flags=("seen before: on 2026-01-13",)), "score >= 8", "history kept it out (seen"),
        (ranking(1, score=7.0), "top 1", "is that of the last one recommended"),
        (unrouted(exclusions=A_AND_B), "", "every field is excluded by a keyword of its own"),
        (unrouted(exclusions=A_AND_B[:1]), "", "it needs similarity 0.2500, 0.0500 more"),
        (unrouted(), "", "by the profile now it would be routed, with similarity 0.3000"),
        (ranking(1, outcome="vetoed", score=None), "", "a vetoed keyword"),
        (ranking(1, outcome="duplicate", score=None), "", "another row"),
        (ranking(1, outcome="failed", score=None), "", "it was not scored"),
    ],
)  # fmt: skip
def test_what_it_needed(row: Ranking, threshold: str, says: str) -> None:
    told = needed(row, a_run(BEST, row, threshold=threshold), PROFILE)
    assert says in told
    assert not re.search(r" -\d", told)  # nothing ever needs a negative amount more


def test_nothing_recommended() -> None:
    row = ranking(1, score=6.0)
    assert needed(row, a_run(row), PROFILE) == "nothing was recommended that day"
    # A threshold is known where nothing reached it.
    assert needed(row, a_run(row, threshold="score >= 8"), PROFILE) == "it needed a score of 8, 2.0000 more"


@pytest.mark.parametrize("shelved", [False, True])
def test_a_store_is_read_where_it_cannot_be_written(
    cli: Callable[..., CompletedProcess[str]], tmp_path: Path, shelved: bool
) -> None:
    folder = tmp_path / "shelf"
    with Store(folder / "ranker.db") as store:
        store.put_run(a_run(BEST), {})
    lab = tmp_path / "test.toml"
    lab.write_text('name = "test"\ntitle = "T"\n[recommend]\ntop_n = 1\n[[fields]]\nname = "A"\ndescription = "a"\n')
    before = (folder / "ranker.db").read_bytes()
    if shelved and os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (folder / "ranker.db").chmod(0o444)
    folder.chmod(0o555 if shelved else 0o755)
    try:
        told = cli("explain", "2601.00009", "--store", folder / "ranker.db", "--profile", lab)
        absent = cli("explain", "2601.00009", "--store", tmp_path / "absent.db", "--profile", lab)
    finally:
        folder.chmod(0o755)
    assert told.returncode == 0 and "the lowest recommended score of the day is 7.0000" in told.stdout, told.stderr
    assert (folder / "ranker.db").read_bytes() == before
    assert absent.returncode == 4 and "there is no store" in absent.stderr
    assert not (tmp_path / "absent.db").exists()
