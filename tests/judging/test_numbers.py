from __future__ import annotations

from decimal import Decimal

import pytest

from ranker.judging.numbers import known_values, unknown_numbers


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("在15,000篇论文上", "15000 papers"),
        ("在1.5万篇论文上", "on 15k papers"),
        ("300万级数据", "3M pairs"),
        ("7B模型", "a 7B model"),
        ("70亿参数", "7 billion parameters"),
        ("提升12.5%", "by 12.5\\%"),
        ("提升50%", "improves by half"),
        ("准确率0.95", "95% accuracy"),
        ("准确率95%", "an accuracy of 0.95"),
        ("快3倍", "three times faster"),
        ("两倍速度", "a 2x speedup"),
        ("十倍加速", "10$\\times$"),
        ("百分之四十的参数", "40 percent of the parameters"),
        ("十二个数据集", "twelve datasets"),
        ("在Llama-3.1-8B上", "Llama-3.1-8B"),
        ("一种新方法，进一步统一了两个阶段，是第一个三阶段框架", "a new method"),
        ("数十倍、上百倍、几百个、成千上万个", "much faster"),
        ("1,024维", "1024 dimensions"),
        ("２倍", "2x"),
        ("两千个样本中的2000个", "two thousand samples"),
    ],
)
def test_a_number_that_the_abstract_has_may_be_written_otherwise(text: str, source: str) -> None:
    assert unknown_numbers(text, source) == ()


@pytest.mark.parametrize(
    ("text", "source", "found"),
    [
        ("提升12.5%", "by 12.4%", ("12.5",)),
        ("在16,000篇上", "15,000 papers", ("16,000",)),
        ("1.6万篇", "15k papers", ("1.6万",)),
        ("快4倍", "three times faster", ("4",)),
        ("四倍加速", "three times faster", ("四",)),
        ("百分之三十", "40%", ("百分之三十",)),
        ("十三个数据集", "twelve datasets", ("十三",)),
        ("在8个数据集上提升3.2%", "no numbers at all", ("8", "3.2")),
    ],
)
def test_a_number_that_it_lacks_is_named(text: str, source: str, found: tuple[str, ...]) -> None:
    assert unknown_numbers(text, source) == found


def test_values_of_a_source() -> None:
    values = known_values("We use 2.5k samples and halve the cost of 1,200 GPUs.")
    assert {Decimal("2.5"), Decimal(2500), Decimal("0.5"), Decimal(1200)} <= values
    assert Decimal(3) not in values
