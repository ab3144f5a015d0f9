"""``ranker rank --all`` as a person runs it: the rows of ``--day``, a prefilter with the real tokens, wrong usage."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ranker import resources

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.xdist_group("sample")
def test_all_that_is_stored_gets_the_rows_of_its_day(cli: Cli, tmp_path: Path) -> None:
    assert cli("import", resources.sample_day()).returncode == 6  # one row is broken on purpose
    day = cli("rank", "--day", "2026-02-10", "--out", "day", "--no-history")
    every = cli("rank", "--all", "--out", "all")
    assert day.returncode == every.returncode == 0, every.stderr
    assert (tmp_path / "all" / "rankings.jsonl").read_bytes() == (tmp_path / "day" / "rankings.jsonl").read_bytes()
    reports = [json.loads((tmp_path / f / "report.json").read_text()) for f in ("day", "all")]
    assert reports[0]["counts"] == reports[1]["counts"] and reports[0]["fields"] == reports[1]["fields"]
    assert (tmp_path / "all" / "digest.md").read_text().count("### [Score: ") == 29
    zipped = cli("rank", "--since", "2026-02-10", "--until", "2026-02-10", "--gzip", "--out", "all")
    assert zipped.returncode == 0, zipped.stderr
    assert not (tmp_path / "all" / "rankings.jsonl").exists()
    rows = gzip.decompress((tmp_path / "all" / "rankings.jsonl.gz").read_bytes())
    assert rows == (tmp_path / "day" / "rankings.jsonl").read_bytes()
    absent = cli("rank", "--since", "2030-01-01", "--out", "none")
    assert absent.returncode == 4 and "newest days: 2026-02-10" in absent.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rank", "--all", "--day", "2026-02-10"), "one of them"),
        (("rank", "--all", "day.jsonl"), "one of them"),
        (("rank", "--since", "yesterday"), "is no date"),
        (("rank", "--all", "--prefilter", "1.5"), "is no share"),
        (("rank", "day.jsonl", "--prefilter", "0.5"), "go with --all"),
        (("rank", "--all", "--dry-run"), "--dry-run plans"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = cli(*arguments)
    # The option parser wraps its message in a box.
    assert done.returncode == 2 and said in " ".join(done.stderr.replace("│", " ").split()), done.stderr


def test_an_empty_store_says_what_to_do(cli: Cli) -> None:
    done = cli("rank", "--all")
    assert done.returncode == 4 and "`ranker import` stores papers" in done.stderr
