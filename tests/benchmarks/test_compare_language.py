"""A language model on the bench: subsamples, what is asked, timed and counted. The judge is a double that remembers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.compare import language
from benchmarks.compare.judged import read_judged, split
from benchmarks.compare.ours import encode
from benchmarks.compare.spec import Spec
from ranker.backends.encoders import choose_encoder
from ranker.config import EncoderSettings
from ranker.errors import BackendError
from ranker.profile import Routing, find_profile, load_profile
from ranker.text import document_text
from ranker.types import Candidate, JudgeOutcome, Judgment, Texts, Unscored, Usage
from tests.benchmarks.invented_judged import write


class Double:
    """Likes papers whose abstract speaks of caches or bounds; fails on every ninth; writes one bad reason."""

    name, uses_language_model = "double", True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.usage = Usage()

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        for c in candidates:
            self.asked.append(c.paper.arxiv_id)
            self.usage += Usage(prompt=100, generated=1)
            if int(c.paper.arxiv_id[-5:]) % 9 == 0:
                yield Unscored(c.paper.arxiv_id, "mass", "too little", self.name)
            else:
                worth = 9.0 if c.route.similarity > 0.2 else 2.0 + c.route.similarity
                yield Judgment(c.paper.arxiv_id, c.route.field or "", worth, "", self.name)

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        for i, c in enumerate(candidates):
            yield Texts(c.paper.arxiv_id, self.name, reason="有用", failed=("length",) if i == 0 else ())


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Double:
    made = Double()
    monkeypatch.setattr(language, "choose_judge", lambda *_: made)
    return made


def test_a_subsample_takes_every_day_in_proportion_and_is_the_same_again() -> None:
    days = ["a"] * 60 + ["b"] * 30
    ids = [f"{i:03d}" for i in range(90)]
    asked = language.subsample(days, ids, 30)
    assert asked[:60].sum() == 20 and asked[60:].sum() == 10
    assert (asked == language.subsample(days, ids, 30)).all()
    assert language.subsample(days, ids, 0).all() and language.subsample(days, ids, 900).all()
    backwards = language.subsample(days[::-1], ids[::-1], 30)[::-1]
    assert (asked == backwards).all()  # the order of the papers plays no part


def setting(tmp_path: Path, papers: int) -> tuple[Spec, Any, Any, Any, Any]:
    profile, encoder = load_profile(find_profile("default")), choose_encoder(EncoderSettings())
    profile = dataclasses.replace(profile, routing=Routing(min_similarity=-1.0))  # all are routed, gardening too
    parts = split(read_judged(write(tmp_path, days=5, papers=24), profile.field_names), "2026-02-05")
    spec = Spec("language model", "", "", "2026-02-05", lm="transformers=x", lm_papers=papers, lm_reasons=3)
    vectors = [
        encode(encoder, [document_text(p.paper.title, p.paper.abstract) for p in s]) for s in (parts.fit, parts.test)
    ]
    return spec, profile, encoder, parts, vectors


def test_only_the_subsample_is_read_and_failures_are_counted(tmp_path: Path, double: Double) -> None:
    spec, profile, encoder, parts, (_, vectors) = setting(tmp_path, 12)
    model = language.LanguageModel(spec, profile, encoder)
    said = model.score([p.paper for p in parts.test], vectors)
    assert said.asked.sum() == 12 and np.isnan(said.score[~said.asked]).all()
    asked = {parts.test[i].paper.arxiv_id for i in np.flatnonzero(said.asked)}
    assert set(double.asked) == asked
    failed = {parts.test[i].paper.arxiv_id for i in np.flatnonzero(said.failed)}
    assert failed == {i for i in double.asked if int(i[-5:]) % 9 == 0}
    assert model.notes["reasons"] == {"written": 3, "passed": 2} and model.notes["model"] == "double"
    assert model.first_s > 0 and model.tokens_s is not None and model.order is not None


def test_blended_it_keeps_the_papers_that_it_failed_on(tmp_path: Path, double: Double) -> None:
    spec, profile, encoder, parts, (fit_vectors, vectors) = setting(tmp_path, 0)
    model = language.BlendedModel(spec, profile, encoder)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(language, "_RECENT_DAYS", 2)
    model.fit(parts.fit, fit_vectors)
    monkey.undo()
    said = model.score([p.paper for p in parts.test], vectors)
    routed = ~np.isnan(said.chance)
    assert said.failed.any() and routed[said.failed].all()
    assert "weights of heads' log odds" in model.notes["note"]


def test_a_judge_without_a_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Double()
    made.uses_language_model = False
    monkeypatch.setattr(language, "choose_judge", lambda *_: made)
    profile, encoder = load_profile(find_profile("default")), choose_encoder(EncoderSettings())
    with pytest.raises(BackendError, match="no language-model judge"):
        language.LanguageModel(Spec("language model", "", "", "", lm="heads=x"), profile, encoder)
