"""The story as a library: judges that fail, papers that get lost, history, all provoked through the same protocols."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ranker.backends.faiss import inner_products
from ranker.backends.heads import HeadsJudge
from ranker.pipeline import Request, newest_day, rank
from ranker.profile import Profile, Recommend, Veto
from ranker.protocols import Judge
from ranker.store import Store
from ranker.types import Candidate, EncoderInfo, JudgeOutcome, Judgment, Paper, Run, TextKind, Texts, Unscored, Usage
from tests.make import paper, profile

NOW = datetime.fromisoformat("2026-01-14T12:00:00+08:00")


class HashEncoder:
    """Vectors from a text's hash: enough where only plumbing is tested; remembers what it was asked."""

    info = EncoderInfo("hash", "0" * 64, 16, 256, "test", "float32", "hash-key")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], kind: TextKind = "document") -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for i, text in enumerate(texts):
            self.asked.append(text)
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
            vector = np.abs(np.random.default_rng(seed).normal(size=16)).astype(np.float32)
            yield np.array([i]), (vector / np.linalg.norm(vector))[None, :]


class Scripted:
    """A judge told what to say; remembers what it was asked."""

    name, uses_language_model, usage = "scripted", True, Usage(3, 2, 1)
    hashes: Mapping[str, str] = {"model": "m"}

    def __init__(self, says: dict[str, JudgeOutcome | None]) -> None:
        self.says, self.asked, self.wrote = says, [], []  # type: ignore[var-annotated]

    def key(self, candidate: Candidate) -> str:
        return "key"

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        for c in candidates:
            self.asked.append(c.paper.arxiv_id)
            said = self.says.get(c.paper.arxiv_id, Judgment(c.paper.arxiv_id, "A", 5.0, "r", "scripted"))
            if said is not None:
                yield said

    def text_key(self, candidate: Candidate) -> str | None:
        return f"text-{candidate.paper.arxiv_id}"

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        for c in candidates:
            self.wrote.append(c.paper.arxiv_id)
            yield Texts(c.paper.arxiv_id, "scripted", reason=f"词 {c.paper.arxiv_id}")

    def close(self) -> None:
        """Nothing is held."""


