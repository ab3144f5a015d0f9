from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ranker.judging.checks import Written, chinese_share, failed_checks, is_copy, length, tidy, whole_sentences
from ranker.judging.template import load_template
from tests.judging.fakes import PROMPTS

REASON = load_template(PROMPTS / "zh-reason.toml")
SOURCE = "KV cache eviction with 6x speedup and 2.5% loss on 3 tasks."
GOOD = (
    "提出一种KV缓存淘汰方法，用注意力草图挑选要保留的键值，"
    "在3个任务上获得6倍加速，损失仅2.5%，对长上下文推理部署有实际价值。"
)


def failures(text: str, finish: str = "stop") -> tuple[str, ...]:
    return failed_checks(Written(text, finish, SOURCE), REASON)


def test_a_good_reason_passes() -> None:
    assert failures(GOOD) == ()


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("", "empty"),
        (
            "It evicts keys fast and works well for long contexts and for every task here. 很好。" * 2,
            "chinese_share",
        ),
        ("提出一种缓存方法。", "length"),
        (GOOD * 3, "length"),
        (GOOD[:-1] + "，并且", "cut_off"),
        (GOOD + "它还能（", "cut_off"),
        (GOOD + "Score: 8", "leak"),
        (GOOD + "评分：8分。", "leak"),
        (GOOD + "相关度：高。", "leak"),
        (GOOD + "**重点**。", "leak"),
        ("```" + GOOD, "leak"),
        ('{"reason": "' + GOOD, "leak"),
        ("标题：缓存。" + GOOD, "leak"),
        ("<think>想一想。" + GOOD, "thinking"),
        (GOOD + "</think>", "thinking"),
        (GOOD.replace("6倍", "7倍"), "number"),
        (GOOD.replace("2.5%", "3.5%"), "number"),
        ("抱歉，我无法评价这篇论文。" + GOOD, "refusal"),
        ("作为一个AI助手，" + GOOD, "refusal"),
        ("好的，以下是推荐理由。" + GOOD, "refusal"),
    ],
)
def test_each_check_catches_its_fault(text: str, check: str) -> None:
    assert check in failures(text)


def test_a_text_that_ran_into_its_limit_is_cut_off() -> None:
    assert failures(GOOD, "length") == ("cut_off",)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("方法", "评分函数"),
        GOOD.replace("方法", "Score-based方法"),
        GOOD.rstrip("。"),
        "现有方法无法处理长上下文，" + GOOD,
    ],
)
def test_words_of_the_trade_are_no_faults(text: str) -> None:
    assert failures(text) == ()


def test_a_copy_of_another_papers_reason_is_caught() -> None:
    assert failed_checks(Written(GOOD, "stop", SOURCE), REASON, ["别的", GOOD.replace("草图", "分数")]) == ("copy",)
    assert not is_copy(GOOD, ["完全不同的一句话，讲的是扩散语言模型的并行解码。"])


def test_tidying_takes_away_what_is_no_part_of_the_text() -> None:
    assert tidy("<think>嗯，\n想想</think>\n推荐理由：提出 KV 缓存方法，\n效果好。") == "提出 KV 缓存方法，效果好。"
    assert tidy("“提出方法。”") == "提出方法。"
    assert tidy("“甲”与“乙”") == "“甲”与“乙”"


def test_whole_sentences_and_lengths() -> None:
    assert whole_sentences("第一句。第二句说到一") == "第一句。"
    assert whole_sentences("It is 2.5 times faster. And th") == "It is 2.5 times faster."
    assert whole_sentences("没有句号") == ""
    assert length("提出KV-cache方法，快6.5倍。", "zh") == 10
    assert length("Two words", "en") == 2
    assert chinese_share("提出Transformer") == pytest.approx(2 / 3)
    assert chinese_share("123") == 0.0


def test_real_reasons_of_the_judged_days_pass(shared: Path) -> None:
    """A cloud model's Chinese reasons, one day: nearly all fail for length or language alone, or not at all."""
    day = gzip.decompress((shared / "data/judged/2026-01-07.jsonl.gz").read_bytes()).decode("utf-8")
    rows = [json.loads(line) for line in day.splitlines()]
    picked = [r for r in rows if r["judgment"]]
    assert len(picked) > 50
    bad = 0
    for row in picked:
        text = tidy(row["judgment"]["reason"])
        names = failed_checks(Written(text, "stop", f"{row['title']} {row['abstract']}"), REASON)
        bad += bool(set(names) - {"length", "chinese_share"})
    assert bad <= 0.05 * len(picked)
