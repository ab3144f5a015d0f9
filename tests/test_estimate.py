"""``--dry-run`` counts what a run would do, from stores that it only reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from ranker.backends.faiss import inner_products
from ranker.backends.heads import HeadsJudge
from ranker.estimate import plan
from ranker.pipeline import Request, rank
from ranker.profile import Routing, Topic, Veto
from ranker.store import Store
from ranker.types import Candidate, Rejected, Stage
from tests.make import paper, profile
from tests.test_pipeline import NOW, HashEncoder, Scripted

PROFILE = profile(veto=Veto(("survey",)))
ENCODER = HashEncoder()
HEADS = HeadsJudge(PROFILE, ENCODER.info)


def request(first: int, last: int) -> Request:
    papers = tuple(paper(n) for n in range(first, last + 1))
    return Request(papers, len(papers), NOW, use_history=False)


def test_without_a_store_everything_is_missing() -> None:
    papers = (paper(1), paper(1, version=2), paper(2, title="A survey"), paper(3), paper(4, title="Title 3"))
    asked = Request(papers, 6, NOW, rejected=(Rejected("f", 2, "no id"),))
    found = plan(asked, PROFILE, encoder=ENCODER, search=inner_products, judge=HEADS, store=None)
    assert (found.read, found.rejected, found.duplicates, found.vetoed) == (6, 1, 1, 1)
    # Two versions of paper 1 have one text.
    assert (found.embed, found.embed_known, found.judge_at_most, found.judge_known) == (4, 0, 3, 0)
    assert found.seconds == pytest.approx(4 / 50 + 3 / 2000) and found.tokens is None
    assert found.lines()[-1] == "about 0 s (a rough guess: no earlier run to go by); nothing was written"


def ranked(path: Path, papers: Request, judge: HeadsJudge | Scripted) -> None:
    with Store(path) as store:
        run = rank(papers, PROFILE, encoder=ENCODER, search=inner_products, judge=judge, store=store)
        stages = (Stage("embed", 10.0, 20), Stage("judge", 60.0, 20))  # 0.5 s a text, 3 s a paper
        store.put_run(dataclasses.replace(run, stages=stages), {})


def test_only_what_is_missing_costs_time_and_the_store_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ranker.db"
    ranked(path, request(1, 20), HEADS)
    before = path.read_bytes()
    with Store(path, read_only=True) as store:
        found = plan(request(11, 24), PROFILE, encoder=ENCODER, search=inner_products, judge=HEADS, store=store)
        other = plan(request(11, 24), PROFILE, encoder=OtherEncoder(), search=inner_products, judge=HEADS, store=store)
    assert (found.embed, found.embed_known, found.judge_at_most, found.judge_known) == (4, 10, 4, 10)
    assert found.seconds == pytest.approx(4 * 0.5 + 4 * 3.0)
    assert found.basis == "as fast as on 2026-01-13"
    assert (other.embed, other.embed_known) == (14, 0)
    assert path.read_bytes() == before


def test_what_has_a_vector_is_routed_and_unrouted_papers_are_not_to_be_judged(tmp_path: Path) -> None:
    far = profile(routing=Routing(min_similarity=0.8))
    papers = request(1, 20)
    with Store(tmp_path / "s.db") as store:
        judge = HeadsJudge(far, ENCODER.info)
        run = rank(papers, far, encoder=ENCODER, search=inner_products, judge=judge, store=store)
        left = run.counts["unrouted"]
        assert 0 < left < 20
        found = plan(papers, far, encoder=ENCODER, search=inner_products, judge=judge, store=store)
        assert (found.judge_at_most, found.judge_known, found.unrouted, found.sure) == (0, 20 - left, left, True)
        assert found.lines()[2] == f"judge 0 papers with heads:cold ({20 - left} are in the store, {left} unrouted)"
        more = plan(request(1, 24), far, encoder=ENCODER, search=inner_products, judge=judge, store=store)
        assert (more.judge_at_most, more.unrouted, more.sure) == (4, left, False)
        # Another text of a field: its vector is not there, so nothing can be routed before it is
        other = profile(routing=Routing(min_similarity=0.8), unwanted=(Topic("U", "poems of the Tang"),))
        found = plan(papers, other, encoder=ENCODER, search=inner_products, judge=judge, store=store)
        assert (found.judge_at_most + found.judge_known, found.unrouted, found.sure) == (20, 0, False)


class OtherEncoder(HashEncoder):
    info = dataclasses.replace(HashEncoder.info, key="another key")


class Model(Scripted):
    """Its keys need the route, as a language model's do."""

    name = "model"

    def key(self, candidate: Candidate) -> str:
        return f"key of {dict.fromkeys(PROFILE.field_names, 'a head')[candidate.route.field or '']}"

    def estimate_tokens(self, candidates: Sequence[Candidate]) -> int:
        return 1000 * len(candidates)


def test_a_language_models_tokens_are_told_and_its_time_is_never_guessed(tmp_path: Path) -> None:
    path, model = tmp_path / "ranker.db", Model({})
    asked = request(1, 24)
    found = plan(asked, PROFILE, encoder=ENCODER, search=inner_products, judge=model, store=None)
    assert (found.seconds, found.tokens) == (None, 24_000)
    told = "time unknown, about 24,000 tokens (no earlier run used this model); nothing was written"
    assert found.lines()[-1] == told
    ranked(path, request(1, 20), model)
    with Store(path, read_only=True) as store:
        found = plan(asked, PROFILE, encoder=ENCODER, search=inner_products, judge=model, store=store)
        plain = plan(asked, PROFILE, encoder=ENCODER, search=inner_products, judge=Scripted({}), store=store)
    assert (found.judge_at_most, found.judge_known, found.tokens) == (4, 20, 4_000)
    assert found.seconds == pytest.approx(4 * 0.5 + 4 * 3.0)
    assert plain.tokens is None  # a judge that can't tell


def test_calibration_and_blending_do_not_hide_that_a_run_used_the_model(tmp_path: Path) -> None:
    class Adjusted(Model):
        name = "model + calibrated, 30% heads:1234"

    path, model = tmp_path / "ranker.db", Model({})
    ranked(path, request(1, 20), Adjusted({}))
    with Store(path, read_only=True) as store:
        found = plan(request(1, 24), PROFILE, encoder=ENCODER, search=inner_products, judge=model, store=store)
        assert found.basis == "as fast as on 2026-01-13"
    with Store(path) as store:
        run = store.run(PROFILE.name)
        assert run is not None
        store.put_run(dataclasses.replace(run, stages=(Stage("judge", 9.0, 3),)), {})
        found = plan(request(1, 24), PROFILE, encoder=ENCODER, search=inner_products, judge=model, store=store)
        assert found.basis == "no earlier run asked this model about 20 papers"
