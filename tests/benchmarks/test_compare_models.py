"""The whole bench on a tiny invented set: subprocesses, the cache, a row that fails, files that hold no paper."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.compare.fitted import Blend, cold_rows, fit_routes, kept_papers
from benchmarks.compare.judged import read_judged
from benchmarks.compare.ours import encode
from benchmarks.compare.run import kept
from benchmarks.compare_models import main
from ranker.backends.encoders import choose_encoder
from ranker.config import EncoderSettings
from ranker.learn import learn
from ranker.profile import find_profile, load_profile
from ranker.text import document_text
from tests.benchmarks.invented_judged import MARK, write


def test_a_comparison_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "judged")
    rows = "description centroids,tf-idf svm,likes less dislikes"
    asked = ["--data", str(tmp_path / "judged"), "--test-from", "2026-02-05", "--rows", rows, "--curve", "1,2"]
    asked += ["--draws", "2", "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--quiet"]
    asked += ["--encoder", "embedded", "--encoder", str(tmp_path / "absent"), "--timed-papers", "8"]
    assert main(asked) == 0
    shown = capsys.readouterr()
    found = json.loads((tmp_path / "out" / "compare_models.json").read_text(encoding="utf-8"))
    by_name = {r["name"]: r for r in found["rows"]}
    assert set(by_name) == {
        "description centroids", "tf-idf svm", "likes less dislikes",
        "description centroids · absent", "likes less dislikes · absent",
    }  # fmt: skip
    assert "absent" in shown.out and by_name["description centroids · absent"]["failed"]
    assert by_name["tf-idf svm"]["figures"]["ap"]["mean"] == pytest.approx(1.0)
    likes = by_name["likes less dislikes"]
    assert likes["figures"]["ap"]["mean"] > 0.9 and [p["days"] for p in likes["curve"]] == [1, 2]
    assert likes["order"] == 0.0 and likes["cost"]["papers_s"] > 0 and likes["cost"]["host_mib"] > 50
    assert by_name["tf-idf svm"]["against"]["ap"]["mean"] >= 0.0
    assert found["split"]["test_papers"] == 40 and found["split"]["fit_papers"] == 80
    html = (tmp_path / "out" / "compare_models.html").read_text(encoding="utf-8")
    for text in (json.dumps(found), html):
        assert MARK not in text and "2602.0" not in text and str(tmp_path) not in text
    assert main(["--render", "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert (tmp_path / "out" / "compare_models.html").read_text(encoding="utf-8") == html
    assert main(["--render", "--out", str(tmp_path / "nowhere"), "--quiet"]) == 4
    # a second run goes on from what is kept; a changed source file would be run again
    folders = [p for p in (tmp_path / "cache").iterdir() if p.is_dir() and kept(p)]
    before = {p: (p / "result.json").stat().st_mtime_ns for p in folders}
    assert len(before) == 3 and main(asked) == 0
    assert {p: (p / "result.json").stat().st_mtime_ns for p in folders} == before
    result = folders[0] / "result.json"
    result.write_text(
        result.read_text("utf-8").replace('"benchmarks/compare/worker.py": "', '"benchmarks/compare/worker.py": "0')
    )
    assert kept(folders[0]) is None


def test_without_data_the_error_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--quiet", "--cache", str(tmp_path / "c")]) == 4
    assert "no judged days" in capsys.readouterr().err
    write(tmp_path / "judged")
    assert main(["--data", str(tmp_path / "judged"), "--rows", "nothing", "--quiet"]) == 4
    assert "no such row" in capsys.readouterr().err


def test_heads_that_saw_a_test_day_are_refused_and_refitted(tmp_path: Path) -> None:
    profile = load_profile(find_profile("default"))
    encoder = choose_encoder(EncoderSettings())
    papers = read_judged(write(tmp_path / "judged", days=4, papers=24), profile.field_names)
    vectors = encode(encoder, [document_text(p.paper.title, p.paper.abstract) for p in papers])
    early = [i for i, p in enumerate(papers) if p.day < "2026-02-04"]
    kept, rows = kept_papers(papers)
    cold = cold_rows(fit_routes(profile, encoder).routes([p.paper for p in papers], vectors))
    heads = learn(
        kept, vectors[rows], cold[rows], profile="default", fields=profile.field_names,
        encoder_sha256=encoder.info.sha256,
    ).heads  # fmt: skip
    heads.save(tmp_path / "heads")
    seen = Blend(profile, encoder, tmp_path / "heads", "2026-02-04")
    assert "heads refused: fitted on 1 days from 2026-02-04 on; refitted" in seen.notes["note"]
    seen.fit([papers[i] for i in early], vectors[early])
    assert seen.judge.heads is not None and "2026-02-04" not in seen.judge.heads.meta.days
    clean = Blend(profile, encoder, tmp_path / "heads", "2026-02-05")
    assert not clean.notes
    clean.fit([papers[i] for i in early], vectors[early])
    assert clean.judge.heads is not None and clean.judge.heads.sha256 == heads.sha256
