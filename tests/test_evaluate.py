"""Every expected value is worked out by hand, or by scipy as a second implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker import evaluate


def test_order_is_total_and_puts_unscored_last() -> None:
    scores = [5.0, float("nan"), 7.0, 5.0, float("nan"), 5.0]
    similarities = [0.2, 0.9, 0.1, 0.3, 0.9, 0.2]
    ids = ["c", "z", "x", "y", "a", "b"]
    # 7.0; then the fives by similarity, equal ones by id (b before c); then the unscored, equal ones by id
    assert [ids[i] for i in evaluate.order(scores, similarities, ids)] == ["x", "y", "b", "c", "a", "z"]


def test_average_precision_by_hand() -> None:
    assert evaluate.average_precision([1, 0, 1, 0]) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert evaluate.average_precision([0, 0, 1]) == pytest.approx(1 / 3)
    assert math.isnan(evaluate.average_precision([0, 0]))


def test_r_precision_and_recall_by_hand() -> None:
    assert evaluate.r_precision([1, 0, 1, 1]) == pytest.approx(2 / 3)
    assert evaluate.recall_in_best([1, 0, 1, 1, 0], 0.6) == pytest.approx(2 / 3)
    assert evaluate.recall_in_best([1, 0, 1, 1], 0.6) == pytest.approx(2 / 3)  # 2.4 papers are 3
    assert math.isnan(evaluate.r_precision([0]))


def test_ndcg_by_hand() -> None:
    ideal = 3 + 2 / math.log2(3)
    assert evaluate.ndcg([2, 0, 3], 2) == pytest.approx(2 / ideal)
    assert evaluate.ndcg([3, 2, 0], 10) == pytest.approx(1.0)
    assert math.isnan(evaluate.ndcg([0, 0], 10))


def test_kendall_and_spearman_by_hand() -> None:
    # pairs: (1,2) tied in b; (1,3) concordant; (2,3) concordant -> 2 / sqrt(3 * 2)
    assert evaluate.kendall_tau_b([1, 2, 3], [1, 1, 2]) == pytest.approx(2 / math.sqrt(6))
    assert evaluate.spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert math.isnan(evaluate.spearman([1, 2], [5, 5]))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30))
def test_correlations_agree_with_scipy(pairs: list[tuple[int, int]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    a, b = np.array(pairs, dtype=float).T
    if np.ptp(a) and np.ptp(b):
        assert evaluate.kendall_tau_b(a, b) == pytest.approx(stats.kendalltau(a, b).statistic)
        assert evaluate.spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)


def test_ece_by_hand() -> None:
    # two bins of two: |0.15 - 0| and |0.85 - 0.5|, each half of the papers
    assert evaluate.ece([0.1, 0.9, 0.2, 0.8], [0, 1, 0, 0], bins=2) == pytest.approx((0.15 + 0.35) / 2)
    assert evaluate.ece([0.0, 1.0], [0, 1], bins=15) == pytest.approx(0.0)


def test_tie_rate_ignores_unscored() -> None:
    assert evaluate.tie_rate([1.0, 1.0, 2.0, float("nan"), float("nan"), 3.0]) == pytest.approx(0.5)
    assert evaluate.tie_rate([]) == 0.0


def test_accuracy_skips_papers_without_a_label() -> None:
    assert evaluate.accuracy(["a", "b", "c"], ["a", None, "a"]) == pytest.approx(0.5)


def test_bootstrap_brackets_the_mean_and_is_paired() -> None:
    days = [0.7, 0.8, 0.9, float("nan")]
    interval = evaluate.bootstrap(days)
    assert interval.mean == pytest.approx(0.8)
    assert interval.days == 3
    assert 0.7 - 1e-9 <= interval.low < 0.8 < interval.high <= 0.9 + 1e-9
    # each day is better by the same amount: pairing leaves no spread at all
    difference = evaluate.paired_difference([0.7, 0.8, 0.9], [0.6, 0.7, 0.8])
    assert (difference.low, difference.mean, difference.high) == pytest.approx((0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="paired"):
        evaluate.paired_difference([1.0], [1.0, 2.0])