def run(
    papers: Sequence[Paper], store: Store, judge: Judge | None = None, chosen: Profile | None = None, **more: object
) -> Run:
    chosen = chosen or profile()
    encoder = HashEncoder()
    request = Request(tuple(papers), len(papers), NOW, **more)  # type: ignore[arg-type]
    return rank(
        request,
        chosen,
        encoder=encoder,
        search=inner_products,
        judge=judge or HeadsJudge(chosen, encoder.info),
        store=store,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        yield opened


def test_a_failed_judgment_is_an_outcome_and_is_tried_again(store: Store) -> None:
    papers = [paper(n) for n in range(1, 5)]
    failing = Scripted({"2601.00002": Unscored("2601.00002", "timeout", "60 s", "scripted")})
    first = run(papers, store, failing)
    assert first.counts["failed"] == 1
    row = next(r for r in first.rankings if r.outcome == "failed")
    assert (row.score, row.detail, row.rank) == (None, "timeout: 60 s", 4)
    again = Scripted({})
    second = run(papers, store, again)
    assert again.asked == ["2601.00002"]  # the others came from the store
    assert second.counts["failed"] == 0


def test_a_paper_that_the_judge_forgets_is_failed_not_lost(store: Store) -> None:
    result = run([paper(1), paper(2)], store, Scripted({"2601.00001": None}))
    assert [r.detail for r in result.rankings if r.outcome == "failed"] == [
        "lost: the judge gave no outcome for this paper"
    ]


def test_words_are_written_for_recommended_papers_only_and_kept(store: Store) -> None:
    papers = [paper(n) for n in range(1, 9)]
    chosen = profile(recommend=Recommend(top_n=2))
    judge = Scripted({f"2601.0000{n}": Judgment(f"2601.0000{n}", "A", float(n), "r", "s") for n in range(1, 9)})
    result = run(papers, store, judge, chosen)
    assert sorted(judge.wrote) == ["2601.00007", "2601.00008"]
    assert [r.reason for r in result.rankings[:2]] == ["词 2601.00008", "词 2601.00007"]
    again = Scripted({})
    run(papers, store, again, chosen)
    assert again.wrote == [] and again.asked == []


def test_vetoes_duplicates_and_counts(store: Store) -> None:
    papers = [paper(1, version=1), paper(1, version=2), paper(2, title="Spam title"), paper(3)]
    result = run(papers, store, chosen=profile(veto=Veto(("spam",))))
    # Of the two papers left over, one in four is recommended, rounded half up.
    assert (result.counts["read"], result.counts["recommended"], result.counts["not_recommended"]) == (4, 1, 1)
    assert result.counts["duplicate"] == result.counts["vetoed"] == 1
    assert len(result.rankings) == 4
    assert all(r.field in ("A", "B") and r.similarity is not None for r in result.rankings)


def test_a_paper_seen_on_an_earlier_day_is_not_recommended_again(store: Store) -> None:
    chosen = profile(recommend=Recommend(top_share=1.0))
    run([paper(1, version=1), paper(2)], store, chosen=chosen, day="2026-01-13")
    later = run([paper(1, version=2, abstract="We changed it."), paper(3)], store, chosen=chosen, day="2026-01-14")
    by_id = {r.paper.arxiv_id: r for r in later.rankings}
    assert by_id["2601.00003"].outcome == "recommended"
    assert by_id["2601.00001"].outcome == "not_recommended" and by_id["2601.00001"].score is not None
    assert "new version: v1 was seen on 2026-01-13" in by_id["2601.00001"].flags
    same_day = run([paper(1, version=2, abstract="We changed it."), paper(3)], store, chosen=chosen, day="2026-01-14")
    assert [r.as_row() for r in same_day.rankings] == [r.as_row() for r in later.rankings]
    forgetful = run([paper(2)], store, chosen=chosen, day="2026-01-15", use_history=False)
    assert forgetful.rankings[0].outcome == "recommended"


def test_equal_texts_are_encoded_once_and_their_reasons_differ(store: Store) -> None:
    twins = [paper(1, title="Same", abstract="We do it."), paper(2, title="Same", abstract="We do it.")]
    encoder = HashEncoder()
    chosen = profile()
    judge = HeadsJudge(chosen, encoder.info)
    result = rank(
        Request(tuple(twins), 2, NOW), chosen, encoder=encoder, search=inner_products, judge=judge, store=store
    )
    assert encoder.asked.count("Same. We do it.") == 1
    assert result.rankings[0].score == result.rankings[1].score
    assert result.rankings[0].paper.arxiv_id < result.rankings[1].paper.arxiv_id
    assert result.rankings[0].reason != result.rankings[1].reason


def test_an_empty_day_is_a_run_too(store: Store) -> None:
    result = run([], store)
    assert result.rankings == () and result.counts["read"] == 0 and result.day == "2026-01-14"


def test_the_newest_day() -> None:
    late = datetime.fromisoformat("2026-03-01T12:00:00+08:00")
    assert newest_day([paper(1, day="2026-01-14"), paper(2, published="2026-02-01")], late) == "2026-01-14"
    assert newest_day([paper(1), paper(2, published="2026-02-01")], late) == "2026-02-01"
    # A slip in one row must not date the whole run.
    assert newest_day([paper(1), paper(2, published="2062-01-01")], late) == "2026-01-13"
    assert newest_day([paper(1, published=None)], late) is None


def test_a_titles_date_changes_nothing_else(store: Store) -> None:
    first = run([paper(1), paper(2)], store)
    dated = run([paper(1), paper(2)], store, title_date="2026-09-09")
    assert (first.day, dated.day, dated.title_date) == ("2026-01-13", "2026-01-13", "2026-09-09")
    assert [r.as_row() for r in dated.rankings] == [r.as_row() for r in first.rankings]


def test_undated_papers_keep_the_day_on_which_they_were_first_seen(store: Store) -> None:
    undated = [paper(1, published=None), paper(2, published=None)]
    first = run(undated, store)
    tomorrow = Request(tuple(undated), 2, NOW + timedelta(days=1))
    encoder, chosen = HashEncoder(), profile()
    later = rank(
        tomorrow,
        chosen,
        encoder=encoder,
        search=inner_products,
        judge=HeadsJudge(chosen, encoder.info),
        store=store,
    )
    assert first.day == later.day == "2026-01-14"
    assert [r.as_row() for r in later.rankings] == [r.as_row() for r in first.rankings]


def test_what_failed_on_an_earlier_day_is_still_new(store: Store) -> None:
    failing = Scripted({"2601.00001": Unscored("2601.00001", "timeout", "60 s", "scripted")})
    run([paper(1)], store, failing, day="2026-01-13")
    assert run([paper(1)], store, Scripted({}), day="2026-01-14").rankings[0].outcome == "recommended"


def test_of_equal_versions_the_first_is_ranked_stored_and_remembered(store: Store) -> None:
    run([paper(1, title="First"), paper(1, title="Second")], store)
    kept = store.paper("2601.00001")
    assert kept is not None and kept.title == "First"


def test_another_text_without_version_numbers_is_a_new_version(store: Store) -> None:
    run([paper(1)], store, day="2026-01-13")
    same = run([paper(1, version=1)], store, day="2026-01-14")
    assert same.rankings[0].flags == ("seen before: on 2026-01-13",)
    changed = run([paper(1, abstract="Another text.")], store, day="2026-01-15")
    assert changed.rankings[0].flags[0].startswith("new version")


def test_recommended_papers_that_repeat_one_another_are_named_in_a_note(store: Store) -> None:
    twin = dataclasses.replace(paper(1), arxiv_id="2601.00009")
    chosen = profile(recommend=Recommend(top_share=1.0))
    result = run([paper(1), paper(2), twin], store, Scripted({}), chosen)
    assert "内容相近的论文：2601.00001、2601.00009" in result.notes
    assert sum("相近" in note for note in result.notes) == 1
