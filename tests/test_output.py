"""The output folder is replaced whole or not at all, and only where it is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker import files, output
from ranker.errors import InputError, RankerError

OURS = '{"made_by": "ranker"}'


def test_a_folder_is_made_and_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    output.write_folder(out, {"report.json": OURS, "site/x.html": b"1", "old.txt": "x"})
    output.write_folder(out, {"report.json": OURS, "new.txt": "2"})
    assert (out / "new.txt").read_text() == "2"
    assert sorted(p.name for p in out.iterdir()) == ["new.txt", "report.json"]
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_without_atomic_exchange_the_result_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_exchange", lambda a, b: False)
    out = tmp_path / "out"
    output.write_folder(out, {"report.json": OURS})
    output.write_folder(out, {"report.json": OURS, "x": "2"})
    assert (out / "x").read_text() == "2"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    (tmp_path / "report.json").write_text('{"mine": 1}')
    with pytest.raises(InputError, match="not replaced"):
        output.write_folder(tmp_path, {"report.json": "{}"})
    with pytest.raises(InputError, match="is a file"):
        output.write_folder(tmp_path / "precious.txt", {"report.json": "{}"})
    with pytest.raises(InputError, match=r"out: .*precious\.txt is a file, not a folder"):
        output.check_folder(tmp_path / "precious.txt" / "deep" / "out")
    assert (tmp_path / "precious.txt").read_text() == "x"


def test_a_failed_write_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    output.write_folder(out, {"report.json": OURS})

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(output, "write_synced", full)
    with pytest.raises(RankerError, match="No space left"):
        output.write_folder(out, {"report.json": "new"})
    assert (out / "report.json").read_text() == OURS
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    output.write_folder(tmp_path / "link", {"report.json": "1"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "report.json").read_text() == "1"


def test_what_stays_is_kept_and_litter_of_killed_runs_is_cleared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    output.write_folder(out, {"report.json": OURS, "site/old.html": "o"})
    (tmp_path / ".out.4194305.tmp").mkdir()  # above the kernel's largest process id
    output.write_folder(out, {"report.json": OURS}, keep={"site/old.html"})
    assert (out / "site" / "old.html").read_text() == "o"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    out.rename(tmp_path / ".out.4194305.old")
    output.write_folder(out, {"report.json": OURS, "x": "1"}, keep={"site/old.html"})
    assert (out / "site" / "old.html").read_text() == "o"


def test_a_neighbours_litter_is_left_to_it(tmp_path: Path) -> None:
    """Its name may begin with ours, and brackets are no pattern."""
    neighbour, spilled = tmp_path / ".out.more.4194305.old", tmp_path / ".[out].spill.4194305.tmp"
    neighbour.mkdir()
    spilled.mkdir()
    output.write_folder(tmp_path / "out", {"report.json": OURS})
    output.write_folder(tmp_path / "[out]", {"report.json": OURS})
    assert sorted(p.name for p in tmp_path.iterdir()) == [neighbour.name, "[out]", "out"]


def test_the_present_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="that you are in"):
        output.check_folder(Path())
