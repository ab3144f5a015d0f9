"""Forms B and C: golden files, what stands where no language model wrote, which papers are in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from ranker.digest import categories, keywords
from tests.digest import golden
from tests.digest.sample import QUIET, RUN, paper
from tests.digest.test_parse import quotes

SUBSCRIPTIONS = ("cs.LG", "long context", "snake")


def test_golden() -> None:
    golden.check("categories.zh.md", categories.render(RUN, quotes))
    golden.check("categories.quiet.zh.md", categories.render(QUIET, quotes))
    golden.check("keywords.zh.md", keywords.render(RUN, quotes, SUBSCRIPTIONS))
    golden.check("keywords.en.md", keywords.render(replace(RUN, language="en"), quotes))


def test_form_b_has_everything_but_vetoed_and_superseded_papers() -> None:
    groups = categories.by_category(RUN)
    assert list(groups) == ["cs.CL", "cs.LG", "未分类"]
    assert [r.paper.arxiv_id for r in groups["cs.LG"]] == ["2601.00002", "2601.00003", "2601.00004", "2601.00005"]


def test_form_b_renders_as_folded_markdown() -> None:
    page = MarkdownIt("commonmark").render(categories.render(RUN, quotes))
    assert page.count("<details>") == page.count("</details>") == 6
    assert "<p>Motivation: 长上下文慢。</p>" in page
    assert "<p>Motivation: ［摘要原句］“Long contexts are slow.” “We study how caches shrink.”</p>" in page
    assert "<p>TL;DR: ［摘要原句］“We propose a cache of sketches.”</p>" in page
    assert "<p>Conclusion: ［摘要中没有这类句子］</p>" in page


def test_form_c_makes_no_heading_of_a_brief() -> None:
    page = MarkdownIt("commonmark").render(keywords.render(RUN, quotes, SUBSCRIPTIONS))
    assert "<h2>" not in page
    assert page.count("<h3>") == 6


@pytest.mark.parametrize(
    ("subscription", "met"),
    [
        ("cs.LG", True),
        ("cs", True),
        ("cs.L", False),
        ("stat.ML", False),
        ("long context", True),
        ("Long-Contexts", True),
        ("context", True),
        ("text", False),
        ("sketch", True),
        ("草图", True),
        ("", False),
        ("(", False),
    ],
)
def test_matches(subscription: str, met: bool) -> None:
    of = paper("2601.1", "用草图 for caches")
    assert keywords.matches(of, (subscription,)) == ((subscription,) if met else ())
