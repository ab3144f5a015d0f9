"""JSON lines: every bad row is refused with its line and never stops the rest; nothing is lost."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker.errors import InputError
from ranker.sources import ReadCount, input_bytes, peek_kind, read
from ranker.sources.json_array import split_array
from ranker.sources.stream import MAX_ROW, DamagedInput, split_lines
from ranker.types import Paper, Rejected

GOOD: dict[str, Any] = {"id": "2601.00001", "title": "A  title", "abstract": "An\nabstract."}


def row(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in (GOOD | changes).items() if v is not ...}).encode() + b"\n"


def load(*paths: Path) -> tuple[list[Paper], list[Rejected], ReadCount]:
    rejected: list[Rejected] = []
    count = ReadCount()
    papers = list(read(paths, on_rejected=rejected.append, count=count))
    assert count.read == count.papers + count.rejected == len(papers) + len(rejected)
    assert count.bytes_done == input_bytes(paths)
    return papers, rejected, count


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "papers"


def test_a_full_row(file: Path) -> None:
    file.write_bytes(
        row(
            id="https://arxiv.org/abs/2601.00001v2",
            title="Schr\\\"odinger's\n cat in $\\'e$",
            authors="Hoang Le (Rice University), Sahil J. (MIT, Cambridge, MA) and Ou Dan ()",
            published="2026-01-14T10:00:00Z",
            categories="cs.LG stat.ML",
            affiliations=["ETH"],
            judgment={"score": 8.5, "field": None},
            extra=[1, None],
        )
    )
    (paper,), _, _ = load(file)
    assert (paper.arxiv_id, paper.version, paper.published) == ("2601.00001", 2, "2026-01-14")
    assert paper.title == "Schrödinger's cat in $\\'e$" and paper.abstract == "An abstract."
    assert paper.authors == ("Hoang Le", "Sahil J.", "Ou Dan")
    assert paper.affiliations == ("ETH", "Rice University", "MIT, Cambridge, MA")
    assert paper.categories == ("cs.LG", "stat.ML")
    assert paper.raw["judgment"] == {"score": 8.5, "field": None} and paper.raw["extra"] == [1, None]
    assert paper.raw["title"] == "Schr\\\"odinger's\n cat in $\\'e$"
    assert (paper.origin.path, paper.origin.kind, paper.origin.line) == (str(file), "jsonl", 1)


@pytest.mark.parametrize(
    ("authors", "names", "affiliations"),
    [
        ("A. B., C. D. and E. F.", ("A. B.", "C. D.", "E. F."), ()),
        ("A. B., C. D., and E. F.", ("A. B.", "C. D.", "E. F."), ()),
        (["A, B", "C and D"], ("A, B", "C and D"), ()),
        ([{"name": "A B", "affiliation": "X, Y"}, {"name": "C", "affiliation": ["Z"]}], ("A B", "C"), ("X, Y", "Z")),
        ("A (1), B (1 and 2) ((1) Univ X, Rome, (2) Univ Y)", ("A", "B"), ("Univ X, Rome", "Univ Y")),
        ("Doe, Jane; Roe, Rick", ("Jane Doe", "Rick Roe"), ()),
        ("The Big Collaboration: A. Bo, C. Do", ("The Big Collaboration", "A. Bo", "C. Do"), ()),
        ("Sam Davis, Jr., Ann Lee", ("Sam Davis Jr.", "Ann Lee"), ()),
        ("Sandy Brandand, And Ye", ("Sandy Brandand", "And Ye"), ()),
        (r"P. Erd{\H o}s & J\'anos K.", ("P. Erdős", "János K."), ()),
        (None, (), ()),
        ("", (), ()),
    ],
)
def test_authors(file: Path, authors: Any, names: tuple[str, ...], affiliations: tuple[str, ...]) -> None:
    file.write_bytes(row(authors=authors))
    (paper,), _, _ = load(file)
    assert (paper.authors, paper.affiliations) == (names, affiliations)


BAD: list[tuple[bytes, str]] = [
    (b"not json\n", "not JSON"),
    (b'{"id": "2601.00001", "title": "cut', "not JSON"),
    (b'["a", "list"]\n', "is a list"),
    (b'"text"\n', "is text"),
    (b"null\n", "is null"),
    (b"7\n", "is a number"),
    (row(id=...), "no id"),
    (row(id=" "), "id is blank"),
    (row(id=2601.00001), "id is a number"),
    (row(id="2613.00001"), "month 13"),
    (row(title=...), "no title"),
    (row(title=None), "no title"),
    (row(title=" \n"), "title is blank"),
    (row(title=["a"]), "title is a list"),
    (row(abstract=5), "abstract is a number"),
    (row(abstract=True), "abstract is true or false"),
    (row(abstract="x" * 100_001), "abstract of 100,001 characters"),
    (row(abstract="x" * 5_000_000), "row of 5,"),
    (row(abstract="a\x00b"), r"NUL"),
    (row(title="a\x1b[31mred"), r"control character \(U\+001B\)"),
    (row(more={"deep": "\x00"}), "NUL"),
    (row(more="\ud800"), "lone surrogate"),
    (b'{"id": "2601.00001\x00"}\n', "NUL"),
    (row(abstract="caf\u00e9").replace(b"\\u00e9", b"\xe9"), "not UTF-8: byte 0xe9"),
    (row(x=float("nan")), "NaN is no JSON"),
    (row(x=float("-inf")), "-Infinity is no JSON"),
    (row(x=7).replace(b"7", b"1e999"), "beyond all bounds"),
    (row(x=7).replace(b"7", b"9" * 5000), "not JSON that can be read"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n", "nested too deeply"),
    (row(x=7).replace(b"7", b"[" * 60 + b"]" * 60), "nested deeper than 50"),
    (row(authors=5), "authors is a number"),
    (row(authors=["a", 5]), "entry of authors is a number"),
    (row(categories=5), "categories is a number"),
    (row(affiliations={}), "affiliations is an object"),
    (row(version=0), "version is '0'"),
    (row(version="first"), "version is 'first'"),
    (row(version=True), "version is 'True'"),
]


@pytest.mark.parametrize(("bad", "why"), BAD, ids=[why for _, why in BAD])
def test_a_bad_row_is_refused_and_the_rest_goes_on(file: Path, bad: bytes, why: str) -> None:
    bad = bad.rstrip(b"\n") + b"\n"
    file.write_bytes(row() + b"\n  \n" + bad + row(id="2601.00002"))
    papers, rejected, _ = load(file)
    assert [(p.arxiv_id, p.origin.line) for p in papers] == [("2601.00001", 1), ("2601.00002", 5)]
    (refused,) = rejected
    assert (refused.path, refused.line) == (str(file), 4)
    import re

    assert re.search(why, refused.why), refused.why
    assert len(refused.snippet) <= 200
    first = tmp_first(file, bad)
    assert [p.origin.line for p in first[0]] == [2] and first[1][0].line == 1


def tmp_first(file: Path, bad: bytes) -> tuple[list[Paper], list[Rejected], ReadCount]:
    """The same with the bad row in front: the kind must still be told."""
    file.write_bytes(bad + row())
    return load(file) if len(bad) < 60_000 or bad.startswith(b"{") else ([], [], ReadCount())


def test_a_snippet_holds_nothing_that_a_terminal_obeys(file: Path) -> None:
    file.write_bytes(row() + b"\x1b[2J\tbad \xff\n")
    (refused,) = load(file)[1]
    assert refused.snippet == "\ufffd[2J bad \ufffd"


def test_all_bad_rows_together(file: Path) -> None:
    file.write_bytes(b"".join(bad.rstrip(b"\n") + b"\n" + row() for bad, _ in BAD))
    papers, rejected, count = load(file)
    assert len(papers) == len(rejected) == len(BAD)
    assert [r.line for r in rejected] == list(range(1, 2 * len(BAD), 2))
    assert count.read == 2 * len(BAD)


def test_oddities_that_refuse_nothing_are_counted(file: Path) -> None:
    file.write_bytes(row(abstract=...) + row(abstract=" ") + row(published="soon") + row(id="2601.00001v1", version=2))
    papers, rejected, count = load(file)
    assert len(papers) == 4 and not rejected
    assert count.flags == {"blank abstract": 2, "published not understood": 1, "version differs from the id's": 1}
    assert papers[3].version == 1


def test_line_ends_marks_and_missing_last_newline(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + row().replace(b"\n", b"\r\n") + b"\r\n" + row(version="v3").rstrip())
    papers, rejected, _ = load(file)
    assert [p.version for p in papers] == [None, 3] and not rejected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_refused_clearly(file: Path, encoding: str) -> None:
    file.write_bytes(row().decode().encode(encoding))
    with pytest.raises(InputError, match=r"text in UTF-(16|32).*\n.*iconv"):
        load(file)


def test_gzip_by_magic_and_in_members(file: Path) -> None:
    file.write_bytes(gzip.compress(row()) + gzip.compress(row(id="2601.00002")))
    papers, _, count = load(file)
    assert len(papers) == 2 and count.kinds == [(str(file), "jsonl")]


def test_a_gzip_cut_off_keeps_what_came_before(file: Path) -> None:
    rows = b"".join(row(id=f"2601.{i:05d}", abstract=os.urandom(300).hex()) for i in range(1, 501))
    file.write_bytes(gzip.compress(rows)[:-40_000])
    papers, rejected, count = load(file)
    assert 200 < len(papers) < 500 and [p.arxiv_id for p in papers] == [
        f"2601.{i:05d}" for i in range(1, len(papers) + 1)
    ]
    (refused,) = rejected
    assert refused.line == len(papers) + 1 and "cut off" in refused.why and count.partial


def test_a_gzip_with_a_wrong_checksum_says_so(file: Path) -> None:
    packed = bytearray(gzip.compress(row()))
    packed[-6] ^= 1
    file.write_bytes(packed)
    papers, rejected, _ = load(file)
    assert len(papers) == 1 and "damaged" in rejected[0].why


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n\n", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\x1f\x8b\x08", "holds nothing readable"),
        (b"PK\x03\x04....", "a zip archive"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\x00" * 100, "no known kind"),
        (b"just words", "no known kind"),
    ],
)
def test_files_that_are_no_input(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match=words):
        load(file)


def test_names_that_are_no_files(tmp_path: Path, file: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "absent")
    with pytest.raises(InputError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(InputError, match="no input"):
        load()
    file.write_bytes(row())
    seen: list[Rejected] = []
    with pytest.raises(InputError, match="No such file"):  # before the first paper of the first file
        read([file, tmp_path / "absent"], on_rejected=seen.append)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(file: Path) -> None:
    file.write_bytes(row())
    file.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        load(file)


def test_standard_input_and_pipes(tmp_path: Path) -> None:
    code = (
        "import sys; from ranker.sources import read; "
        "print([(p.arxiv_id, p.origin.path) for p in read(sys.argv[1:], on_rejected=print)])"
    )
    for content in (row(), gzip.compress(row())):
        done = subprocess.run([sys.executable, "-c", code, "-"], input=content, capture_output=True, check=True)
        assert done.stdout.decode().strip() == "[('2601.00001', '-')]"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(gzip.compress(row())))
    writer.start()
    assert len(list(read([pipe], on_rejected=print))) == 1
    writer.join()
    with pytest.raises(InputError, match="twice"):
        read(["-", "-"], on_rejected=print)


def test_one_array(file: Path) -> None:
    tricky = GOOD | {"title": 'a ] , { "quoted\\" \\\\'}
    file.write_text(json.dumps([tricky, GOOD | {"id": "2601.00002"}, 7, {"id": "2601.00003"}], indent=2))
    papers, rejected, count = load(file)
    assert peek_kind(file) == "json-array"
    assert [(p.arxiv_id, p.origin.line) for p in papers] == [("2601.00001", 1), ("2601.00002", 2)]
    assert papers[0].raw == tricky
    assert [(r.line, r.why) for r in rejected] == [(3, "is a number, a JSON object is expected"), (4, "no title")]
    assert count.read == 4
    file.write_text("[]")
    assert load(file)[2].read == 0
    file.write_text(json.dumps([GOOD, GOOD])[:-5])
    papers, rejected, _ = load(file)
    assert len(papers) == 1 and "not closed" in rejected[0].why


def test_an_array_on_one_line_may_be_longer_than_any_row(file: Path) -> None:
    rows = [GOOD | {"id": f"2601.{i:05d}", "abstract": "w" * 90_000} for i in range(1, 61)]
    file.write_text(json.dumps(rows, separators=(",", ":")))
    assert file.stat().st_size > MAX_ROW
    papers, rejected, _ = load(file)
    assert [p.origin.line for p in papers] == list(range(1, 61)) and not rejected


def test_one_element_too_long_is_one_row_refused(file: Path) -> None:
    file.write_text(json.dumps([GOOD, GOOD | {"x": "w" * MAX_ROW}, GOOD | {"id": "2601.00003"}]))
    papers, rejected, _ = load(file)
    assert [p.arxiv_id for p in papers] == ["2601.00001", "2601.00003"]
    assert [r.line for r in rejected] == [2] and "the limit is 4,194,304" in rejected[0].why


def test_what_stands_behind_an_array_is_not_lost_silently(file: Path) -> None:
    file.write_text(json.dumps([GOOD]) + "\n" + json.dumps([GOOD | {"id": "2601.00002"}]) + "\n")
    papers, rejected, count = load(file)
    assert [p.arxiv_id for p in papers] == ["2601.00001"] and count.read == 2
    assert (rejected[0].line, rejected[0].snippet[:20]) == (2, '[{"id": "2601.00002"')
    assert "behind the array's end" in rejected[0].why
    file.write_text(json.dumps([GOOD]) + " \n\n")
    assert load(file)[2].read == 1


def test_an_array_in_a_damaged_gzip_keeps_what_came_before(file: Path) -> None:
    packed = bytearray(gzip.compress(json.dumps([GOOD]).encode()))
    packed[-6] ^= 1
    file.write_bytes(packed)
    papers, rejected, count = load(file)
    assert len(papers) == 1 and "damaged" in rejected[0].why and count.partial


def test_an_array_cut_off_by_damage_says_so() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'[{"a": 1}, {"b'
        raise DamagedInput("gone")

    lines = list(split_array(chunks()))
    assert [(line.content, line.fault) for line in lines] == [(b'{"a": 1}', ""), (b' {"b', "gone")]


@pytest.mark.parametrize("content", [b"[}", b'[{"a": 1}}'])
def test_an_array_closed_wrongly_is_one_row_refused(content: bytes) -> None:
    assert [line.fault for line in split_array(iter([content]))] == ["the array is closed by }"]


def test_a_long_line_is_never_held_whole() -> None:
    chunks = iter([b"short\n", *[b"x" * 1000] * 5000, b"\nlast"])
    lines = list(split_lines(chunks, limit=10_000))
    assert [(line.number, bool(line.fault), len(line.content)) for line in lines] == [
        (1, False, 5),
        (2, True, 1000),
        (3, False, 4),
    ]
    assert lines[1].fault == "row of 5,000,000 bytes, the limit is 10,000"


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40))
def test_lines_do_not_depend_on_how_the_stream_is_cut(content: bytes, step: int) -> None:
    cut = [content[i : i + step] for i in range(0, len(content), step)]
    got = [line.content for line in split_lines(iter(cut))]
    expected = content.split(b"\n")
    assert got == (expected if expected[-1] else expected[:-1])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(json_values, max_size=6), st.integers(1, 30), st.sampled_from([None, 1]))
def test_elements_of_an_array_do_not_depend_on_how_the_stream_is_cut(
    values: list[Any], step: int, indent: int | None
) -> None:
    content = json.dumps(values, indent=indent).encode()
    lines = list(split_array(iter([content[i : i + step] for i in range(0, len(content), step)])))
    assert [json.dumps(json.loads(line.content)) for line in lines] == [json.dumps(v) for v in values]
    assert [line.number for line in lines] == list(range(1, len(values) + 1))


any_row = st.one_of(
    st.binary(max_size=60).map(lambda b: b.replace(b"\n", b" ")),
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.one_of(st.sampled_from(["2601.00001", "math/0309001v2", "x"]), json_values),
            "title": st.one_of(st.just("T"), json_values),
            "abstract": json_values,
            "authors": json_values,
            "published": json_values,
            "categories": json_values,
            "version": json_values,
            "affiliations": json_values,
            "versions": json_values,
            "authors_parsed": json_values,
            "day": json_values,
        },
    ).map(lambda d: json.dumps(d).encode()),
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(any_row, max_size=8))
def test_every_line_is_accounted_for(tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("rows") / "papers"
    content = row() + b"".join(r + b"\n" for r in rows)
    path.write_bytes(content)
    papers, rejected, count = load(path)
    counted = sum(1 for line in io.BytesIO(content) if line.strip())
    assert counted == count.read == len(papers) + len(rejected)
    for paper in papers:
        assert paper.arxiv_id and paper.title
        json.dumps(dict(paper.raw), allow_nan=False).encode("utf-8")


def test_bounded_memory_on_many_rows(file: Path) -> None:
    import tracemalloc

    with gzip.open(file, "wb", compresslevel=1) as out:
        for i in range(1, 2_001):
            out.write(row(id=f"2601.{i:05d}", abstract="w" * 18_000))
    tracemalloc.start()
    n = sum(1 for _ in read([file], on_rejected=print))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 2_000 and peak < 8_000_000
