"""The bench's parts: the split, the figures by hand, the rules on vectors in the plane, the page."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.compare import page, report, svg
from benchmarks.compare.figures import Truth, confusion, differences, per_day, summary
from benchmarks.compare.judged import JudgedPaper, read_judged, split
from benchmarks.compare.rules import LearnedCentroids, LibraryCosine, LikesLessDislikes, TfidfSvm
from benchmarks.compare.spec import Scored, Spec
from ranker.errors import InputError
from tests.benchmarks.invented_judged import FIELDS, write
from tests.make import paper


def judged(number: int, day: str, field: str | None = None, score: float | None = None) -> JudgedPaper:
    return JudgedPaper(paper(number), day, field is not None, field, score)


def test_days_are_read_plain_or_compressed(tmp_path: Path) -> None:
    packed = read_judged(write(tmp_path / "a"), FIELDS)
    assert packed == read_judged(write(tmp_path / "b", compress=False), FIELDS)
    assert len(packed) == 120 and sum(p.picked for p in packed) == 30
    assert packed[0].field == FIELDS[0] and packed[0].score in (6, 7, 8, 9) and packed[-1].field is None
    # a field that the profile does not know is no field, but still a pick
    assert (
        read_judged(tmp_path / "a", FIELDS[1:])[0].picked and read_judged(tmp_path / "a", FIELDS[1:])[0].field is None
    )


def test_no_days_and_broken_lines_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no judged days"):
        read_judged(tmp_path / "absent", FIELDS)
    (tmp_path / "2026-02-01.jsonl").write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"2026-02-01\.jsonl:1"):
        read_judged(tmp_path, FIELDS)


def test_fit_papers_that_stand_in_the_test_days_are_dropped() -> None:
    papers = [
        judged(1, "2026-01-01", "A"),
        judged(2, "2026-01-01"),
        judged(2, "2026-01-02"),
        judged(3, "2026-01-02", "A"),
    ]
    parts = split(papers, "2026-01-02")
    assert [p.paper.arxiv_id for p in parts.fit] == ["2601.00001"] and parts.dropped == 1
    assert parts.fit_days == ("2026-01-01",) and parts.test_days == ("2026-01-02",)
    with pytest.raises(InputError, match="no picks to fit on"):
        split(papers, "2026-01-01")


def truth_of() -> Truth:
    papers = [
        judged(1, "d1", "A", 8), judged(2, "d1"), judged(3, "d1", "B", 9), judged(4, "d1"),
        judged(5, "d2", "A", 7), judged(6, "d2"),
    ]  # fmt: skip
    return Truth.of(papers, ("A", "B"))


def test_figures_by_hand() -> None:
    said = Scored.of([4.0, 3.0, 2.0, 1.0, 1.0, 2.0], field=[0, 0, 0, 0, 0, 0], chance=[0.9, 0.5, 0.5, 0.1, 0.5, 0.5])
    found = per_day(truth_of(), said)
    assert found["ap"] == pytest.approx([(1 + 2 / 3) / 2, 0.5])
    assert found["r_precision"] == pytest.approx([0.5, 0.0])
    assert found["recall60"] == pytest.approx([1.0, 1.0])  # 3 of 4 papers, 2 of 2
    assert found["ndcg10"][0] == pytest.approx((8 + 9 / 2) / (9 + 8 / math.log2(3)))
    assert found["field"] == pytest.approx([0.5, 1.0])
    assert found["spearman"][0] == pytest.approx(-1.0) and math.isnan(found["spearman"][1])
    assert confusion(truth_of(), said) == [[2, 0], [1, 0]]
    whole = summary(truth_of(), said)
    assert whole["ap"]["mean"] == pytest.approx((5 / 6 + 0.5) / 2, abs=1e-5)
    assert whole["failed"] == 0.0 and whole["papers"] == 6 and len(whole["calibration"]) == 6


def test_unscored_picks_rank_last_and_a_subsample_is_measured_alone() -> None:
    nan = float("nan")
    said = Scored.of([nan, 3.0, 2.0, 1.0, 1.0, 2.0], similarity=[0.9, 0, 0, 0, 0, 0])
    assert per_day(truth_of(), said)["ap"][0] == pytest.approx((1 / 2 + 2 / 4) / 2)
    part = Scored.of([1.0] * 6, asked=[False, True, True, False, False, False], similarity=[0, 0, 1, 0, 0, 0])
    found = per_day(truth_of(), part)
    assert found["ap"][0] == pytest.approx(1.0) and math.isnan(found["ap"][1])
    other = Scored.of([4.0, 3.0, 2.0, 1.0, 1.0, 2.0])
    assert differences(truth_of(), part, other)["ap"]["mean"] == pytest.approx(1.0 - 0.5)


def plane(*degrees: float) -> Any:
    return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], dtype=np.float32)


def test_the_rules_on_the_plane() -> None:
    papers = [judged(1, "d1", "A"), judged(2, "d2", "B"), judged(3, "d2")]
    vectors = plane(0, 90, 180)
    library = LibraryCosine()
    library.fit(papers, vectors)
    # newest first: weights 1 and 1 / (1 + log10 2), normalised
    new = 1 / (1 + 1 / (1 + math.log10(2)))
    assert library.score([], plane(90, 0)).score == pytest.approx([new, 1 - new], abs=1e-6)
    likes = LikesLessDislikes()
    likes.fit(papers, vectors)
    assert likes.score([], plane(45)).score == pytest.approx([1.0 + math.cos(math.radians(45))], abs=1e-6)
    learned = LearnedCentroids(("A", "B"))
    learned.fit(papers, vectors)
    found = learned.score([], plane(10, 80))
    assert found.field.tolist() == [0, 1] and found.score == pytest.approx([math.cos(math.radians(10))] * 2, abs=1e-6)


def test_the_word_rule_learns_from_words(tmp_path: Path) -> None:
    parts = split(read_judged(write(tmp_path), FIELDS), "2026-02-05")
    rule = TfidfSvm()
    rule.fit(parts.fit, np.zeros((len(parts.fit), 0), dtype=np.float32))
    said = rule.score([p.paper for p in parts.test], np.zeros((len(parts.test), 0), dtype=np.float32))
    assert per_day(Truth.of(parts.test, FIELDS), said)["ap"] == pytest.approx([1.0, 1.0])


def test_a_spec_survives_its_file_and_names_its_row(tmp_path: Path) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text("x", encoding="utf-8")
    spec = Spec("cold", "data", str(profile), "2026-01-01", encoder="/models/e5", curve=(1, 3))
    assert Spec.load(spec.dump()) == spec and spec.name == "cold · e5"
    before = spec.key("a")
    assert before != spec.key("b")
    profile.write_text("y", encoding="utf-8")
    assert spec.key("a") != before


def test_table_and_page_show_failures_and_hostile_names() -> None:
    said = Scored.of([4.0, 3.0, 2.0, 1.0, 1.0, 2.0], field=[0] * 6, chance=[0.9, 0.5, 0.5, 0.1, 0.5, 0.5])
    spec = Spec("cold", "", "", "2026-01-01")
    bad = Spec("cold", "", "", "2026-01-01", encoder="/x/<script src=x>")
    cost = {"start_s": 1.0, "first_s": 1.1, "papers_s": 20.0, "fit_s": 0.0, "host_mib": 300.0, "gpu_mib": None}
    outcome = {"cost": cost, "order": 0.0, "split": {"fit_days": ["d0"], "fit_papers": 9, "dropped": 0},
               "curve": [{"days": 1, "draws": 2, "ap": 0.5, "low": 0.4, "high": 0.6}]}  # fmt: skip
    rows: list[Any] = [(spec, outcome, said), (bad, {"failed": "no model in /home/x/models <b>"}, None)]
    found = report.results(truth_of(), rows, baseline="cold", fields=("A", "B"), data={"files": 2})
    assert "/home" not in json.dumps(found) and found["rows"][1]["failed"] == "no model in ... <b>"
    assert report.table(found).row_count == 2
    short = report.markdown(found).splitlines()
    assert len(short) == 4 and all(line.count("|") == 11 for line in short)
    drawn = ElementTree.fromstring(svg.alone(svg.scatter(found["rows"][:1])))
    assert drawn.tag.endswith("svg")
    html = page.page(found)
    assert "<script" not in html and "&lt;script src=x&gt;" in html and "failed: no model in ..." in html
    assert html.count("<svg") == 4  # scatter, calibration, curve, one confusion matrix
    assert "http" not in html.replace("http-equiv", "")
