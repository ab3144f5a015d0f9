from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker import resources
from ranker.errors import ConfigError, RankerError
from ranker.judging.after import After, load_calibration
from ranker.judging.anchors import Anchor, AnchorRecord, Watch, load_anchors, moved
from ranker.judging.calibrate import draw, fit_judged, target
from ranker.judging.calibration import Calibration, adjust, fit, pool_adjacent_violators
from ranker.judging.injection import find_spans
from ranker.judging.settings import JudgeSettings
from ranker.profile import find_profile, load_profile
from ranker.types import Candidate, JudgeOutcome, Judgment, Texts, Unscored, Usage
from tests.judging.fakes import ScriptedGenerator, candidate, judge_of, one_label


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
    lines = moved(now, record.expected("tiny"), 0.25, "en")
    assert len(lines) == 2
    assert "'b' moved from 2.00 to 2.50" in lines[0] and "'c' could not be scored" in lines[1]


def test_anchors_are_read_from_lines(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    path.write_text('{"name": "a", "field": "f", "title": "t", "abstract": "x"}\n\n', encoding="utf-8")
    assert load_anchors(path) == (Anchor("a", "f", "t", "x"),)
    made = load_anchors(path)[0].candidate()
    assert made.paper.arxiv_id == "anchor/a" and made.route.field == "f"
    path.write_text('{"name": "a"}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="field") as caught:
        load_anchors(path)
    assert caught.value.where == f"{path}:1"


def watched(generator: ScriptedGenerator, watch: Watch, settings: JudgeSettings | None = None) -> tuple[str, ...]:
    judge = judge_of(generator, settings, watch=watch)
    both = [candidate(1, margin=0.9), candidate(2, field="安全", margin=0.9)]
    assert len(list(judge.judge(both))) == 2
    return judge.check(both)


def test_every_run_scores_the_anchors_and_a_new_prompt_starts_anew(tmp_path: Path) -> None:
    anchors = (Anchor("cache", "缓存", "A cache", "It evicts."), Anchor("safety", "安全", "A jailbreak", "It breaks."))
    watch = Watch(anchors, AnchorRecord(tmp_path / "anchors.json"), 0.25, "en")
    assert watched(ScriptedGenerator(), watch) == ()
    assert watched(ScriptedGenerator(), watch) == ()
    drifted = ScriptedGenerator(lambda p: one_label(7 if "A cache" in p.body else 5))
    (line,) = watched(drifted, watch)
    assert line == "anchor 'cache' moved from 6.00 to 8.00 (tolerance 0.25): model or engine may differ"
    assert watched(drifted, watch, JudgeSettings(template="en-field")) == ()
    reworded = dataclasses.replace(anchors[0], abstract="It evicts tokens.")
    assert watched(drifted, dataclasses.replace(watch, anchors=(reworded, anchors[1]))) == ()


@pytest.mark.parametrize("content", [b"[]", b'{"tiny": 5}', b'{"tiny": {"a": null}}', b"\xff"])
def test_a_record_that_is_none_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "anchors.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="no record of anchors") as caught:
        AnchorRecord(path).expected("tiny")
    assert caught.value.where == str(path)


def test_a_record_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(RankerError, match="can't be written"):
        AnchorRecord(tmp_path / "absent" / "anchors.json").keep("tiny", [judgment(5.0)])


def test_only_the_fields_that_were_asked_about_have_their_anchors_scored(tmp_path: Path) -> None:
    anchors = (Anchor("cache", "缓存", "A cache", "It evicts."), Anchor("safety", "安全", "A jailbreak", "It breaks."))
    generator = ScriptedGenerator()
    judge = judge_of(generator, watch=Watch(anchors, AnchorRecord(tmp_path / "a.json"), 0.25))
    assert judge.check([]) == () and generator.asked == []
    judge.check([candidate(1, margin=0.9)])
    assert ["A cache" in p.body for p in generator.asked] == [True]
    assert judge.usage_by_pass["anchors"] == generator.usage and judge.usage_by_pass["score"].prompt == 0


def test_the_packaged_anchors_are_two_for_every_field_of_the_default_profile() -> None:
    profile = load_profile(find_profile("default"))
    anchors = load_anchors(resources.config_dir() / "anchors.jsonl")
    assert [a.field for a in anchors] == [name for name in profile.field_names for _ in range(2)]
    assert len({a.name for a in anchors}) == len(anchors)
    assert all(find_spans(a.abstract) == () for a in anchors)


def test_the_spread_follows_the_map_and_the_blend() -> None:
    found = Calibration((4.0, 6.0), (3.0, 7.0), "tiny", 10)  # twice as steep between them
    told = dataclasses.replace(judgment(5.0), spread=0.5)
    assert adjust(told, found).spread == pytest.approx(1.0)
    assert adjust(told, found, 0.25, 9.0).spread == pytest.approx(0.75)
    assert adjust(dataclasses.replace(told, spread=None), found).spread is None


class BuiltIn:
    """A built-in judge that gives every paper 9."""

    name, uses_language_model, usage = "heads:test", False, Usage()
    hashes: Mapping[str, str] = {"heads": "h"}

    def key(self, candidate: Candidate) -> str:
        return "key"

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        return iter([Judgment(c.paper.arxiv_id, "缓存", 9.0, "", "heads") for c in candidates])

    def text_key(self, candidate: Candidate) -> str | None:
        return None

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        return iter(())

    def close(self) -> None:
        """Nothing is held."""


def test_what_is_done_after_the_store_is_named_and_leaves_failures_alone() -> None:
    after = After(Calibration((4.0,), (6.0,), "tiny", 10), 0.25, BuiltIn(), "made")
    assert after.describe() == " + calibrated, 25% heads:test"
    assert after.hashes() == {"calibration": "made", "blend": "0.25", "blend.heads": "h"}
    failed = Unscored("2601.00002", "error", "no answer", "tiny")
    raw: dict[str, JudgeOutcome] = {
        "2601.00001v1": Judgment("2601.00001", "缓存", 4.0, "", "tiny"),
        "2601.00002v1": failed,
    }
    found = after.adjust([candidate(1), candidate(2)], raw)
    first = found["2601.00001v1"]
    assert isinstance(first, Judgment) and first.relevance == pytest.approx(0.75 * 6 + 0.25 * 9)
    assert found["2601.00002v1"] is failed and raw["2601.00001v1"].relevance == 4.0  # type: ignore[union-attr]
    assert After().describe() == "" and After().hashes() == {} and After(blend=0.5).describe() == ""


def test_a_calibration_of_another_judge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    Calibration((4.0,), (6.0,), "tiny@1 zh-field.1", 10).save(path)
    assert load_calibration(path, "tiny@1 zh-field.1")[0].papers == 10
    with pytest.raises(ConfigError, match=r"fitted for tiny@1 zh-field\.1, and this judge is tiny@1 en-field\.1"):
        load_calibration(path, "tiny@1 en-field.1")


@dataclasses.dataclass
class Read:
    arxiv_id: str
    recommended: bool = False
    score: float | None = None


def test_a_sample_is_the_same_for_a_seed_and_holds_each_paper_once() -> None:
    papers = [Read(f"{n:03}") for n in range(100)]
    drawn = draw([*papers, *papers], 20, 3)
    assert drawn == draw(papers[::-1], 20, 3) != draw(papers, 20, 4)
    assert len({p.arxiv_id for p in drawn}) == 20 and draw(papers, 500, 0) == papers


def test_of_differing_rows_of_one_id_the_same_one_is_drawn_in_any_order() -> None:
    rows = [Read("1", True, 7.0), Read("1"), Read("1", True, 8.0), Read("1", True), Read("2", False, 3.0), Read("2")]
    for order in itertools.permutations(rows):
        assert draw(order, 9, 0) == [Read("1", True, 8.0), Read("2", False, 3.0)]


def test_a_fit_takes_the_readers_score_and_what_stands_for_none() -> None:
    papers = [Read(f"{n:03}", n >= 10, 7.0 if n >= 15 else None) for n in range(20)]
    assert [target(p) for p in (papers[0], papers[10], papers[15])] == [2.0, 8.0, 7.0]
    outcomes: dict[str, JudgeOutcome] = {p.arxiv_id: judgment(1.5 + int(p.arxiv_id) / 4) for p in papers[:19]}
    outcomes["018"] = Unscored("018", "error", "x", "tiny")
    made, used = fit_judged(papers, outcomes, "tiny")
    assert (made.judge, made.papers, used) == ("tiny", 18, 18)
    assert made(2.5) == pytest.approx(2.0, abs=0.01)
    assert made(4.5) == pytest.approx((5 * 8 + 3 * 7) / 8)  # the last two groups are pooled, from their first on
