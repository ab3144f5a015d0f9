"""The main job as a person runs it: real encoder, real FAISS, real store, in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ranker
from ranker import resources
from ranker.cli import run

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
OUTCOMES = {"recommended", "not_recommended", "unrouted", "vetoed", "duplicate", "failed"}
KEYS = [
    "arxiv_id",
    "version",
    "title",
    "outcome",
    "field",
    "score",
    "rank",
    "similarity",
    "margin",
    "reason",
    "judge",
    "detail",
    "tick",
]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.xdist_group("sample")
def test_the_sample_day_is_ranked_and_every_line_accounted_for(cli: Cli, tmp_path: Path) -> None:
    done = cli("rank", resources.sample_day(), "--out", "out")
    assert done.returncode == 6, done.stderr  # one row is broken on purpose
    assert done.stdout.splitlines()[-1] == f"digest: {tmp_path / 'out' / 'digest.md'}"
    assert "refused" in done.stderr and "sample_day.jsonl:61" in done.stderr
    assert "reused from the store: 0 vectors, 0 judgments" in done.stderr  # though texts come twice
    rows, refused = lines(tmp_path / "out" / "rankings.jsonl"), lines(tmp_path / "out" / "rejected.jsonl")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    # Counted independently of the program: raw lines of the file.
    raw = sum(1 for line in resources.sample_day().read_bytes().split(b"\n") if line.strip())
    assert raw == len(rows) + len(refused) == report["counts"]["read"]
    counted = Counter(str(r["outcome"]) for r in rows)
    assert {k: v for k, v in report["counts"].items() if k in OUTCOMES and v} == dict(counted)
    assert counted["duplicate"] == 3 and counted["recommended"] == 29  # a quarter of 116
    assert [list(r) for r in rows] == [KEYS] * len(rows)
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))
    scores = [r["score"] for r in rows if r["score"] is not None]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == len(scores)
    assert all(1 <= s <= 10 for s in scores)
    assert all(r["field"] and isinstance(r["similarity"], float) for r in rows)
    reasons = [r["reason"] for r in rows if r["reason"]]
    assert len(set(reasons)) == len(reasons) == len(scores)
    digest = (tmp_path / "out" / "digest.md").read_text()
    assert digest.startswith("# ArXiv 每日推荐 - 2026-02-10\n")
    assert digest.count("### [Score: ") == 29
    assert not re.search(r"^(Score|Field):", digest, re.MULTILINE)


@pytest.mark.xdist_group("sample")
def test_a_second_run_reuses_everything_and_says_so(cli: Cli, tmp_path: Path, small_day: Path) -> None:
    first = cli("rank", small_day, "--out", "a")
    second = cli("rank", small_day, "--out", "b")
    assert first.returncode == second.returncode == 0, second.stderr
    assert (tmp_path / "a" / "rankings.jsonl").read_bytes() == (tmp_path / "b" / "rankings.jsonl").read_bytes()
    stages = {s["name"]: s for s in json.loads((tmp_path / "b" / "report.json").read_text())["stages"]}
    assert stages["embed"]["items"] == 0 and stages["embed"]["reused"] == 20
    assert stages["judge"]["items"] == 0 and stages["judge"]["reused"] > 0
    assert "reused from the store: 20 vectors" in second.stderr


def test_killed_at_any_moment_the_next_run_ends_the_same(cli: Cli, tmp_path: Path) -> None:
    day = resources.sample_day()
    whole = cli("rank", day, "--out", "whole", "--store", "whole.db")
    assert whole.returncode == 6, whole.stderr
    command = [sys.executable, "-m", "ranker", "rank", str(day), "--out", "broken", "--store", "broken.db"]
    store = tmp_path / "broken.db"
    for seconds in (0.3, 1.0, 2.0):  # after the store exists: in the middle of importing, embedding, judging
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not store.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert cli("rank", day, "--out", "broken", "--store", "broken.db").returncode == 6
    assert (tmp_path / "broken" / "rankings.jsonl").read_bytes() == (tmp_path / "whole" / "rankings.jsonl").read_bytes()


def test_papers_come_through_standard_input_and_titles_take_the_date(cli: Cli, tmp_path: Path, small_day: Path) -> None:
    done = cli("rank", "-", "--out", "out", "--date", "2026-03-01", input=small_day.read_text())
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "digest.md").read_text().startswith("# ArXiv 每日推荐 - 2026-03-01\n")


def test_import_then_rank_the_day_then_render_and_explain(cli: Cli, tmp_path: Path, small_day: Path) -> None:
    stored = cli("import", small_day)
    assert stored.returncode == 0 and "stored 20 (20 new)" in stored.stdout, stored.stderr
    assert "stored 0 (0 new), 20 unchanged" in cli("import", small_day).stdout
    assert cli("rank", "--day", "2026-02-10", "--out", "a").returncode == 0
    again = cli("digest", "--day", "2026-02-10", "--out", "b")
    assert again.returncode == 0, again.stderr
    for name in ("digest.md", "rankings.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    first = lines(tmp_path / "a" / "rankings.jsonl")[0]
    told = cli("explain", first["arxiv_id"])
    assert told.returncode == 0, told.stderr
    assert "outcome recommended" in told.stdout and str(first["title"])[:20] in told.stdout
    assert "similarity to every field" in told.stdout


def test_import_says_what_was_odd_in_papers_it_took(cli: Cli, tmp_path: Path) -> None:
    rows = [
        {"id": f"2601.0000{n}", "title": "T", "abstract": a, "published": p}
        for n, a, p in ((1, "", "soon"), (2, "", "2026-01-02"), (3, "A.", "2026-01-02"))
    ]
    (tmp_path / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cli("import", "odd.jsonl")
    assert done.returncode == 0 and "stored 3 (3 new)" in done.stdout
    assert "warning: blank abstract: 2 of 3 papers" in done.stderr
    assert "warning: published not understood: 1 of 3 papers" in done.stderr


def test_import_keeps_every_refused_row_where_it_is_told_to(cli: Cli, tmp_path: Path) -> None:
    rows = ['{"id": "2601.00001", "title": "T", "abstract": "A."}', *(f'{{"id": "x{n}"}}' for n in range(7))]
    (tmp_path / "bad.jsonl").write_text("\n".join(rows) + "\n")
    done = cli("import", "bad.jsonl", "--rejected", "no.jsonl")
    assert done.returncode == 6 and "stored 1 (1 new), refused 7" in done.stdout
    kept = lines(tmp_path / "no.jsonl")
    assert [row["line"] for row in kept] == list(range(2, 9)) and all(row["why"] for row in kept)
    assert done.stderr.count(": refused: ") == 5
    wrong = cli("import", "bad.jsonl", "--rejected", "absent/no.jsonl")
    assert wrong.returncode == 4 and "absent/no.jsonl: can't be written" in wrong.stderr
    assert "2 more rows refused; --rejected FILE keeps them all" in cli("import", "bad.jsonl").stderr


def test_dry_run_says_what_would_be_done_and_writes_nothing(cli: Cli, tmp_path: Path, small_day: Path) -> None:
    done = cli("rank", small_day, "--out", "out", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "embed 20 texts (0 are in the store)" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["rank", "absent.jsonl"], 4, "absent.jsonl"),
        (["rank", "empty.jsonl"], 4, "empty"),
        (["import", "absent.jsonl"], 4, "absent.jsonl: cannot be read: No such file"),
        (["import", "good.jsonl", "empty.jsonl"], 4, "empty"),
        (["rank", "bad.jsonl"], 4, "none of the 2 rows"),
        (["rank", "--day", "2026-01-01"], 4, "there is no store"),
        (["rank", "good.jsonl", "--date", "14.1.2026"], 2, "YYYY-MM-DD"),
        (["rank"], 2, "give INPUT"),
        (["rank", "good.jsonl", "--out", "."], 4, "folder that you are in"),
        (["rank", "good.jsonl", "--out", "good.jsonl/deep/out"], 4, "good.jsonl is a file, not a folder"),
        (["rank", "good.jsonl", "--profile", "absent"], 4, "known: default"),
        (["rank", "good.jsonl", "--store", "bad.jsonl"], 5, "no ranker store"),
        (["rank", "good.jsonl", "--heads", "nowhere"], 4, "no folder of heads"),
        (["rank", "good.jsonl", "--judge", "cloud"], 4, "cloud"),
        (["explain", "2601.00001"], 4, "there is no store"),
        (["explain", "what"], 4, "not an arXiv id"),
        (["digest"], 4, "there is no store"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_bad_input_ends_with_a_clear_error(
    cli: Cli, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"id": 1}\n{"no": "id"}\n')
    (tmp_path / "good.jsonl").write_text('{"id": "2601.00001", "title": "T", "abstract": "A."}\n')
    done = cli(*arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "empty.jsonl", "good.jsonl"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "caches"],
        ["similar", "2601.00001"],
        ["embed"],
        ["explain", "2601.00001"],
        ["audit"],
        ["digest"],
        ["digest", "--week"],
        ["forget", "--before", "2026-01-01"],
        ["rank", "--day", "2026-01-01"],
        ["rank", "--day", "2026-01-01", "--dry-run"],
        ["rank", "--all"],
        ["mail"],
        ["learn"],
        ["feedback", "absent.jsonl"],
    ],
)
def test_who_only_reads_makes_no_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    mail = '[mail]\nhost = "localhost"\nsender = "a@b.org"\nrecipients = ["c@d.org"]\n'
    (tmp_path / "own.toml").write_text(mail)
    assert run([*arguments, "--store", "deep/new.db", "--config", "own.toml"]) == 4
    said = capsys.readouterr().err
    named = {"learn": "deep/new.db: nothing to learn from", "feedback": "absent.jsonl: can't be read"}
    assert named.get(arguments[0], "deep/new.db: there is no store") in said
    assert [path.name for path in tmp_path.iterdir()] == ["own.toml"]


def test_mail_without_settings_names_the_persons_own_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run(["mail"]) == 4
    assert f"error: {home / 'xdg_config_home' / 'ranker' / 'ranker.toml'}: no [mail] table" in capsys.readouterr().err
    (tmp_path / "other.toml").write_text('profile = "default"\n')
    assert run(["mail", "--config", str(tmp_path / "other.toml")]) == 4
    assert f"error: {tmp_path / 'other.toml'}: no [mail] table" in capsys.readouterr().err


def test_help_is_there_for_every_command(cli: Cli) -> None:
    names = re.findall(r"^\s+([a-z]+)  ", cli("--help").stdout, re.MULTILINE)
    assert {"rank", "import", "fetch", "run", "digest", "explain", "profile", "doctor"} <= set(names)


def test_profile_new_check_show(cli: Cli, tmp_path: Path) -> None:
    made = cli("profile", "new", "my-lab", "--out", "lab.toml")
    assert made.returncode == 0, made.stderr
    unfilled = cli("profile", "check", "lab.toml")
    assert unfilled.returncode == 4 and unfilled.stdout == ""
    text = (tmp_path / "lab.toml").read_text()
    for key, value in (
        ("name", "Field one"),
        ("description", "What this field"),
        ("keywords", "a phrase its papers use"),
    ):
        line = next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith(key) and value in row)
        assert f'lab.toml:{line}: fields[0].{key} is still "{value}' in unfilled.stderr
    text = text.replace("Field one", "Caches").replace('keywords = ["a phrase its papers use"]', 'keywords = ["cache"]')
    topic = '[[unwanted]]\nname = "Poetry"\ndescription = "..."\n'
    (tmp_path / "lab.toml").write_text(text + topic)
    left = cli("profile", "check", "lab.toml").stderr
    assert 'unwanted[0].description is still "..."' in left and "2 placeholders" in left
    (tmp_path / "lab.toml").write_text(
        text.replace("What this field is about, in the words that its", "Caches that its")
    )
    checked = cli("profile", "check", "lab.toml").stdout
    assert "fine; 1 fields" in checked and "hint: its name is 'my-lab', its file's 'lab'" in checked
    (tmp_path / "my-lab.toml").write_text((tmp_path / "lab.toml").read_text())
    assert "its name" not in cli("profile", "check", "my-lab.toml").stdout
    path = tmp_path / "lab.toml"
    path.write_text(path.read_text().replace("top_share = 0.25", "top_shar = 0.25"))
    wrong = cli("profile", "check", "lab.toml")
    assert wrong.returncode == 4 and "lab.toml:" in wrong.stderr and "did you mean 'top_share'" in wrong.stderr
    assert cli("profile", "new", "my-lab", "--out", "lab.toml").returncode == 4
    assert "原生多模态大模型" in cli("profile", "show").stdout


def test_the_version_is_told(cli: Cli) -> None:
    done = cli("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ranker {ranker.__version__}\n", "")


def test_profiles_are_listed_with_where_they_lie(cli: Cli, home: Path) -> None:
    own = home / "xdg_config_home" / "ranker" / "profiles"
    own.mkdir(parents=True)
    text = (resources.config_dir() / "profiles" / "default.toml").read_text(encoding="utf-8")
    (own / "mine.toml").write_text(text.replace('name = "default"', 'name = "mine"'), encoding="utf-8")
    (own / "broken.toml").write_text("name = ")
    done = cli("profile", "list")
    assert done.returncode == 0, done.stderr
    title = re.search(r'^title = "(.+)"', text, re.MULTILINE)
    assert title is not None
    shown = f"{title[1]}, {text.count('[[fields]]')} fields"
    packaged = resources.config_dir() / "profiles" / "default.toml"
    assert done.stdout.splitlines() == [
        "broken",
        f"  {own / 'broken.toml'}",
        f"default: {shown}",
        f"  {packaged}",
        f"mine: {shown}",
        f"  {own / 'mine.toml'}",
    ]
    assert "broken.toml: is not valid TOML" in done.stderr
    # One's own stands before the packaged one of the same name, as it does for --profile.
    (own / "default.toml").write_text(text, encoding="utf-8")
    assert str(packaged) not in cli("profile", "list").stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--judge", "transformers"], "--judge transformers needs one"),
        (["--judge", "heads", "--model", "smollm2"], "--judge heads uses no language model"),
    ],
)
def test_a_model_too_few_or_too_many_is_wrong_usage(cli: Cli, small_day: Path, options: list[str], says: str) -> None:
    done = cli("rank", small_day, "--out", "out", *options)
    assert done.returncode == 2 and says in " ".join(done.stderr.split()), done.stderr
