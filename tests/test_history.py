"""History from run to digest: it changes sections and outcomes, never score or field; new versions, followed papers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ranker.config import DigestSettings
from ranker.digest.files import digest_files
from ranker.digest.parse import parse_a
from ranker.digest.parsed import DigestA
from ranker.profile import Profile, Recommend, Subscriptions
from ranker.store import Store
from ranker.types import Paper, Run
from tests.make import paper, profile
from tests.test_pipeline import run

ALL = Recommend(top_share=1.0)
OLD = "We propose a cache. It is fast. It is small."
NEW = "We propose a cache. It is small. Proofs are new."
FIRST = [paper(1, version=1, abstract=OLD), paper(2, version=1), paper(3, version=1)]
SECOND = [paper(1, version=2, abstract=NEW), paper(2, version=1), paper(4, version=1), paper(5, version=1)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        yield opened


def judged(done: Run) -> dict[str, tuple[float | None, str | None, float | None]]:
    return {r.paper.versioned_id: (r.score, r.field, r.similarity) for r in done.rankings}


def outcomes(done: Run) -> dict[str, str]:
    return {r.paper.versioned_id: r.outcome for r in done.rankings}


def read(done: Run, chosen: Profile, store: Store) -> DigestA:
    settings = DigestSettings(site=False, feeds=False)
    return parse_a(str(digest_files(done, settings, chosen, store, quotes=lambda _: {})["digest.md"]))


@pytest.mark.parametrize("rule", [ALL, Recommend(top_n=3), Recommend(threshold=1.0)])
def test_history_changes_outcomes_never_score_or_field(store: Store, tmp_path: Path, rule: Recommend) -> None:
    chosen = profile(recommend=rule)
    with Store(tmp_path / "fresh.db") as fresh:
        alone = run(SECOND, fresh, chosen=chosen, day="2026-01-14")
    run(FIRST, store, chosen=chosen, day="2026-01-07")
    after = run(SECOND, store, chosen=chosen, day="2026-01-14")
    without = run(SECOND, store, chosen=chosen, day="2026-01-14", use_history=False)
    assert judged(alone) == judged(after) == judged(without)
    assert outcomes(alone) == outcomes(without) != outcomes(after)
    assert {i for i, o in outcomes(after).items() if o == "recommended"} == {"2601.00004v1", "2601.00005v1"}
    assert [r.rank for r in alone.rankings] == [r.rank for r in after.rankings]


def test_a_new_version_stands_in_its_own_section_with_what_changed(store: Store) -> None:
    chosen = profile(recommend=ALL)
    run(FIRST, store, chosen=chosen, day="2026-01-07")
    digest = read(run(SECOND, store, chosen=chosen, day="2026-01-14"), chosen, store)
    (found,) = digest.revisions
    assert (found.arxiv_id, found.versions, found.seen) == ("2601.00001", "v1 → v2", "2026-01-07")
    assert (found.added, found.removed) == (("Proofs are new.",), ("It is fast.",))
    # The one seen in the same version is in no section at all.
    assert sorted(e.arxiv_id for e in digest.entries) == ["2601.00004", "2601.00005"]


def test_a_new_version_is_told_from_the_newest_one_seen(store: Store) -> None:
    chosen = profile(recommend=ALL)
    run(FIRST, store, chosen=chosen, day="2026-01-07")
    run(SECOND, store, chosen=chosen, day="2026-01-14")
    third = [paper(1, version=3, abstract=f"{NEW} Errata.")]
    (found,) = read(run(third, store, chosen=chosen, day="2026-01-21"), chosen, store).revisions
    assert (found.versions, found.seen, found.added, found.removed) == ("v2 → v3", "2026-01-14", ("Errata.",), ())


def test_after_old_runs_are_forgotten_nothing_comes_back_as_new(store: Store) -> None:
    chosen = profile(recommend=ALL)
    run(FIRST, store, chosen=chosen, day="2026-01-07")
    assert store.forget_runs(chosen.name, "2026-01-14") == 1
    digest = read(run(SECOND, store, chosen=chosen, day="2026-01-14"), chosen, store)
    assert sorted(e.arxiv_id for e in digest.entries) == ["2601.00004", "2601.00005"]
    assert digest.revisions[0].removed == ("It is fast.",)


def test_following_lists_papers_and_moves_no_score(store: Store, tmp_path: Path) -> None:
    def by(name: str) -> list[Paper]:
        return [paper(n, authors=(name,) if n == 2 else ("Someone Else",)) for n in range(1, 6)]

    plain = profile(recommend=Recommend(top_n=1))
    follow = Subscriptions(authors=("Ada Lovelace",), phrases=("method 3",))
    following = profile(recommend=Recommend(top_n=1), follow=follow)
    with Store(tmp_path / "fresh.db") as fresh:
        before = run(by("Ada Lovelace"), fresh, chosen=plain)
    after = run(by("Ada Lovelace"), store, chosen=following)
    assert [r.as_row() for r in before.rankings] == [r.as_row() for r in after.rankings]
    digest = read(after, following, store)
    assert {(f.arxiv_id, f.followed_authors, f.followed_phrases) for f in digest.followed} == {
        ("2601.00002", ("Ada Lovelace",), ()),
        ("2601.00003", (), ("method 3",)),
    }
    scores = {r.paper.arxiv_id: r.score for r in after.rankings}
    assert all(f.score == float(f"{scores[f.arxiv_id]:.1f}") for f in digest.followed)
    assert read(before, plain, store).followed == ()
