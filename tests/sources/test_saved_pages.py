"""Saved pages in arXiv's own formats, with invented papers: what each kind gives, value by value."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker.errors import InputError
from ranker.sources import ReadCount, peek_kind, read
from ranker.types import Origin, Paper, Rejected

PAGES = Path(__file__).parent.parent / "data" / "pages"


def load(path: Path) -> tuple[list[Paper], list[Rejected], ReadCount]:
    rejected: list[Rejected] = []
    count = ReadCount()
    papers = list(read([path], on_rejected=rejected.append, count=count))
    assert (count.papers, count.rejected) == (len(papers), len(rejected))
    assert count.read == len(papers) + len(rejected)
    return papers, rejected, count


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rss.xml", "rss"),
        ("rss_empty.xml", "rss"),
        ("atom.xml", "atom"),
        ("api.xml", "atom-api"),
        ("api_error.xml", "atom-api"),
        ("oai_raw.xml", "oai"),
        ("oai_arxiv.xml", "oai"),
        ("oai_error.xml", "oai"),
        ("snapshot.jsonl", "snapshot"),
    ],
)
def test_kinds_are_told_by_content(name: str, kind: str, tmp_path: Path) -> None:
    nameless = tmp_path / "x"
    nameless.write_bytes(
        b"\xef\xbb\xbf\n" + (PAGES / name).read_bytes() if kind == "snapshot" else (PAGES / name).read_bytes()
    )
    assert peek_kind(nameless) == kind


def test_rss() -> None:
    papers, rejected, count = load(PAGES / "rss.xml")
    first = papers[0]
    assert (first.arxiv_id, first.version, first.announce_type) == ("2602.90001", 1, "new")
    assert first.title == "Paper Boats: Folding Attention for Small Streams"
    assert first.abstract == r"We fold attention maps <em>twice</em> and obtain $O(n \log n)$ streams. It floats."
    assert first.authors == ("Ada Brook", "Jürgen Fluß", "Cy Creek")
    assert first.authors_text == "Ada Brook (Institute of Streams, Lakeside, Utopia), Jürgen Fluß, Cy Creek"
    assert first.raw["creator"].endswith(r"J\"urgen Flu{\ss}, Cy Creek")
    assert first.affiliations == ("Institute of Streams, Lakeside, Utopia",)
    assert (first.day, first.published, first.categories) == ("2026-02-10", None, ("cs.AI", "cs.LG"))
    assert first.origin == Origin(str(PAGES / "rss.xml"), "rss", 1)
    assert [p.announce_type for p in papers] == ["new", "cross", "replace", "replace-cross"]
    assert (papers[2].version, papers[3].arxiv_id) == (3, "hep-th/9901999")
    assert [(r.line, r.why) for r in rejected] == [(5, "no title")]
    assert not count.notes


def test_an_empty_feed_is_no_error_but_a_note() -> None:
    papers, rejected, count = load(PAGES / "rss_empty.xml")
    assert not papers and not rejected and not count.partial
    assert "feed of 2026-02-14 holds no papers" in count.notes[0]


def test_atom_announcements() -> None:
    papers, rejected, _ = load(PAGES / "atom.xml")
    assert [(p.versioned_id, p.day, p.announce_type) for p in papers] == [("2607.90011v2", "2026-07-10", "new")]
    assert papers[0].published is None  # the date of the announcement is not that of the paper
    assert papers[0].abstract == "An umbrella is a prior over rain."
    assert papers[0].authors == ("Ira Drizzle", "Jo Cloud")
    assert "not an arXiv id" in rejected[0].why and rejected[0].line == 2


def test_api_page() -> None:
    papers, _, count = load(PAGES / "api.xml")
    first, second = papers
    assert (first.versioned_id, first.title) == ("2602.90021v2", "Bread Ovens as Gradient Sources")
    assert first.abstract == r"Ovens give heat. Heat gives gradients $\nabla T$."
    assert first.authors == ("Lou Crust", "Mía Krümel") and first.authors_text == "Lou Crust, Mía Krümel"
    assert first.affiliations == ("Bakery of Sums, Oventown",)
    assert first.categories == ("stat.ML", "cs.LG") and first.published == "2026-02-06" and first.day is None
    assert first.raw["comment"] == "9 loaves, 3 rolls"
    assert second.arxiv_id == "math/0309999"
    assert count.partial and "results 1 to 2 of 5" in count.notes[0]


def test_an_api_error_is_no_paper() -> None:
    with pytest.raises(InputError, match=r"error message of the arXiv API: incorrect id format for 1234\.12345"):
        load(PAGES / "api_error.xml")


def test_oai_raw() -> None:
    papers, rejected, count = load(PAGES / "oai_raw.xml")
    (paper,) = papers
    assert (paper.versioned_id, paper.title, paper.abstract) == (
        "2601.90031v2",
        "Knots in Language",
        "A knot ties words.",
    )
    assert paper.authors == ("Ola Knot", "Pál Rope") and paper.affiliations == ("Harbour, Room 2",)
    assert (paper.published, paper.categories) == ("2026-01-30", ("cs.CL", "cs.AI"))
    assert paper.raw["comments"] == "12 knots" and paper.raw["title"] == "Knots\n  in Language"
    assert [(r.line, r.why, r.snippet) for r in rejected] == [
        (2, "the record is marked as deleted", "oai:arXiv.org:2601.90032")
    ]
    assert count.partial and "resumptionToken 6987654|1001" in count.notes[0] and "of 5230" in count.notes[0]


def test_oai_arxiv_and_its_last_page() -> None:
    papers, _, count = load(PAGES / "oai_arxiv.xml")
    (paper,) = papers
    assert paper.authors == ("Quin Twine Jr", "Yarn Collaboration")
    assert paper.affiliations == ("Loom, Spindle City",) and paper.published == "2003-09-08"
    assert paper.version is None and not count.partial and not count.notes


def test_oai_error() -> None:
    with pytest.raises(InputError, match="noRecordsMatch"):
        load(PAGES / "oai_error.xml")


def test_snapshot() -> None:
    papers, _, count = load(PAGES / "snapshot.jsonl")
    first = papers[0]
    assert (first.versioned_id, first.title) == ("0704.9001v2", "Reeds in Slow Water")
    assert first.abstract == r"Reeds bend in $\dot{x}$ water."
    assert first.authors == ("C. Balázs", "Rae Reed III") and first.affiliations == ("Marsh University, Delta",)
    assert first.authors_text == "C. Balázs, Rae Reed (Marsh University, Delta)"
    assert first.published == "2007-04-02" and first.categories == ("hep-ph", "cs.CV")
    assert first.raw["title"] == "Reeds in\n  Slow Water" and first.raw["update_date"] == "2008-11-26"
    assert papers[1].arxiv_id == "hep-th/9901998" and count.kinds == [(str(PAGES / "snapshot.jsonl"), "snapshot")]


@pytest.mark.parametrize("name", ["rss.xml", "api.xml", "oai_raw.xml", "atom.xml"])
def test_a_page_cut_off_keeps_what_came_before(name: str, tmp_path: Path) -> None:
    whole = (PAGES / name).read_bytes()
    end = {"rss.xml": b"</item>", "oai_raw.xml": b"</record>"}.get(name, b"</entry>")
    cut = tmp_path / "page"
    cut.write_bytes(whole[: whole.index(end) + len(end) + 20])
    papers, rejected, count = load(cut)
    assert len(papers) == 1 and count.partial
    assert rejected[0].line == 2 and "cut off" in rejected[0].why


@pytest.mark.parametrize(
    "attack",
    [
        '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE rss SYSTEM "http://localhost:1/x.dtd">',
    ],
)
def test_document_types_and_entities_are_refused(attack: str, tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_text((PAGES / "rss.xml").read_text().replace("?>", "?>" + attack, 1))
    with pytest.raises(InputError, match="document type or entities"):
        load(page)


def test_foreign_pages_are_refused(tmp_path: Path) -> None:
    page = tmp_path / "page"
    for text, words in [
        ("<!DOCTYPE html><html><body>arxiv.org</body></html>", "is a web page"),
        ("<html lang='en'></html>", "is a web page"),
        ('<feed xmlns="http://www.w3.org/2005/Atom"><title>Cats</title></feed>', "root is <feed>"),
        ("<rss><channel><title>Cats</title></channel></rss>", "root is <rss>"),
        ("<!-- only a comment -->", "no known kind"),
        ("hello\nworld\n", "no known kind"),
        ("a,b\n1,2\n", "no known kind"),
    ]:
        page.write_text(text)
        with pytest.raises(InputError, match=words):
            load(page)


def test_streaming_drops_entries_from_memory(tmp_path: Path) -> None:
    """2,000 entries, 40 MB: if they stayed in memory, the peak would be a multiple of that."""
    import tracemalloc

    head, _, rest = (PAGES / "rss.xml").read_text().partition("<item>")
    item = "<item>" + rest.partition("</item>")[0].replace("It floats.", "It floats " + "x" * 19_800) + "</item>\n"
    page = tmp_path / "page"
    with page.open("w") as out:
        out.write(head)
        for _ in range(2_000):
            out.write(item)
        out.write("</channel></rss>")
    tracemalloc.start()
    count = ReadCount()
    n = sum(1 for _ in read([page], on_rejected=print, count=count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == count.papers == 2_000
    assert count.bytes_done == page.stat().st_size > 40_000_000
    assert peak < 12_000_000
