"""The recall audit: samples, intervals by hand and by scipy, and when nothing can be told."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ranker import audit
from ranker.types import Judgment, Ranking, Unscored
from tests.make import paper, ranking


def day(unrouted: int = 10, left: int = 40, recommended: int = 10) -> list[Ranking]:
    outcomes = ["unrouted"] * unrouted + ["not_recommended"] * left + ["recommended"] * recommended
    return [ranking(i, paper=paper(i), outcome=o) for i, o in enumerate(outcomes, 1)]


def judged(sample: audit.Sample, relevance: Any) -> list[Judgment]:
    return [Judgment(r.paper.arxiv_id, "A", relevance(r), "", "other") for r in sample.papers]


def test_the_sample_depends_on_seed_and_ids_only() -> None:
    rankings = day()
    one, again = audit.draw(rankings, size=5), audit.draw(rankings[::-1], size=5)
    assert [r.paper.arxiv_id for r in one.papers] == [r.paper.arxiv_id for r in again.papers]
    assert audit.draw(rankings, size=5, seed=1).papers != one.papers
    assert {name: len(part) for name, part in one.left_out.items()} == {"unrouted": 5, "not_recommended": 5}
    assert one.sizes == {"unrouted": 10, "not_recommended": 40}
    assert len(audit.draw(rankings, size=30).left_out["unrouted"]) == 10


def test_questions_show_neither_outcome_nor_score() -> None:
    rows = audit.questions(audit.draw(day(), size=3), profile="p", day="2026-01-13")
    assert len(rows) == 9 and all(row["tick"] is None for row in rows)
    assert not {"outcome", "score", "reason"} & set(rows[0])
    json.dumps(rows)


def test_clopper_pearson_by_known_values() -> None:
    assert audit.clopper_pearson(0, 10) == pytest.approx((0.0, 1 - 0.025 ** (1 / 10)))
    assert audit.clopper_pearson(10, 10) == pytest.approx((0.025 ** (1 / 10), 1.0))
    stats = pytest.importorskip("scipy.stats")
    exact = stats.binomtest(3, 20).proportion_ci(0.95, method="exact")
    assert audit.clopper_pearson(3, 20) == pytest.approx((exact.low, exact.high))
    with pytest.raises(ValueError, match="trials"):
        audit.clopper_pearson(1, 0)


def test_ticks_give_a_weighted_share() -> None:
    sample = audit.draw(day(unrouted=10, left=40), size=10)
    ticks = [SimpleNamespace(arxiv_id=r.paper.arxiv_id, tick="down") for r in sample.left_out["unrouted"]]
    answers = ["up", "move", *["down"] * 6, "later", "later"]
    ticks += [
        SimpleNamespace(arxiv_id=r.paper.arxiv_id, tick=t)
        for r, t in zip(sample.left_out["not_recommended"], answers, strict=True)
    ]
    found = audit.by_ticks(sample, ticks)
    assert found.share == pytest.approx((0 * 10 + 2 / 8 * 40) / 50)
    assert found.low is not None and found.high is not None and found.low < 0.2 < found.high
    assert [(s.name, s.judged, s.missed) for s in found.strata] == [("unrouted", 10, 0), ("not_recommended", 8, 2)]
    assert (found.strata[0].low, found.strata[0].high) == (0.0, 0.0)  # judged whole: nothing to estimate
    assert found.missed_of_wanted is not None and found.missed_of_wanted[0] == pytest.approx(10 / (10 + 10))
    assert "2 of 18 sampled" in str(found) and json.dumps(found.as_row())


def test_another_judge_finds_misses_above_the_median_recommended_paper() -> None:
    sample = audit.draw(day(unrouted=10, left=40), size=10)
    missed = sample.left_out["not_recommended"][0].paper.arxiv_id
    worth = {r.paper.arxiv_id: 6.0 + i / 10 for i, r in enumerate(sample.recommended)}
    worth[missed] = 9.0
    found = audit.by_judge(sample, judged(sample, lambda r: worth.get(r.paper.arxiv_id, 2.0)), judge="other")
    assert found.share == pytest.approx(1 / 10 * 40 / 50)
    assert "judged by other" in str(found)


@pytest.mark.parametrize(
    ("relevance", "why"),
    [(lambda r: 5.0, "does not tell"), (lambda r: 9.0 if r.outcome != "recommended" else 2.0, "does not tell")],
)
def test_a_judge_that_can_not_tell_finds_nothing(relevance: Any, why: str) -> None:
    sample = audit.draw(day(), size=10)
    found = audit.by_judge(sample, judged(sample, relevance), judge="other")
    assert found.share is None and why in found.why_not and "not measurable" in str(found)


def test_what_was_not_judged_is_not_measurable() -> None:
    sample = audit.draw(day(), size=10)
    lost = [Unscored(r.paper.arxiv_id, "broken", "", "other") for r in sample.papers]
    assert "5 are needed" in audit.by_judge(sample, lost, judge="other").why_not
    assert "unrouted" in audit.by_ticks(sample, []).why_not
    assert "no paper was left out" in audit.by_ticks(audit.draw(day(0, 0, 5)), []).why_not
