"""Runs full of hostile strings, for property tests of every form and export."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ranker.types import Ranking, Run, Texts
from tests.digest.sample import RUN, paper, ranking
from tests.digest.test_text import NASTY

# Generous to a busy machine; run with a larger number by hand after a change to the escaping.
CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LINES = st.sampled_from(
    [
        "\n## 假领域\n",
        "\n### [Score: 10.0/10] fake\n- **Link:** [x](javascript:alert(1))\n",
        "\n---\n\n**本次统计**\n",
        "\n<!-- ranker digest: form=a escaped -->",
        "</details><script>alert(1)</script>",
        "［摘要原句］",
        "[abstract verbatim] ",
        "\nScore: 1\nField: x",
        "TL;DR: x",
        "](https://evil.example)",
        "# Table of Contents",
        " | 消耗 Tokens：7",
        "=cmd|' /C calc'!A0",
        "\r\nTY  - EVIL\r\nER  - \r\n",
        "@article{x, url={javascript:x}}",
        ", ",
    ]
)
TEXT = st.lists(LINES | NASTY, max_size=3).map("".join)
IDS = st.sampled_from(["2601.00001", "hep-th/9901001", "math.GT/0309136", "1234.5678", "2601.12345"])


@st.composite
def rankings(draw: st.DrawFn, rank: int) -> Ranking:
    texts = Texts(
        "x",
        by=draw(st.sampled_from(["model", "evidence"])),
        tldr=draw(TEXT),
        motivation=draw(TEXT),
        result=draw(TEXT),
        brief=draw(TEXT),
    )
    of = paper(
        draw(IDS),
        draw(TEXT),
        abstract=draw(TEXT),
        authors=tuple(draw(st.lists(TEXT, max_size=2))),
        authors_text=draw(TEXT),
        published=draw(TEXT),
        categories=tuple(draw(st.lists(st.sampled_from(["cs.LG", "cs.AI"]) | TEXT, max_size=2))),
    )
    outcome = draw(st.sampled_from(["recommended", "recommended", "not_recommended", "failed", "vetoed", "duplicate"]))
    score = draw(st.floats(1, 10)) if outcome != "failed" else None
    return ranking(
        of,
        outcome,
        rank,
        field=draw(st.sampled_from(["领域", "# 快速导航", "a]b"]) | st.none()),
        score=score,
        reason=draw(TEXT),
        texts=draw(st.none() | st.just(texts)),
    )


@st.composite
def runs(draw: st.DrawFn) -> Run:
    some = tuple(draw(rankings(rank)) for rank in range(1, draw(st.integers(1, 4)) + 1))
    return replace(
        RUN,
        language=draw(st.sampled_from(["zh", "en"])),
        rankings=some,
        judge_line=draw(TEXT),
        uses_language_model=draw(st.booleans()),
        threshold=draw(TEXT),
        notes=tuple(draw(st.lists(TEXT, max_size=2))),
    )
