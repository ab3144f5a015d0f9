"""The regression check: ratios by hand, a fall is found, what was never measured can't fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import short


def test_a_fall_beyond_the_tolerance_is_a_regression(capsys: pytest.CaptureFixture[str]) -> None:
    check = short.CHECKS[0]
    then = {"fell": 4.0, "held": 4.0}
    # With a tolerance of a quarter 4.0 may fall to 3.0, not below
    assert short.compare(check, {"fell": 2.99, "held": 3.0, "new": 0.1}, then, 0.25) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [("WORSE" in line, "nothing committed" in line) for line in lines] == [
        (True, False),
        (False, False),
        (False, True),
    ]


def test_ratios_are_read_from_the_benchmarks_own_rows() -> None:
    assert short.encoder({"rows": [{"name": "encode()", "times_encode": 1}, {"name": "x", "times_encode": 2.5}]}) == {
        "x": 2.5
    }
    rates = {"ours": 6.0, "json": 2.0, "labels": 9.0, "alone": 4.5, "bare": 10.0, "one_generate": 1.5, "no_reuse": 4.0}
    assert short.llm_loop({"papers_per_second": {k: {"median": v} for k, v in rates.items()}}) == {
        "ours/json": 3.0,
        "ours/one_generate": 4.0,
        "ours/no_reuse": 1.5,
        "labels/alone": 2.0,
        "labels/bare": 0.9,
    }
    found = {"recall_at_10": 0.99, "exact_scan_ms": 12.0, "query_ms": {"median": 1.5}}
    assert short.history({"30000": found}) == short.history(found) == {"recall_at_10": 0.99, "scan/query": 8.0}
    row = {
        "day": "sample_day.jsonl",
        "default": {"cold_s": {"median": 4.0}},
        "sentence-transformers": {"cold_s": {"median": 10.0}},
    }
    assert short.day({"days": [{"day": "other"}, row]}) == {"plain/ours": 2.5}
    size = {
        "rank": {"seconds": 4.0, "counts": {"read": 100, "recommended": 25, "unrouted": 74, "failed": 0}},
        "prefilter": {"kept": 38},
    }
    corpus = {"sizes": {"1000": {}, "100": size}, "prefilter_share": 0.4, "encoder_papers_per_second": 5.0}
    assert short.scale(corpus) == {"accounted": 0.99, "kept/wanted": 0.95, "embed/rank at 100": 5.0}
    recall = {"static, a day": [0.2, 0.6], "encoder, a day": [0.3, 0.8]}
    assert short.prefilter({"shares": [0.1, 0.4], "recall": recall}) == pytest.approx(
        {"recall at 0.4": 0.6, "static/encoder": 0.75}
    )
    seconds = {"new alone": {"sum": 9.0}, "known and new": {"sum": 10.0}}
    assert short.incremental({"seconds": seconds}) == {"alone/among known": 0.9}


def test_a_check_without_what_it_needs_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check = short.Check("prefilter", (), short.prefilter, needs=tmp_path / "judged")
    monkeypatch.setattr(short, "CHECKS", (check,))
    assert short.main([]) == 0
    assert "left out: judged is not there" in capsys.readouterr().out


def test_nothing_committed_is_no_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short, "RESULTS", tmp_path)
    assert short.committed(short.CHECKS[0]) == {}
    (tmp_path / "encoder.json").write_text(json.dumps({"rows": [{"name": "x", "times_encode": 3}]}))
    assert short.committed(short.CHECKS[0]) == {"x": 3}


@pytest.mark.parametrize("check", short.CHECKS, ids=lambda c: c.name)
def test_what_is_committed_can_be_compared(check: short.Check) -> None:
    if not (short.RESULTS / f"{check.name}.json").is_file():
        pytest.skip(f"benchmarks/results/{check.name}.json is not there")
    found = short.committed(check)
    assert found and all(value > 0 for value in found.values())
