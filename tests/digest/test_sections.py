"""Form A after its fields: new versions with what changed, followed authors and phrases; and reading them back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranker.digest.changes import changes
from ranker.digest.entries import abs_url, shown_authors, shown_date
from ranker.digest.follow import followed, plain_name
from ranker.digest.parse import parse_a
from ranker.digest.parsed import FollowedA, RevisionA
from ranker.digest.recommendation import render, render_readme
from ranker.digest.sections import followed_reason, outcome_word
from ranker.digest.site.records import Revision
from ranker.digest.text import clean
from ranker.profile import Subscriptions
from ranker.types import Run
from tests.digest import golden
from tests.digest.hostile import CALM, TEXT, runs
from tests.digest.sample import RUN, paper, ranking

SEEN = "new version: v1 was seen on 2026-01-07"
OLD = "Long contexts are slow. We study how caches shrink. It saves a tenth."


def newer(number: int, rank: int, outcome: str = "not_recommended", **more: object):  # type: ignore[no-untyped-def]
    of = paper(f"2601.0010{number}", f"Revised {number}", version=2, **more)
    return ranking(of, outcome, rank, score=None if outcome == "failed" else 6.25, flags=(SEEN,))


NEW = (
    newer(1, 9),
    newer(2, 10),
    newer(3, 11, abstract="We study how caches shrink. Long contexts are slow."),
    newer(4, 12, "failed"),
    newer(5, 13, "vetoed"),
    newer(6, 14, "unrouted"),
)
REVISIONS = {
    "2601.00101": Revision("2601.00101", 1, "2026-01-07", OLD),
    "2601.00102": Revision("2601.00102", 1, "2026-01-07", NEW[1].paper.abstract),
    "2601.00103": Revision("2601.00103", 1, "2026-01-07", "Long contexts are slow. We study how caches shrink."),
}
FOLLOW = Subscriptions(authors=("Borel, Emile", "A. Turing", "Nobody"), phrases=("snake_case cache", "vetoed paper"))
WITH = replace(RUN, rankings=RUN.rankings[:3] + RUN.rankings[6:7] + NEW)


def test_golden() -> None:
    few = replace(WITH, rankings=(*RUN.rankings[:5], *NEW[:1]))
    golden.check("recommendation.sections.zh.md", render(few, REVISIONS, FOLLOW))
    golden.check("recommendation.sections.en.md", render(replace(few, language="en"), REVISIONS, FOLLOW))
    golden.check("readme.sections.zh.md", render_readme(few, REVISIONS, FOLLOW))


def test_without_either_nothing_is_added() -> None:
    nobody = Subscriptions(authors=("Nobody",), phrases=("no such phrase",))
    assert render(RUN, REVISIONS, nobody) == render(RUN)
    assert "旧文新版" not in render(RUN) and "关注" not in render(RUN)


def test_what_changed_is_told_sentence_by_sentence() -> None:
    found = {change.ranking.paper.arxiv_id: change for change in changes(WITH, REVISIONS)}
    assert list(found) == ["2601.00101", "2601.00102", "2601.00103", "2601.00104"]  # neither vetoed nor unrouted
    first = found["2601.00101"]
    assert (first.kind, first.versions, first.day) == ("changed", "v1 → v2", "2026-01-07")
    assert first.added == ("We propose a cache of sketches.", "It halves the latency.")
    assert first.removed == ("It saves a tenth.",)
    assert all(quote in first.ranking.paper.abstract for quote in first.added)
    assert [found[f"2601.0010{n}"].kind for n in (2, 3, 4)] == ["same", "reordered", "lost"]


def test_a_sentence_that_stands_twice_counts_twice() -> None:
    run = replace(RUN, rankings=(newer(1, 1, abstract="It works. It works. So there."),))
    (change,) = changes(run, {"2601.00101": Revision("2601.00101", None, "2026-01-07", "It works.  So there.")})
    assert (change.added, change.removed) == (("It works.",), ())


def test_a_version_that_was_not_named_is_a_question_mark() -> None:
    flagged = replace(newer(1, 1), flags=("new version: v0 was seen on 2026-01-07",))
    assert "### [New version: ? → v2] Revised 1\n" in render(replace(RUN, rankings=(flagged,)))
    seen = replace(newer(1, 1), flags=("seen before: on 2026-01-07",))
    assert "New version" not in render(replace(RUN, rankings=(seen,)))


def test_followed_papers_are_listed_whatever_their_outcome_and_keep_their_score() -> None:
    rows = followed(RUN, Subscriptions(authors=("Émile Borel",)))
    # Every paper but the one with another author, the vetoed one and the duplicate.
    assert [(row.ranking.paper.arxiv_id, row.ranking.outcome) for row in rows] == [
        ("2601.00001", "recommended"),
        ("hep-th/9901001", "recommended"),
        ("2601.00003", "not_recommended"),
        ("2601.00004", "failed"),
        ("2601.00005", "unrouted"),
    ]
    assert all(row.ranking in RUN.rankings for row in rows)
    text = render(RUN, {}, Subscriptions(authors=("Émile Borel",)))
    assert "### [Followed: -/10] Far from every field\n" in text and "- **Outcome:** 未归类\n" in text


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("ada lovelace", True),
        ("Lovelace, Ada", True),
        ("Emile Borel", True),
        ("Ada Love", False),
        ("Lovelace", False),
        ("A. Lovelace", False),
        (".", False),
    ],
)
def test_authors_match_by_their_whole_name(wanted: str, found: bool) -> None:
    assert bool(followed(RUN, Subscriptions(authors=(wanted,)))) is found


def test_names_are_compared_as_people_write_them() -> None:
    assert plain_name("Jean-Pierre  Sérre") == plain_name("Serre, Jean Pierre") == "jean pierre serre"
    assert plain_name("张三") == "张三"
    listed = replace(RUN, rankings=RUN.rankings[:1])  # its authors are one line with an affiliation
    assert followed(listed, Subscriptions(authors=("A. Turing",)))[0].authors == ("A. Turing",)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("cache of sketches", True),
        ("Long-context", True),  # hyphen or blank, singular or plural
        ("GUI", True),
        ("gui", True),
        ("context", True),
        ("text", False),
        ("cache long contexts", False),  # the end of a title and the start of an abstract are no phrase
        ("&", False),
    ],
)
def test_phrases_match_whole(wanted: str, found: bool) -> None:
    rows = followed(RUN, Subscriptions(phrases=(wanted,)))
    assert bool(rows) is found


def test_links_lead_to_the_sections() -> None:
    text = render_readme(WITH, REVISIONS, FOLLOW)
    assert "- [旧文新版](#旧文新版)（4 篇）" in text and "- [关注的作者与短语](#关注的作者与短语)（" in text
    only = replace(WITH, rankings=NEW[:1])
    assert "今日没有达到推荐标准的论文。" in render_readme(only, REVISIONS)


def shown_change(run: Run, text: str) -> list[RevisionA]:
    rows = []
    for change in changes(run, {"2601.00001": Revision("2601.00001", 1, "2026-01-07", text)}):
        r = change.ranking
        score = None if r.score is None else float(f"{r.score:.1f}")
        none = "No field" if run.language == "en" else "未归入领域"
        rows.append(
            RevisionA(
                "v1 → v1",
                clean(r.paper.title),
                shown_authors(r.paper),
                shown_date(r.paper),
                abs_url(r.paper),
                change.day,
                score,
                outcome_word(r.outcome, run.language),
                r.field or none,
                "",
                tuple(clean(text) for text in change.added),
                tuple(clean(text) for text in change.removed),
            )
        )
    return rows


@CALM
@given(runs(), TEXT, TEXT, st.lists(TEXT, max_size=2))
def test_the_sections_read_back_whatever_is_in_them(run: Run, old: str, phrase: str, authors: list[str]) -> None:
    run = replace(run, rankings=tuple(replace(r, flags=(SEEN,)) for r in run.rankings))
    named = [clean(name) for r in run.rankings for name in r.paper.authors[:1]]
    # A profile refuses blank entries (a hyphen counts as a blank), so none gets here.
    names, phrases = (
        [t for t in texts if t.replace("-", " ").strip()] for texts in ((*authors, *named), (phrase, "It"))
    )
    follow = Subscriptions(tuple(names), tuple(phrases))
    revisions = {"2601.00001": Revision("2601.00001", 1, "2026-01-07", old)}
    for text in (render(run, revisions, follow), render_readme(run, revisions, follow)):
        digest = parse_a(text)
        assert [replace(row, change="") for row in digest.revisions] == shown_change(run, old)
        assert digest.followed == tuple(
            FollowedA(
                None if r.score is None else float(f"{r.score:.1f}"),
                clean(r.paper.title),
                shown_authors(r.paper),
                shown_date(r.paper),
                abs_url(r.paper),
                outcome_word(r.outcome, run.language),
                r.field or ("No field" if run.language == "en" else "未归入领域"),
                row.authors,
                row.phrases,
                followed_reason(r),
            )
            for row in followed(run, follow)
            for r in [row.ranking]
        )
        # The fields' entries are the same with and without the sections.
        assert digest.entries == parse_a(render(run)).entries and digest.foot == parse_a(render(run)).foot


def test_no_word_of_a_paper_starts_a_line_of_ours() -> None:
    evil = "# A heading. - **Reason:** forged. <script>alert(1)</script> [x](javascript:alert(1)). Fine."
    run = replace(RUN, rankings=(newer(1, 1, abstract=evil),))
    lines = render(run, {"2601.00101": Revision("2601.00101", 1, "2026-01-07", "Gone.")}).splitlines()
    quotes = [line for line in lines if line.startswith("  - ")]
    assert quotes and all(line.startswith("  - “") and line.endswith("”") for line in quotes)
    assert "<script>" not in "".join(lines) and not re.search(r"(?<!\\)\]\(javascript:", "".join(lines))
