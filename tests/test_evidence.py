"""The evidence reason invents nothing: every quotation stands in the paper."""

from __future__ import annotations

import re

from ranker import evidence
from ranker.profile import Profile
from ranker.types import Candidate
from tests.make import paper, profile, route

ABSTRACT = "Serving is slow. We introduce PageTurn, which compresses the KV cache 4.2x. It is fast."


def candidate(**changes: object) -> Candidate:
    return Candidate(paper(1, abstract=ABSTRACT), route(0.4321, **changes), "h", b"")


def test_the_reason_names_field_term_example_and_key_sentence() -> None:
    found = evidence.reason(candidate(nearest_example="FlashAttention (2205.14135)", nearest_similarity=0.5), profile())
    assert found == (
        "归入「A」，与其描述的相似度 0.43；文中出现“KV cache”；"
        "最接近的范例论文《FlashAttention (2205.14135)》，相似度 0.50；"
        "关键句：“We introduce PageTurn, which compresses the KV cache 4.2x.”。"
    )


def test_english_where_the_profile_is_english_and_unwanted_topics_are_named() -> None:
    english: Profile = profile(language="en")
    found = evidence.reason(candidate(unwanted=(("U", 0.9),)), english)
    assert 'the paper says "KV cache"' in found
    assert 'close to the unwanted topic "U"' in found


def test_there_is_always_a_term_and_it_stands_in_the_paper() -> None:
    for title, abstract in [
        ("On Quokkas", ""),
        ("关于袋鼠", "袋鼠很多。"),
        ("A kernel", "attention is all."),
        ("x", ""),
    ]:
        p = paper(1, title=title, abstract=abstract)
        terms, matched = evidence.matched_terms(p, profile().fields[0])
        assert matched == (title == "A kernel")
        assert terms and all(t in f"{title}\n{abstract}" for t in terms)


def test_quotations_are_exact() -> None:
    quoted = re.findall("“(.+?)”", evidence.reason(candidate(), profile()))
    assert quoted and all(q in ABSTRACT for q in quoted)
