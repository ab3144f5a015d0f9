"""Feeds and bibliographies, read back by second implementations: feedparser, bibtexparser, rispy, csv, json."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given

from ranker.digest import exports
from ranker.digest.bibliography import tex
from ranker.digest.citing import Name, names
from ranker.digest.entries import abs_url, recommended, shown_reason
from ranker.digest.text import clean
from ranker.types import Run
from tests.digest import golden
from tests.digest.hostile import CALM, runs
from tests.digest.sample import QUIET, RUN, paper

feedparser = pytest.importorskip("feedparser")
bibtexparser = pytest.importorskip("bibtexparser")
rispy = pytest.importorskip("rispy")


def test_golden() -> None:
    golden.check("feed.atom", exports.atom(RUN, "https://example.org/feed.atom"))
    golden.check("feed.json", exports.json_feed(RUN, "https://example.org/feed.json"))
    golden.check("papers.bib", exports.bibtex(RUN))
    golden.check("papers.ris", exports.ris(RUN))
    golden.check("papers.csl.json", exports.csl_json(RUN))
    golden.check("papers.csv", exports.table(RUN))


@CALM
@given(runs())
def test_atom_reads_back(run: Run) -> None:
    feed = feedparser.parse(exports.atom(run).encode(), sanitize_html=False)
    assert not feed.bozo, feed.bozo_exception
    assert feed.version == "atom10"
    shown = recommended(run)
    assert [entry.title for entry in feed.entries] == [f"[{r.score:.1f}] {clean(r.paper.title)}".strip() for r in shown]
    assert [entry.link for entry in feed.entries] == [abs_url(r.paper) for r in shown]
    assert [entry.summary for entry in feed.entries] == [shown_reason(r) for r in shown]
    assert all(entry.get("summary_detail", {"type": "text/plain"})["type"] == "text/plain" for entry in feed.entries)


@CALM
@given(runs())
def test_json_feed_reads_back(run: Run) -> None:
    feed = json.loads(exports.json_feed(run).encode())
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["content_text"] for item in feed["items"]] == [clean(r.paper.abstract) for r in recommended(run)]
    assert [item["url"] for item in feed["items"]] == [abs_url(r.paper) for r in recommended(run)]


@CALM
@given(runs())
def test_bibtex_holds_together(run: Run) -> None:
    shown = recommended(run)
    library = bibtexparser.parse_string(exports.bibtex(run))
    blocks = [*library.entries, *(b.ignore_error_block for b in library.failed_blocks if hasattr(b, "previous_block"))]
    assert len(blocks) == len(shown)  # the same id twice is a duplicate key to the parser, and still an entry
    for entry in library.entries:
        [first] = [r for r in shown if entry.key == "arxiv-" + r.paper.arxiv_id.replace("/", "-")][:1]
        assert entry["eprint"] == first.paper.arxiv_id
        for field in entry.fields:
            value = field.value
            assert value.count("{") == value.count("}")


@CALM
@given(runs())
def test_ris_reads_back(run: Run) -> None:
    text = exports.ris(run)
    shown = recommended(run)
    entries = rispy.loads(text) if shown else []
    assert [entry.get("title", "") for entry in entries] == [clean(r.paper.title) for r in shown]
    assert [entry["urls"] for entry in entries] == [[abs_url(r.paper)] for r in shown]
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]  - .*|", line) for line in text.split("\r\n"))


@CALM
@given(runs())
def test_csv_reads_back_and_no_cell_is_a_formula(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(exports.table(run).removeprefix("\ufeff"), newline="")))
    shown = recommended(run)
    assert [row["title"].removeprefix("'") for row in rows] == [clean(r.paper.title).removeprefix("'") for r in shown]
    assert [float(row["score"]) for row in rows] == [r.score for r in shown]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())


def test_quiet_days_give_empty_exports() -> None:
    assert not feedparser.parse(exports.atom(QUIET).encode()).bozo
    assert json.loads(exports.json_feed(QUIET))["items"] == []
    assert exports.bibtex(QUIET) == exports.ris(QUIET) == ""
    assert exports.csl_json(QUIET) == "[]\n"
    assert len(exports.table(QUIET).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("From $O(mn)$ to $O(r^2)$ & 5%", r"From $O(mn)$ to $O(r^2)$ \& 5\%"),
        (
            "a_b {c} ~^\\",
            r"a\_b \textbraceleft{}c\textbraceright{} \textasciitilde{}\textasciicircum{}\textbackslash{}",
        ),
        (r"$\alpha_{i}$", r"$\alpha_{i}$"),
        (r"$\input{/etc/passwd}$", r"\$\textbackslash{}input\textbraceleft{}/etc/passwd\textbraceright{}\$"),
        ("$5 and {", r"\$5 and \textbraceleft{}"),
        ("$^^5cinput x$", r"\$\textasciicircum{}\textasciicircum{}5cinput x\$"),
        ("$a # b$", r"\$a \# b\$"),
    ],
)
def test_tex(text: str, latex: str) -> None:
    assert tex(text) == latex


def test_names() -> None:
    listed = ("Ada Lovelace", "Ludwig van Beethoven", "Sammy Davis Jr.", "ATLAS Collaboration", "Plato", "Ng, Andrew")
    assert names(paper("1", "t", authors=listed)) == (
        Name("Lovelace", "Ada"),
        Name("van Beethoven", "Ludwig"),
        Name("Davis Jr.", "Sammy"),
        Name("ATLAS Collaboration", literal=True),
        Name("Plato", literal=True),
        Name("Ng, Andrew", literal=True),
    )
    assert names(paper("1", "t", authors=(), authors_text="Hao Li (MIT, USA), Bo Xu ()")) == (
        Name("Li", "Hao"),
        Name("Xu", "Bo"),
    )


def test_dates_that_are_none_are_left_out() -> None:
    odd = replace(RUN, rankings=(replace(RUN.rankings[0], paper=paper("2601.1", "t", published="soon", day=None)),))
    assert "<published>" not in exports.atom(odd)
    assert "date_published" not in exports.json_feed(odd)
    assert "year" not in exports.bibtex(odd)
    assert "doi" not in exports.bibtex(odd)
