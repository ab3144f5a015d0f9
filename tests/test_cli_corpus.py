"""``ranker rank --all`` as a person runs it: the rows of ``--day``, a prefilter with the real tokens, wrong usage."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ranker import resources
from ranker.text import text_hash

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


def test_a_corpus_leaves_the_pages_of_days_alone(cli: Cli, tmp_path: Path) -> None:
    rows = [
        {"id": f"2601.0000{n}", "title": f"Title {n}", "abstract": f"We study {n}.", "published": f"2026-01-0{n}"}
        for n in (1, 2)
    ]
    for row in rows:
        (tmp_path / "day.jsonl").write_text(json.dumps(row))
        assert cli("rank", "day.jsonl", "--store", "s.db", "--out", "out").returncode == 0
    before = contents(tmp_path / "out" / "site")
    assert {"2026-01-01.html", "2026-01-02.html"} <= set(before)
    assert cli("rank", "--all", "--store", "s.db", "--out", "out").returncode == 0
    assert contents(tmp_path / "out" / "site") == before
    assert json.loads((tmp_path / "out" / "report.json").read_text())["counts"]["read"] == 2
    assert cli("rank", "--all", "--store", "s.db", "--out", "alone").returncode == 0
    assert not (tmp_path / "alone" / "site").exists()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# The program itself, but that it gets its Ctrl-C when the first papers' vectors are stored, however fast it is.
INTERRUPTED = """
import os, signal
from pathlib import Path
from ranker.cli import main
from ranker.store import Store

put = Store.put_vectors

def put_vectors(self, key, vectors):
    put(self, key, vectors)
    if self._rows("SELECT 1 FROM papers WHERE text_hash = ?", (vectors[0][0],)):
        print("spills:", len(list(Path().glob(".out.spill.*.tmp"))), flush=True)
        os.kill(os.getpid(), signal.SIGINT)

Store.put_vectors = put_vectors
main()
"""


def test_an_interrupted_run_leaves_no_litter_and_goes_on(cli: Cli, tmp_path: Path) -> None:
    # More than any encoder gives at a time, so that some are always left to do
    rows = [{"id": f"2601.{n:05d}", "title": f"Title {n}", "abstract": f"We study {n} things."} for n in range(1, 301)]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert cli("import", "many.jsonl", "--store", "s.db").returncode == 0
    arguments = ("rank", "--all", "--store", "s.db", "--out", "out")
    broken = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments, "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert broken.returncode == 130 and "run the same command again" in broken.stderr, broken.stderr
    assert "spills: 1" in broken.stdout
    assert not (tmp_path / "out").exists() and list(tmp_path.glob(".out*")) == []
    kept = vectors(tmp_path / "s.db", {text_hash(r["title"], r["abstract"]) for r in rows})
    assert 0 < kept < 300
    again = cli(*arguments)
    assert again.returncode == 0 and f"embedded {300 - kept}, reused from the store {kept}" in again.stderr


def vectors(path: Path, texts: set[str]) -> int:
    """How many of the texts have a vector under any encoder."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        return sum(row[0] in texts for row in db.execute("SELECT text_hash FROM vectors"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rank", "--all", "--day", "2026-02-10"), "one of them"),
        (("rank", "--all", "day.jsonl"), "one of them"),
        (("rank", "--since", "yesterday"), "is no date"),
        (("rank", "--all", "--prefilter", "1.5"), "is no share"),
        (("rank", "day.jsonl", "--prefilter", "0.5"), "go with --all"),
        (("rank", "--all", "--dry-run"), "--dry-run and --retry-failed go with inputs"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    done = cli(*arguments)
    # The option parser wraps its message in a box.
    assert done.returncode == 2 and said in " ".join(done.stderr.replace("│", " ").split()), done.stderr


def test_an_absent_store_says_what_to_do(cli: Cli) -> None:
    done = cli("rank", "--all")
    assert done.returncode == 4 and "`ranker import` makes one" in done.stderr
