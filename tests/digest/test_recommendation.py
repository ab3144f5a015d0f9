"""Form A: structure of the seeds, golden files, quiet days, both languages."""

from __future__ import annotations

import json
from dataclasses import replace

from ranker.digest.jsonl import rankings_jsonl, rejected_jsonl, report_json
from ranker.digest.recommendation import render, render_readme
from ranker.types import Usage
from tests.digest import golden
from tests.digest.sample import QUIET, RUN, paper, ranking


def test_golden() -> None:
    golden.check("recommendation.zh.md", render(RUN))
    golden.check("recommendation.en.md", render(replace(RUN, language="en")))
    golden.check("readme.zh.md", render_readme(RUN))
    golden.check("recommendation.quiet.zh.md", render(QUIET))
    golden.check("rankings.jsonl", rankings_jsonl(RUN))
    golden.check("rejected.jsonl", rejected_jsonl(RUN))
    golden.check("report.json", report_json(RUN))


def test_the_first_five_lines_are_the_seeds() -> None:
    lines = render(RUN).splitlines()
    assert lines[:5] == [
        "# ArXiv 每日推荐 - 2026-01-14",
        "",
        "> 更新于北京时间：2026-01-14 12:57:22",
        "> 已自动阅读了 8 篇最新的论文。",
        "> 使用模型：heads-0123abcd（未使用语言模型） | 消耗 Tokens：0",
    ]


def test_fields_stand_in_order_of_their_best_paper() -> None:
    headings = [line for line in render(RUN).splitlines() if line.startswith("##") and not line.startswith("###")]
    assert headings == ["## 多模态智能体", "## 高效大模型训练与推理"]


def test_says_plainly_whether_a_language_model_was_used() -> None:
    assert "未使用任何语言模型" in render(RUN)
    with_model = replace(
        RUN, uses_language_model=True, judge_line="Qwen3-8B", usage=Usage(prompt=40, cached=8, generated=2)
    )
    assert "未使用任何语言模型" not in render(with_model)
    assert "> 使用模型：Qwen3-8B | 消耗 Tokens：42\n" in render(with_model)


def test_leaked_lines_are_gone_and_quoted_text_is_not() -> None:
    assert "- **Reason:** 匹配词 cache。\n" in render(RUN)
    assert "Field:" not in render(RUN)
    one_line = replace(RUN.rankings[0], reason="领域：多模态 Score: 9 Field: 多模态")
    assert "- **Reason:** 领域：多模态\n" in render(replace(RUN, rankings=(one_line,)))


def test_nothing_recommended_is_not_a_quiet_day() -> None:
    nothing = replace(RUN, rankings=RUN.rankings[3:])
    assert "今日没有达到推荐标准的论文。" in render(nothing)
    assert "今日没有新论文。" in render(QUIET)
    assert "今日没有新论文。" in render_readme(QUIET)


def test_an_id_that_is_none_leads_nowhere_else() -> None:
    hostile = ranking(paper("x)](javascript:alert(1)//\n<b>", "t"), "recommended", 1, score=9.0)
    line = next(line for line in render(replace(RUN, rankings=(hostile,))).splitlines() if "Link" in line)
    url = "https://arxiv.org/abs/x%29%5D%28javascript%3Aalert%281%29//%20%3Cb%3E"
    assert line == f"- **Link:** [{url}]({url})"


def test_json_lines_keep_one_line_a_paper_whatever_is_in_it() -> None:
    hostile = ranking(paper("1", "a\u2028b\x85c\nd\ud800"), "failed", 1)
    text = rankings_jsonl(replace(RUN, rankings=(hostile,)))
    assert len(text.splitlines()) == 1
    assert json.loads(text.encode())["title"] == "a\u2028b\x85c\nd\ufffd"
