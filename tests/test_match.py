"""Keywords: whole words, plural, hyphen or blank, acronyms by case, Chinese inside a sentence; always verbatim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranker.match import find_all, find_in, matrix


@pytest.mark.parametrize(
    ("keyword", "text", "found"),
    [
        ("KV cache", "long KV caches here", "KV caches"),
        ("KV cache", "a KV-cache", "KV-cache"),
        ("kv cache", "a KV\ncache", "KV\ncache"),
        ("SAR", "a sar image", None),
        ("SAR", "SAR image", "SAR"),
        ("LIME", "the lime tree", None),
        ("dLLM", "dLLMs", "dLLMs"),
        ("crop", "cropping", None),
        ("crop", "Crops grow", "Crops"),
        ("theory", "a theory-based", "theory"),
        ("多模态", "原生多模态大模型", "多模态"),
        ("C++", "in C++, fast", "C++"),
    ],
)
def test_find(keyword: str, text: str, found: str | None) -> None:
    assert find_all([keyword], text) == ((found,) if found else ())
    assert matrix([keyword], [text]) == [[found is not None]]


@given(st.text(min_size=1).filter(str.strip), st.text())
def test_a_match_stands_verbatim(keyword: str, text: str) -> None:
    for found in find_all([keyword], text):
        assert found in text


def test_no_match_spans_title_and_abstract() -> None:
    assert find_in(["federated learning"], "Advances in federated", "Learning rates matter.") == ()
    assert find_in(["b", "a"], "a", "b") == ("b", "a")
