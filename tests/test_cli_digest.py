"""What a person can ask of stored runs: forms, README, round-ups, forgetting. No encoder is loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ranker.cli import run as ranker
from ranker.digest.parse import parse_a, parse_b, parse_c
from ranker.store import Store
from ranker.types import Tick
from tests.digest.sample import RUN

DAYS = ("2026-01-12", "2026-01-14", "2026-01-20")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store of three days."""
    with Store(tmp_path / "s.db") as store:
        for day in DAYS:
            store.put_run(replace(RUN, day=day), {})
        store.put_ticks([Tick("2601.00003", 1, "default", "2026-01-14", "up", None, "2026-01-14T09:00:00Z")])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digest(*arguments: str) -> int:
    return ranker(["digest", "--store", "s.db", *arguments])


def forms(folder: Path) -> set[str]:
    return {path.name for path in (folder / "out").glob("*.md")}


def test_form_a_is_the_default(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert digest() == 0
    assert capsys.readouterr().out == f"digest: {folder / 'out' / 'digest.md'}\n"
    assert forms(folder) == {"digest.md"}
    assert parse_a((folder / "out" / "digest.md").read_text()).date == "2026-01-20"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--form", "a"], ["digest.md"]),
        (["--form", "b"], ["categories.md"]),
        (["--form", "c"], ["keywords.md"]),
        (["--form", "c", "--form", "A"], ["digest.md", "keywords.md"]),
        (["--form", "b,c"], ["categories.md", "keywords.md"]),
        (["--form", "all"], ["digest.md", "categories.md", "keywords.md"]),
    ],
)
def test_forms(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], names: list[str]) -> None:
    assert digest(*arguments) == 0
    assert capsys.readouterr().out.splitlines() == [f"digest: {folder / 'out' / name}" for name in names]
    assert forms(folder) == set(names)
    for name, parse in (("digest.md", parse_a), ("categories.md", parse_b), ("keywords.md", parse_c)):
        if name in names:
            assert parse((folder / "out" / name).read_text()).entries


def test_the_option_overrides_the_configuration(folder: Path) -> None:
    (folder / "own.toml").write_text('[digest]\nforms = ["b"]\nreadme = true\n')
    assert digest("--config", "own.toml") == 0
    assert forms(folder) == {"categories.md", "README.md"}
    assert digest("--config", "own.toml", "--form", "c", "--no-readme") == 0
    assert forms(folder) == {"keywords.md"}


def test_readme_has_links_and_no_date(folder: Path) -> None:
    assert digest("2026-01-14", "--readme") == 0
    readme = parse_a((folder / "out" / "README.md").read_text())
    assert readme.date is None and [name for name, _ in readme.navigation] == ["多模态智能体", "高效大模型训练与推理"]


def test_an_unknown_form_is_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert digest("--form", "d") == 2
    assert "'d' is no form" in capsys.readouterr().err and not (folder / "out").exists()


def test_a_week_and_a_month(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert digest("--day", "2026-01-14") == 0
    before = {p: p.read_bytes() for p in (folder / "out").rglob("*") if p.is_file()}
    capsys.readouterr()
    assert digest("--week", "2026-01-13") == 0
    path = folder / "out" / "roundups" / "2026-W03.md"
    assert capsys.readouterr().out == f"digest: {path}\n"
    week = path.read_text()
    assert week.startswith("# ArXiv 每周汇总 - 2026-W03\n\n> 2026-01-12 至 2026-01-18，共 2 天有日报：读 16 篇，")
    assert "[A judged paper below the threshold](https://arxiv.org/abs/2601.00003) (2026-01-14)" in week
    assert digest("--month", "2026-01", "--top", "1") == 0
    month = (folder / "out" / "roundups" / "2026-01.md").read_text()
    assert "| 2026-01-20 |" in month and "另有 1 篇推荐论文未列出。" in month
    assert digest("--month", "--day", "2026-01-31", "--out", "new") == 0  # any day of it
    assert digest("--week", "--out", "new") == 0  # the newest week
    assert {p.name for p in (folder / "new" / "roundups").iterdir()} == {"2026-01.md", "2026-W04.md"}
    # Nothing else in the folder changed, and a later digest leaves the round-ups in place.
    assert {p: p.read_bytes() for p in before} == before
    (folder / "own.toml").write_text("[digest]\nsite = false\n")
    for more in ([], ["--config", "own.toml"]):
        assert digest(*more) == 0
        assert path.read_text() == week


def test_a_week_without_runs_is_an_error_that_names_days(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert digest("--week", "2026-03-03") == 4
    told = capsys.readouterr().err
    assert "no run of 2026-W10 (2026-03-02 to 2026-03-08) is stored" in told and ", ".join(DAYS) in told
    assert digest("--month", "2025-12") == 4
    (folder / "empty.db").touch()
    assert ranker(["digest", "--store", "empty.db", "--week"]) == 4
    assert "no run is stored" in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--week", "last"],
        ["--month", "2026-W03"],
        ["--week", "--month"],
        ["--week", "--form", "b"],
        ["2026-01-14", "--day", "2026-01-14"],
    ],
)
def test_wrong_usage(folder: Path, arguments: list[str]) -> None:
    assert digest(*arguments) == 2
    assert not (folder / "out").exists()


def test_a_folder_of_someone_else_is_not_touched(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "mine.txt").write_text("mine")
    assert digest("--week") == 4
    assert [p.name for p in (folder / "out").iterdir()] == ["mine.txt"]


def test_forget_drops_runs_and_remembers_what_was_seen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ranker(["forget", "--before", "2026-01-14", "--store", "s.db"]) == 0
    assert capsys.readouterr().out == "forgot 1 runs before 2026-01-14; 2 are left\n"
    with Store(folder / "s.db") as store:
        assert store.run_days("default") == list(DAYS[1:])
        assert [s[1] for s in store.seen_before("default", "2026-01-14", ["2601.00001"])["2601.00001"]] == [
            "2026-01-12"
        ]
        assert len(store.ticks("default")) == 1
    assert ranker(["forget", "--before", "yesterday", "--store", "s.db"]) == 2
    assert ranker(["forget", "--store", "s.db"]) == 2


def test_rank_takes_the_forms_and_forgets_old_runs(
    folder: Path, small_day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.toml").write_text("[store]\nkeep_days = 22\n")  # 2026-01-20 is the first day kept
    rank = ["rank", str(small_day), "--store", "s.db", "--config", "own.toml", "--form", "all", "--readme", "-q"]
    assert ranker(rank) == 0
    printed = capsys.readouterr()
    assert printed.out.count("digest: ") == 3
    assert forms(folder) == {"digest.md", "categories.md", "keywords.md", "README.md"}
    assert "forgot 2 runs older than 2026-01-20" in printed.err
    with Store(folder / "s.db") as store:
        assert store.run_days("default") == ["2026-01-20", "2026-02-10"]
        assert set(store.seen_before("default", "2026-01-13", ["2601.00001"])) == {"2601.00001"}
    assert ranker(rank) == 0
    assert "forgot" not in capsys.readouterr().err
