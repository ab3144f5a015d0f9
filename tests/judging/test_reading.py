from __future__ import annotations

import math

import pytest

from ranker.judging.reading import Read, read
from ranker.protocols import LabelReading


def test_relevance_is_the_mean_of_what_fell_on_labels() -> None:
    # 0.3 on label 2, 0.1 on label 6: mean (0.3*2 + 0.1*6) / 0.4 = 3, so relevance 4
    found = read(LabelReading("k", (0, 0, 0.3, 0, 0, 0, 0.1, 0, 0, 0)), 10, 0.05)
    assert isinstance(found, Read)
    assert found.relevance == pytest.approx(4.0)
    assert found.mass == pytest.approx(0.4)
    assert found.mode == 2
    assert found.entropy == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert found.distribution[2] == pytest.approx(0.75) and sum(found.distribution) == pytest.approx(1.0)


@pytest.mark.parametrize(("label", "relevance"), [(0, 1.0), (9, 10.0), (7, 8.0)])
def test_the_ends_of_the_scale(label: int, relevance: float) -> None:
    found = read(LabelReading("k", tuple(1.0 if i == label else 0.0 for i in range(10))), 10, 0.3)
    assert isinstance(found, Read) and found.relevance == relevance and found.entropy == 0.0


def test_another_number_of_labels_spans_the_same_scale() -> None:
    found = read(LabelReading("k", (0.5, 0.5)), 2, 0.3)
    assert isinstance(found, Read) and found.relevance == 5.5 and found.mode == 0


def test_a_generated_label_has_no_mass() -> None:
    found = read(LabelReading("k", (0.0, 1.0), from_text=True), 2, 0.3)
    assert isinstance(found, Read) and found.mass is None and found.relevance == 10.0


@pytest.mark.parametrize(
    "reading",
    [
        LabelReading("k", (), error="too long"),
        LabelReading("k", (0.01, 0.01)),
        LabelReading("k", (0.0, 0.0)),
        LabelReading("k", (0.5, 0.3, 0.2)),
        LabelReading("k", (float("nan"), 0.5)),
        LabelReading("k", (-0.5, 0.9)),
    ],
)
def test_what_can_not_be_read_says_why_and_is_no_grade(reading: LabelReading) -> None:
    assert isinstance(read(reading, 2, 0.3), str)


def test_no_mass_at_all_is_unscored_even_where_none_is_asked_for() -> None:
    assert isinstance(read(LabelReading("k", (0.0, 0.0)), 2, 0.0), str)


def test_the_spread_is_the_deviation_in_units_of_relevance() -> None:
    half = read(LabelReading("k", (0.5, *(0.0,) * 8, 0.5)), 10, 0.0)
    assert isinstance(half, Read) and half.spread == pytest.approx(4.5)  # half at 1, half at 10
    two = read(LabelReading("k", (0.5, 0.5)), 2, 0.0)
    assert isinstance(two, Read) and two.spread == pytest.approx(4.5)
    written = read(LabelReading("k", (0.0, 1.0), from_text=True), 2, 0.0)
    assert isinstance(written, Read) and written.spread is None and written.mass is None
