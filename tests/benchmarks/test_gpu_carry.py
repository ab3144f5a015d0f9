"""Pieces come together again, altered ones are refused, and a slimmed wheel is still one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from benchmarks.gpu.carry import join, main, papers, slim, split
from benchmarks.gpu.work import find_papers


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    found = []
    for name, size in (("a-1-py3-none-any.whl", 5000), ("b-2-py3-none-any.whl", 70_000)):
        path = tmp_path / name
        path.write_bytes(bytes(i * 7 % 256 for i in range(size)))
        found.append(path)
    return found


def carried(pieces: Path, there: Path) -> Path:
    """All pieces in one folder, as they arrive."""
    there.mkdir()
    for file in pieces.glob("p[0-9][0-9]/*"):
        (there / file.name).write_bytes(file.read_bytes())
    return there


def test_pieces_come_together_again(wheels: list[Path], tmp_path: Path) -> None:
    count = split(wheels, tmp_path / "out", 20_000)
    assert count == 5  # 75,000 bytes and the tar's own
    assert all(len(list(p.iterdir())) == 2 for p in (tmp_path / "out").iterdir())
    found = join(carried(tmp_path / "out", tmp_path / "there"), tmp_path / "joined")
    assert [w.read_bytes() for w in found] == [w.read_bytes() for w in wheels]
    assert split(wheels[:1], tmp_path / "out", 20_000) == 1  # a later packing leaves no piece of an earlier one
    assert len(list((tmp_path / "out").glob("p*/*.tar.*[0-9]"))) == 1


def test_missing_and_altered_pieces_are_refused(wheels: list[Path], tmp_path: Path) -> None:
    split(wheels, tmp_path / "out", 20_000)
    there = carried(tmp_path / "out", tmp_path / "there")
    (there / "carried.tar.01").write_bytes(b"x")
    with pytest.raises(SystemExit, match=r"carried\.tar\.01 is not what was packed"):
        join(there, tmp_path / "joined")
    (there / "carried.tar.00").unlink()
    with pytest.raises(SystemExit, match=r"carried\.tar\.00 is missing: 5 pieces"):
        join(there, tmp_path / "joined")
    with pytest.raises(SystemExit, match="holds no pieces"):
        join(tmp_path / "out", tmp_path / "joined")


def test_a_slimmed_wheel_lists_what_it_holds(tmp_path: Path) -> None:
    wheel = tmp_path / "vllm-0-py3-none-any.whl"
    names = ["vllm/__init__.py", "vllm/vllm-rs", "vllm/third_party/deep_gemm/include/cute/a.hpp", "vllm/_C.so"]
    with zipfile.ZipFile(wheel, "w") as made:
        for name in names:
            made.writestr(name, name)
        made.writestr("vllm-0.dist-info/RECORD", "".join(f"{n},sha256=x,1\n" for n in names))
    with zipfile.ZipFile(slim(wheel, tmp_path / "slim")) as less:
        assert less.namelist() == ["vllm/__init__.py", "vllm/_C.so", "vllm-0.dist-info/RECORD"]
        assert less.read("vllm-0.dist-info/RECORD") == b"vllm/__init__.py,sha256=x,1\nvllm/_C.so,sha256=x,1\n"


def test_carried_papers_are_read_back(tmp_path: Path) -> None:
    count = papers(tmp_path, 40)
    if not count:
        pytest.skip("no judged days beside this checkout")
    found, source = find_papers(40, tmp_path)
    assert (len(found), source) == (40, "judged days, carried")
    assert found == find_papers(40, None)[0]


def test_a_dry_run_names_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", "--dry-run"]) == 0
    assert "vllm==0.26.0" in capsys.readouterr().out
