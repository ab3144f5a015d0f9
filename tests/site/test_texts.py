"""Formulas, text commands and roles as HTML; expected markup by hand."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranker.digest.site.maths import render
from ranker.digest.site.records import Span
from ranker.digest.site.rich import changed_text, plain, rich_text
from ranker.digest.text import clean


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_formula_becomes_mathml() -> None:
    assert render("n^2") == "<math><mrow><msup><mi>n</mi><mn>2</mn></msup></mrow></math>"
    assert render("a<b").count("&lt;") == 1
    assert render("x", display=True).startswith('<math display="block">')


_UNCONVERTED = ("\\frac{1", "\\frac{1}", "\\left(", "x_{1}_{2}", "\\href{javascript:1}{x}", "{" * 300, "x" * 1001)


@pytest.mark.parametrize("source", _UNCONVERTED)
def test_what_does_not_convert_stays_as_its_source(source: str) -> None:
    assert render(source) == f'<code class="tex">{source}</code>'


def test_markup_inside_a_formula_is_text() -> None:
    html = render("\\text{<img src=x onerror=alert(1)>} \\mathrm{<b>}")
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;img" in html


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("costs $5 and $10 more", 0),
        ("from $O(mn)$ to $O(r^2)$", 2),
        ("\\(a\\) and \\[b\\] and $$c$$", 3),
        ("an escaped \\$5 and $x$", 1),
        ("$ spaced $", 0),
        ("$5-$10", 0),
    ],
)
def test_dollars_are_formulas_only_where_they_delimit_one(text: str, formulas: int) -> None:
    assert rich_text(text).count("<math") == formulas


def test_text_commands() -> None:
    assert rich_text("\\textbf{a<b} \\emph{c} \\textsc{d}") == "<strong>a&lt;b</strong> <em>c</em> d"
    assert rich_text("\\url{https://example.org/?a=1&b}") == (
        '<a href="https://example.org/?a=1&amp;b" rel="noopener noreferrer">https://example.org/?a=1&amp;b</a>'
    )
    assert rich_text("\\href{javascript:alert(1)}{click}") == "click"
    assert rich_text("\\href{https://user@evil.org}{bank}") == "bank"


def test_roles_keep_their_places_around_formulas() -> None:
    text = "We bound $n^2$ steps. It works."
    html = rich_text(text, [(0, 21, "idea"), (22, 31, "result")], {"idea": "思路", "result": "结果"})
    assert html.startswith('<mark class="idea" data-role="思路">We bound <math>')
    assert html.endswith(' steps.</mark> <mark class="result" data-role="结果">It works.</mark>')
    assert html.count("<mark") == 2


def test_overlapping_and_foreign_spans() -> None:
    spans: list[Span] = [(2, 5, "idea"), (0, 3, "problem"), (4, 99, "result"), (1, 2, "x")]  # type: ignore[list-item]
    assert rich_text("abcdef", spans) == (
        '<mark class="problem" data-role="problem">abc</mark><mark class="idea" data-role="idea">de</mark>'
        '<mark class="result" data-role="result">f</mark>'
    )


def test_changes_word_by_word() -> None:
    assert changed_text("the old way", "the new <way>") == (
        "the <del>old</del><ins>new</ins> <ins>&lt;</ins>way<ins>&gt;</ins>"
    )


_ALPHABET = st.sampled_from("ab $\\{}<>&\"'^_()[]\u202e\x00\n") | st.characters()
_SPANS = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80), st.sampled_from(["problem", "idea"])), max_size=4)


@given(st.text(alphabet=_ALPHABET, max_size=80), _SPANS)
def test_no_text_brings_an_element_of_its_own(text: str, spans: list[Span]) -> None:
    found = Tags(rich_text(text, spans))
    ours = {"mark", "strong", "em", "code", "a", "math"}
    assert {tag for tag in found.tags if not tag.startswith("m")} <= ours
    assert not {name for name in found.attributes if name.startswith("on") or name in ("style", "src", "id")}
    assert "\u202e" not in "".join(found.words)


@given(st.text(max_size=60))
def test_plain_text_reads_as_it_was_cleaned(text: str) -> None:
    assert "".join(Tags(plain(text)).words).strip() == clean(text)
