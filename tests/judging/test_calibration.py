from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker.errors import ConfigError
from ranker.judging.anchors import Anchor, AnchorRecord, check, load_anchors, moved
from ranker.judging.calibration import Calibration, adjust, fit, pool_adjacent_violators
from ranker.judging.settings import JudgeSettings
from ranker.types import JudgeOutcome, Judgment, Unscored
from tests.judging.fakes import ScriptedGenerator, judge_of, one_label


def judgment(relevance: float, name: str = "x") -> Judgment:
    return Judgment(f"anchor/{name}", "f", relevance, "", "tiny")


def test_violators_are_pooled_by_weight() -> None:
    assert pool_adjacent_violators([1, 3, 2, 4], [1, 1, 1, 1]) == [1, 2.5, 2.5, 4]
    assert pool_adjacent_violators([3, 1], [1, 3]) == [1.5, 1.5]
    assert pool_adjacent_violators([3, 2, 1], [1, 1, 1]) == [2, 2, 2]


def test_pooling_agrees_with_scipy() -> None:
    from scipy.optimize import isotonic_regression

    values, weights = [1.0, 5.0, 2.0, 2.0, 8.0, 7.0, 7.5, 3.0], [1.0, 2.0, 1.0, 4.0, 1.0, 1.0, 2.0, 3.0]
    expected = isotonic_regression(values, weights=weights).x
    assert pool_adjacent_violators(values, weights) == pytest.approx(list(expected))


def test_a_map_is_linear_between_its_points_and_reaches_the_ends() -> None:
    found = Calibration((2.0, 4.0), (3.0, 7.0), "tiny", 100)
    assert [found(x) for x in (1.0, 1.5, 2.0, 3.0, 4.0, 7.0, 10.0)] == [1.0, 2.0, 3.0, 5.0, 7.0, 8.5, 10.0]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(1, 10), st.floats(1, 10)), min_size=10, max_size=80))
def test_a_fit_never_ties_or_swaps_two_papers(pairs: list[tuple[float, float]]) -> None:
    xs = [x for x, _ in pairs]
    if max(xs) - min(xs) < 1e-3:
        return
    try:
        found = fit(xs, [y for _, y in pairs], "tiny")
    except ValueError:
        return  # all points at the very ends of the scale
    grid = [1 + 9 * i / 50 for i in range(51)]
    values = [found(x) for x in grid]
    assert all(a < b for a, b in itertools.pairwise(values))
    assert values[0] == pytest.approx(1.0) and values[-1] == pytest.approx(10.0)


def test_a_narrow_scale_is_spread() -> None:
    xs = [3.0 + i / 100 for i in range(100)]
    found = fit(xs, [2.0 if i < 50 else 8.0 for i in range(100)], "tiny", points=10)
    assert found(3.1) == pytest.approx(2.0, abs=0.1) and found(3.9) == pytest.approx(8.0, abs=0.1)
    assert found.papers == 100


def test_too_little_to_fit_on_is_refused() -> None:
    with pytest.raises(ValueError, match="10 judged papers"):
        fit([1.0] * 9, [1.0] * 9, "tiny")
    with pytest.raises(ValueError, match="same relevance"):
        fit([4.0] * 20, [5.0] * 20, "tiny")


def test_a_map_is_saved_whole_and_refused_when_broken(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    found = Calibration((2.0, 4.0), (3.0, 7.0), "tiny@1", 100)
    found.save(path)
    assert Calibration.load(path) == found and [p.name for p in tmp_path.iterdir()] == ["map.json"]
    for broken in ("{", "[]", json.dumps({"format": 9}), path.read_text().replace("2.0", "5.0")):
        path.write_text(broken)
        with pytest.raises(ConfigError, match="no calibration"):
            Calibration.load(path)


def test_adjusting_calibrates_then_blends_and_leaves_the_rest() -> None:
    found = Calibration((4.0,), (6.0,), "tiny", 10)
    assert adjust(judgment(4.0), found).relevance == 6.0
    assert adjust(judgment(4.0), found, 0.25, 8.0).relevance == pytest.approx(6.5)
    assert adjust(judgment(4.0), None, 0.25, None) == judgment(4.0)


def test_anchors_that_move_are_told(tmp_path: Path) -> None:
    record = AnchorRecord(tmp_path / "anchors.json")
    assert record.expected("tiny") == {}
    record.keep("tiny", [judgment(5.0, "a"), judgment(2.0, "b"), Unscored("anchor/c", "error", "x", "tiny")])
    record.keep("tiny", [judgment(9.0, "a")])
    assert record.expected("tiny") == {"a": 5.0, "b": 2.0} and record.expected("other") == {}
    now: list[JudgeOutcome] = [judgment(5.2, "a"), judgment(2.5, "b"), judgment(1.0, "d")]
    now.append(Unscored("anchor/c", "error", "no answer", "tiny"))
    lines = moved(now, record.expected("tiny"), 0.25)
    assert len(lines) == 2
    assert "'b' moved from 2.00 to 2.50" in lines[0] and "'c' could not be scored" in lines[1]


def test_anchors_are_read_from_lines(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    path.write_text('{"name": "a", "field": "f", "title": "t", "abstract": "x"}\n\n', encoding="utf-8")
    assert load_anchors(path) == (Anchor("a", "f", "t", "x"),)
    candidate = load_anchors(path)[0].candidate()
    assert candidate.paper.arxiv_id == "anchor/a" and candidate.route.field == "f"
    path.write_text('{"name": "a"}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="field") as caught:
        load_anchors(path)
    assert caught.value.where == f"{path}:1"


def test_every_run_scores_the_anchors_and_a_new_prompt_starts_anew(tmp_path: Path) -> None:
    record = AnchorRecord(tmp_path / "anchors.json")
    anchors = [Anchor("cache", "缓存", "A cache", "It evicts."), Anchor("safety", "安全", "A jailbreak", "It breaks.")]
    assert check(judge_of(ScriptedGenerator()), anchors, record, 0.25) == ()
    assert check(judge_of(ScriptedGenerator()), anchors, record, 0.25) == ()
    drifted = ScriptedGenerator(lambda p: one_label(7 if "A cache" in p.body else 5))
    (line,) = check(judge_of(drifted), anchors, record, 0.25)
    assert line.startswith("anchor 'cache ") and "from 6.00 to 8.00" in line
    other = judge_of(drifted, JudgeSettings(template="en-field"))
    assert check(other, anchors, record, 0.25) == ()
