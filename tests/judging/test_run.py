"""The language-model judge in whole runs: what is stored stays as the model said it, and costs nothing again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ranker.backends.faiss import inner_products
from ranker.backends.heads import HeadsJudge
from ranker.digest.jsonl import report
from ranker.digest.recommendation import render
from ranker.errors import BackendError
from ranker.estimate import plan
from ranker.judging.after import After
from ranker.judging.anchors import Anchor, AnchorRecord, Watch
from ranker.judging.calibration import Calibration
from ranker.judging.settings import JudgeSettings
from ranker.pipeline import Request, rank
from ranker.protocols import Judge, ModelJudge, Prompt
from ranker.store import Store
from ranker.types import Run
from tests.judging.fakes import ScriptedGenerator, judge_of, one_label
from tests.make import paper, profile
from tests.test_pipeline import NOW, HashEncoder

PROFILE, ENCODER = profile(), HashEncoder()
PAPERS = tuple(paper(n) for n in range(1, 9))
REQUEST = Request(PAPERS, len(PAPERS), NOW, use_history=False)


class Starting(ScriptedGenerator):
    """Tells when it was started."""

    starts = 0

    def start(self) -> None:
        self.starts += 1


def by_number(prompt: Prompt) -> tuple[float, ...]:
    """Paper n is given label n."""
    return one_label(next(n for n in range(1, 9) if f"Title {n}\n" in prompt.body))


def judge(generator: ScriptedGenerator, settings: JudgeSettings | None = None, **more: Any) -> Judge:
    return judge_of(generator, settings, profile=PROFILE, **more)


def ranked(store: Store, by: Judge) -> Run:
    return rank(REQUEST, PROFILE, encoder=ENCODER, search=inner_products, judge=by, store=store)


def scores(run: Run) -> dict[str, float | None]:
    return {r.paper.arxiv_id[-1]: r.score for r in run.rankings}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        yield opened


def test_the_judge_is_what_the_pipeline_takes_for_a_model() -> None:
    assert isinstance(judge(ScriptedGenerator()), ModelJudge)
    assert not isinstance(HeadsJudge(PROFILE, ENCODER.info), ModelJudge)


def test_calibration_and_blend_come_after_the_store(store: Store) -> None:
    generator = Starting(by_number)
    plain = scores(ranked(store, judge(generator)))
    assert plain == {str(n): n + 1.0 for n in range(1, 9)}
    asked, built_in = len(generator.asked), HeadsJudge(PROFILE, ENCODER.info)
    after = After(Calibration((4.0,), (6.0,), "tiny", 10), 0.5, built_in, "hash of the map")
    run = ranked(store, judge(generator, after=after))
    assert len(generator.asked) == asked  # nothing is judged again for another map or weight
    alone = scores(ranked(store, built_in))
    three, own = scores(run)["3"], alone["3"]  # label 3 is relevance 4, which the map makes 6
    assert three is not None and own is not None and three == pytest.approx((6.0 + own) / 2)
    assert run.judge_line == "tiny (scripted) + calibrated, 50% heads:cold"
    assert run.hashes["calibration"] == "hash of the map" and run.hashes["blend"] == "0.5"
    assert scores(ranked(store, judge(generator))) == plain


def test_the_better_of_two_fields_wins_in_the_ranking_and_in_the_words(store: Store) -> None:
    generator = ScriptedGenerator(lambda p: one_label(8 if "convergence of gradient descent" in p.head else 3))
    run = ranked(store, judge(generator, JudgeSettings(second_field_margin=2.0)))
    assert len(generator.asked) == 2 * len(PAPERS)
    assert {(r.field, r.second_field, r.score) for r in run.rankings} == {("B", "A", 9.0)}
    chosen = [r for r in run.rankings if r.outcome == "recommended"]
    assert chosen and all(r.reason.startswith("依据：归入B") for r in chosen)
    assert all("convergence of gradient descent" in prompt.head for prompt, _ in generator.written)
    found = plan(
        REQUEST,
        PROFILE,
        encoder=ENCODER,
        search=inner_products,
        judge=judge(generator, JudgeSettings(second_field_margin=2.0)),
        store=store,
    )
    assert (found.judge_at_most, found.judge_known) == (0, len(PAPERS))


def test_new_papers_start_the_model_and_stored_ones_do_not(store: Store) -> None:
    generator = Starting(by_number)
    ranked(store, judge(generator, JudgeSettings(write_reason=False)))
    assert generator.starts == 1
    asked = len(generator.asked)
    ranked(store, judge(generator, JudgeSettings(write_reason=False)))
    assert (generator.starts, len(generator.asked)) == (1, asked)


def test_words_that_failed_are_not_written_again_unless_asked(store: Store) -> None:
    generator = Starting(by_number, lambda prompt, options: "I can not.")
    first = ranked(store, judge(generator))
    written, texts = len(generator.written), {r.paper.arxiv_id: r.texts for r in first.rankings if r.texts}
    assert written == 4 and all(t.failed for t in texts.values())  # two papers, each with its one retry
    again = ranked(store, judge(generator))
    assert (len(generator.written), generator.starts) == (written, 1)
    assert {r.paper.arxiv_id: r.texts for r in again.rankings if r.texts} == texts
    asked = dataclasses.replace(REQUEST, retry_failed=True)
    rank(asked, PROFILE, encoder=ENCODER, search=inner_products, judge=judge(generator), store=store)
    assert len(generator.written) == 2 * written


def test_words_that_the_engine_lost_are_tried_again(store: Store) -> None:
    class Dying(ScriptedGenerator):
        def write(self, prompts: Any, options: Any) -> Any:
            self.written.append((next(iter(prompts)), options))
            raise BackendError("the engine died")

    generator = Dying(by_number)
    assert all(r.texts.failed == ("error",) for r in ranked(store, judge(generator)).rankings if r.texts)
    written = len(generator.written)
    ranked(store, judge(generator))
    assert len(generator.written) == 2 * written > 0


def test_tokens_are_told_by_pass_and_their_sum_in_the_header(store: Store, tmp_path: Path) -> None:
    generator = ScriptedGenerator(by_number)
    watch = Watch((Anchor("a", "A", "Title 5", "x"), Anchor("b", "B", "Title 5", "x")), AnchorRecord(tmp_path / "a"), 1)
    run = ranked(store, judge(generator, watch=watch))
    told = report(run)["tokens_by_pass"]
    assert set(told) == {"score", "write", "anchors"} and told["write"]["generated"] == 0
    assert sum(used["prompt"] for used in told.values()) == run.usage.prompt == generator.usage.prompt
    total = run.usage.prompt + run.usage.generated
    assert f"> 使用模型：tiny (scripted) | 消耗 Tokens：{total}\n" in render(run)
    held = store.run(PROFILE.name, run.day)
    assert held is not None and held.passes == run.passes


def test_anchors_that_moved_are_in_the_notes(store: Store, tmp_path: Path) -> None:
    watch = Watch(
        (Anchor("a", "A", "An anchor", "x"), Anchor("b", "B", "An anchor", "x")), AnchorRecord(tmp_path / "a"), 1
    )
    ranked(store, judge(ScriptedGenerator(), watch=watch))
    drifted = ScriptedGenerator(lambda p: one_label(8 if "An anchor" in p.body else 5))
    more = Request((*PAPERS, paper(10), paper(11), paper(12)), 11, NOW, use_history=False)
    by = judge(drifted, watch=watch)
    run = rank(more, PROFILE, encoder=ENCODER, search=inner_products, judge=by, store=store)
    assert any("由 6.00 变为 9.00" in note for note in run.notes)
    assert any("由 6.00 变为 9.00" in note for note in report(run)["notes"])


def test_a_distribution_gives_a_spread_and_a_written_digit_a_note(store: Store) -> None:
    half = ScriptedGenerator(lambda p: (0.5, *(0.0,) * 8, 0.5))
    assert [r.spread for r in ranked(store, judge(half)).rankings] == pytest.approx([4.5] * 8)

    class Written(ScriptedGenerator):
        revision = "another"

        def read_labels(self, prompts: Any, labels: Any) -> Any:
            for reading in super().read_labels(prompts, labels):
                yield dataclasses.replace(reading, from_text=True)

    run = ranked(store, judge(Written(by_number, revision="another")))
    assert {r.spread for r in run.rankings} == {None}
    assert any(note.startswith("8 篇的评分来自模型写出的数字") for note in run.notes)
    kept = ranked(store, judge(Written(by_number, revision="another")))
    assert any(note.startswith("8 篇的评分来自模型写出的数字") for note in kept.notes)
