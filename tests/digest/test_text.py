"""The escaping against two second implementations of Markdown: markdown-it (CommonMark) and GitHub's own cmark-gfm."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ranker.digest.text import Slugs, clean, escape, unescape

cmarkgfm = pytest.importorskip("cmarkgfm")

PIECES = (
    "a b 中 * _ ** __ ` `` ~ ~~ [ ] ( ) ]( ][ ! ![ # ### | \\ \\\\ < > & &amp; &#60; &lt; <b> </b> <script> <!-- --> "
    "<img/onerror=x> http:// https://x.y www.x.y javascript:x ://  $ $x_1$ { } - --- === + 1. > : ; , . \" ' ^ = @"
)
INVISIBLE = "\u202e|\u200b|\u200d|\ufeff|\x00|\x07|\x1b|\x85|\u2028|\n|\r|\t|é|👩\u200d🔬|\ud800|\U000e0041|\ufffe"
NASTY = st.lists(
    st.sampled_from(PIECES.split(" ")) | st.sampled_from(INVISIBLE.split("|")) | st.text(max_size=4), max_size=14
).map("".join)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered(markdown: str) -> str:
    """Text that a reader sees of a one-paragraph list item, by cmark-gfm; any tag but the frame's is a failure."""
    page = cmarkgfm.github_flavored_markdown_to_html(
        f"- **K:** {markdown}", options=cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE
    )
    inner = re.fullmatch(r"<ul>\n<li><strong>K:</strong>(.*)</li>\n</ul>\n", page, re.DOTALL)
    assert inner, page
    # cmark-gfm finds e-mail addresses in finished text, where no escape reaches; a mailto link is harmless.
    body = re.sub(r'<a href="(?:mailto|xmpp):[^"]*">([^<]*)</a>', r"\1", inner[1])
    assert "<" not in body, page
    return html.unescape(body).strip()


@settings(deadline=None)
@given(NASTY)
@example("**a** _b_ `c` ~~d~~ [e](f) <g> &lt; https://h.i \\* #")
@example("\\")
@example("*$_a*_")
@example("# #")
def test_reader_sees_the_cleaned_text_and_no_markup(text: str) -> None:
    assert rendered(escape(text)) == clean(text)
    assert unescape(escape(text)) == clean(text)
    [_, inline, _] = MARKDOWN.parse(f"### x {escape(text)}")
    assert {child.type for child in inline.children or ()} <= {"text", "text_special", "entity"}
    assert "".join(child.content for child in inline.children or ()).rstrip() == f"x {clean(text)}".rstrip()


@settings(deadline=None)
@given(NASTY)
def test_link_text_and_emphasis_hold_together(text: str) -> None:
    shown = clean(text)
    link = MARKDOWN.render(f"### [1] [{escape(text, brackets=True)}](https://arxiv.org/abs/1)")
    assert html.unescape(link) == f'<h3>[1] <a href="https://arxiv.org/abs/1">{shown}</a></h3>\n'
    if shown:
        emphasis = MARKDOWN.render(f"*{escape(text, stars=True)}*")
        assert html.unescape(emphasis) == f"<p><em>{shown}</em></p>\n"


@pytest.mark.parametrize(
    "title",
    [
        "From $O(mn)$ to $O(r^2)$: Two-Sided Low-Rank Communication",
        "4DPC$^2$hat: Towards Dynamic Point Cloud Understanding",
        "A* search, 5 * 3 < 16 & AT&T, snake_case_name and x_i",
        "Learning $\\mathbf{x}_i$ [Re] (with code) #1 ~5%",
        "C# | F#: what's `new?",
        "naïve Σ-types — 中文标题，“引号”",
    ],
)
def test_ordinary_titles_need_no_escape(title: str) -> None:
    assert escape(title) == title


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb\u2066c", "abc"),
        ("a\u200bb\ufeff\u00ad", "ab"),
        ("a\x00\x07b\x1b[31m", "ab[31m"),
        ("a\r\n\t b\u2028c\xa0d", "a b c d"),
        ("x\ud800y", "x\ufffdy"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("a\u200db", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@settings(deadline=None)
@given(NASTY)
def test_clean_is_idempotent_and_one_line(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert len(clean(text).splitlines()) <= 1
    clean(text).encode()


def test_long_words_stay_linear() -> None:
    for word in ("a" * 10_000, "*a" * 5_000, "_" * 10_000, "[" * 10_000, "`" * 9_999 + " `", "\\" * 10_000):
        assert unescape(escape(word)) == word


def test_slugs_are_githubs() -> None:
    slugs = Slugs()
    headings = [
        "ArXiv 每日推荐",
        "快速导航",
        "高效大模型训练与推理",
        "LLM（推理）：C++ & A_b-c",
        "快速导航",
        "[Score: 8.6/10] X",
    ]
    assert [slugs.of(heading) for heading in headings] == [
        "arxiv-每日推荐",
        "快速导航",
        "高效大模型训练与推理",
        "llm推理c--a_b-c",
        "快速导航-1",
        "score-8610-x",
    ]
