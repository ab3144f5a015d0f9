"""Keywords: whole words, plural, hyphen or blank, acronyms by case, Chinese inside a sentence; always verbatim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranker.match import find_all, find_in, keyword, keywords


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
    assert find_all((keyword,), text) == ((found,) if found else ())


@given(st.text(min_size=1).filter(str.strip), st.text())
def test_a_match_stands_verbatim(keyword: str, text: str) -> None:
    for found in find_all((keyword,), text):
        assert found in text


def test_no_match_spans_title_and_abstract() -> None:
    assert find_in(("federated learning",), "Advances in federated", "Learning rates matter.") == ()
    assert find_in(("b", "a"), "a", "b") == ("b", "a")


_WORDS = st.sampled_from(
    ["KV", "kv", "cache", "Caches", "dLLM", "dLLMs", "3D", "C++", "e", "tax", "taxes", "多模态", "\u212a", "ſ"]
)
_JOINED = st.lists(st.tuples(_WORDS, st.sampled_from([" ", "-", "\n", ", ", "", "_"])), min_size=1, max_size=8).map(
    lambda parts: "".join(word + join for word, join in parts)
)


@given(st.lists(_JOINED.filter(lambda text: text.strip(" -\n") != ""), max_size=6), _JOINED)
def test_together_as_one_by_one(texts: list[str], text: str) -> None:
    alone = {n: keyword(k).find(text, text.lower()) for n, k in enumerate(texts)}
    assert keywords(tuple(texts)).find(text) == {n: found for n, found in alone.items() if found is not None}


def test_the_first_spelling_is_the_titles() -> None:
    assert find_in(("kv cache",), "A KV-cache", "Of KV caches.") == ("KV-cache",)
    assert find_in(("kv cache", "KV"), "Nothing", "Of KV caches.") == ("KV caches", "KV")
