"""Libraries in the formats that Zotero exports, with invented papers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker.errors import InputError
from ranker.sources import ReadCount
from ranker.sources.libraries import LibraryEntry, read_library, title_key
from ranker.types import Rejected

LIBRARIES = Path(__file__).parent.parent / "data" / "libraries"


def load(path: Path) -> tuple[list[LibraryEntry], list[Rejected], ReadCount]:
    rejected: list[Rejected] = []
    count = ReadCount()
    entries = list(read_library(path, on_rejected=rejected.append, count=count))
    assert count.read == count.papers + count.rejected == len(entries) + len(rejected)
    return entries, rejected, count


def test_bibtex() -> None:
    entries, rejected, count = load(LIBRARIES / "zotero.bib")
    first, second, third, fourth = entries
    assert count.kinds[0][1] == "bibtex"
    assert first.title == r"Paper Boats: Folding Attention for $O({\textbackslash}log n)$ Streams"
    assert first.abstract == "We fold attention & float. It costs 5%."
    assert first.authors == ("Ada Brook", "Jürgen Fluß", "The Creek Collaboration")
    assert (first.arxiv_id, first.doi, first.date) == ("2602.90001", "10.48550/arXiv.2602.90001", "2026")
    assert first.keywords == ("Computer Science - Machine Learning", "attention")
    assert (first.origin.line, first.raw["key"], first.raw["type"]) == (2, "brook_paper_2026", "misc")
    assert (second.arxiv_id, second.authors, second.date) == ("2602.90002", ("Di Gale Jr",), "2026-02-10")
    assert (third.arxiv_id, third.doi) == ("hep-th/9901999", "10.1000/lantern.3")
    assert fourth.arxiv_id is None
    assert sorted(r.why for r in rejected) == ["no title", "not BibTeX"]


def test_ris() -> None:
    entries, rejected, count = load(LIBRARIES / "zotero.ris")
    first, second = entries
    assert count.kinds[0][1] == "ris"
    assert (first.title, first.abstract) == ("Paper Boats: Folding Attention", "We fold attention.")
    assert first.authors == ("Ada Brook", "Jürgen Fluß") and first.keywords == ("attention", "streams")
    assert (first.arxiv_id, first.date) == ("2602.90001", "2026-02-10")
    assert (second.title, second.abstract, second.authors) == ("Older Kites", "Kites, older.", ("Di Gale",))
    assert (second.arxiv_id, second.doi, second.date) == ("1901.00001", None, "2019")
    assert [(r.line, r.why) for r in rejected] == [
        (26, "no title"),
        (29, "the file is cut off in this record (no ER)"),
    ]


def test_csl() -> None:
    entries, rejected, count = load(LIBRARIES / "zotero.json")
    first, second = entries
    assert count.kinds[0][1] == "csl" and count.flags["blank abstract"] == 1
    assert (first.title, first.abstract, first.date) == ("Paper Boats", "We fold attention .", "2026-02-09")
    assert first.authors == ("Ada Brook", "Bo van den Berg", "Creek Group")
    assert (second.arxiv_id, second.date, second.keywords) == ("0704.9001", "2007", ())
    assert [(r.line, r.why) for r in rejected] == [(3, "no title"), (4, "is a number, an object is expected")]


def test_csv() -> None:
    entries, rejected, count = load(LIBRARIES / "zotero.csv")
    first, second = entries
    assert count.kinds[0][1] == "csv"
    assert (first.title, first.abstract) == ("Paper Boats", "We fold attention, twice.")
    assert first.authors == ("Ada Brook", "Jürgen Fluß") and first.keywords == ("boats", "streams", "attention")
    assert (second.arxiv_id, second.authors, second.origin.line) == ("2602.90002", ("Di Gale",), 4)
    assert [(r.line, r.why) for r in rejected] == [(5, "no title"), (6, "2 columns, the header has 13")]


def test_other_csv(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("title;abstract;authors\nKites;They fly.;A B, C D\n")
    (entry,), _, _ = load(own)
    assert (entry.title, entry.abstract, entry.authors) == ("Kites", "They fly.", ("A B", "C D"))


def test_what_is_no_library(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for content, words in [
        (b"hello\nworld", "no library"),
        (b"", "is empty"),
        (b"a,b\n1,2\n", "no library"),
        ("TY  - GEN\nTI  - Fluß\nER  - \n".encode("latin-1"), r"not UTF-8 \(line 2\)"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            load(path)
    path.write_text('[{"title": "cut')
    assert "not JSON" in load(path)[1][0].why


def test_title_keys() -> None:
    assert title_key("Schr{\\\"o}dinger's  Cat:\nA “Study”") == title_key("schrodinger’s cat — a study")
    assert title_key("Kites") != title_key("Kites II")
