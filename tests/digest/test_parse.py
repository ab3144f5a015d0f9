"""``parse(render(x))`` is what the form shows of ``x``, whatever is in it; the seeds parse whole."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from ranker.digest import categories, keywords, recommendation
from ranker.digest.entries import QUOTE_MARKS, abs_url, pdf_url, recommended, shown_authors, shown_date, shown_reason
from ranker.digest.parse import parse_a, parse_b, parse_c
from ranker.digest.parsed import Foot, id_of
from ranker.digest.text import clean
from ranker.errors import InputError
from ranker.types import OUTCOMES, Paper, Run
from tests.digest.hostile import CALM, runs
from tests.digest.sample import QUIET, RUN

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"


def quotes(paper: Paper) -> dict[str, tuple[str, ...]]:
    """Roles worked out by hand for the sample; anything else is one sentence."""
    if not clean(paper.abstract):
        return {}
    if not paper.abstract.startswith("Long contexts"):
        return {"idea": (paper.abstract,)}
    problem, task, idea, result = (part + "." for part in paper.abstract.rstrip(".").split(". "))
    return {"problem": (problem,), "task": (task,), "idea": (idea,), "result": (result,)}


def foot_of(run: Run) -> Foot:
    return Foot(
        counts=tuple((key, run.counts.get(key, 0)) for key in ("read", "rejected", *OUTCOMES)),
        threshold=clean(run.threshold),
        failed=tuple(r.paper.arxiv_id for r in run.rankings if r.outcome == "failed"),
        notes=tuple(clean(note) for note in run.notes if clean(note)),
    )


@CALM
@given(runs())
def test_form_a_reads_back(run: Run) -> None:
    for render in (recommendation.render, recommendation.render_readme):
        digest = parse_a(render(run))
        readme = render is recommendation.render_readme
        assert digest.date == (None if readme else run.day)
        assert (digest.updated, digest.read, digest.model, digest.tokens) == (
            "2026-01-14 12:57:22",
            8,
            clean(run.judge_line),
            0,
        )
        assert digest.uses_language_model is run.uses_language_model
        assert digest.foot == foot_of(run)
        none = "No field" if run.language == "en" else "未归入领域"
        shown = sorted(recommended(run), key=lambda r: [x.field for x in recommended(run)].index(r.field))
        assert [
            (e.field, e.score, e.title, e.authors, e.published, e.link, e.arxiv_id, e.reason) for e in digest.entries
        ] == [
            (
                r.field or none,
                float(f"{r.score:.1f}"),
                clean(r.paper.title),
                shown_authors(r.paper),
                shown_date(r.paper),
                abs_url(r.paper),
                r.paper.arxiv_id,
                shown_reason(r),
            )
            for r in shown
        ]
        fields = list(dict.fromkeys(e.field for e in digest.entries))
        assert [name for name, _ in digest.navigation] == (fields if readme else [])


def model_text(text: str) -> str:
    text = clean(text)
    while any(text.startswith(mark) for mark in QUOTE_MARKS):
        text = clean(text[len(next(mark for mark in QUOTE_MARKS if text.startswith(mark))) :])
    return text


def expected(run: Run, label: str, by_model: str, sentences: tuple[str, ...], abstract: str) -> tuple[str, bool]:
    if by_model:
        return by_model, False
    if sentences:
        return " ".join(f"“{clean(s)}”" for s in sentences), True
    zh = run.language == "zh"
    if clean(abstract):
        return ("［摘要中没有这类句子］" if zh else "[no such sentence in the abstract]"), False
    return ("［没有摘要］" if zh else "[no abstract]"), False


@CALM
@given(runs())
def test_form_b_reads_back(run: Run) -> None:
    digest = parse_b(categories.render(run, quotes))
    assert digest.foot == foot_of(run)
    none = "Uncategorised" if run.language == "en" else "未分类"
    shown = [r for r in run.rankings if r.outcome not in ("vetoed", "duplicate")]
    first = {id(r): clean((r.paper.categories or ("",))[0]) or none for r in shown}
    shown.sort(key=lambda r: (first[id(r)] == none, first[id(r)]))
    assert dict(digest.totals) == Counter(first.values())
    assert len(digest.entries) == len(shown)
    for number, (entry, r) in enumerate(zip(digest.entries, shown, strict=True), 1):
        texts = r.texts if r.texts and r.texts.by == "model" else None
        idea = quotes(r.paper).get("idea", ())
        wanted = {
            "TL;DR": expected(run, "TL;DR", model_text(texts.tldr) if texts else "", idea, r.paper.abstract),
            "Motivation": expected(run, "", model_text(texts.motivation) if texts else "", (), r.paper.abstract),
            "Method": expected(run, "", "", idea, r.paper.abstract),
            "Result": expected(run, "", model_text(texts.result) if texts else "", (), r.paper.abstract),
            "Conclusion": expected(run, "", "", (), r.paper.abstract),
        }
        if r.paper.abstract.startswith("Long contexts"):
            continue
        assert (entry.number, entry.title, entry.link, entry.category) == (
            number,
            clean(r.paper.title),
            abs_url(r.paper),
            first[id(r)],
        )
        assert entry.authors == (clean(",".join(r.paper.authors)) or shown_authors(r.paper))
        assert entry.abstract == clean(r.paper.abstract)
        got = (entry.tldr, entry.motivation, entry.method, entry.result, entry.conclusion)
        assert got == tuple(text for text, _ in wanted.values())
        assert entry.quoted == {label for label, (_, quoted) in wanted.items() if quoted}


@CALM
@given(runs())
def test_form_c_reads_back(run: Run) -> None:
    for subscriptions in ((), ("cs.LG", "a, b", "fake")):
        digest = parse_c(keywords.render(run, quotes, subscriptions))
        assert digest.foot == foot_of(run)
        shown = keywords.selected(run, subscriptions)
        assert len(digest.entries) == len(shown)
        for number, (entry, (r, words)) in enumerate(zip(digest.entries, shown, strict=True), 1):
            brief = model_text(r.texts.brief) if r.texts and r.texts.by == "model" else ""
            idea = quotes(r.paper).get("idea", ())
            assert (entry.number, entry.title, entry.link, entry.date) == (
                number,
                clean(r.paper.title),
                pdf_url(r.paper),
                shown_date(r.paper),
            )
            assert entry.arxiv_id == r.paper.arxiv_id
            assert entry.keywords == tuple(word for word in words if word)
            assert (entry.brief, entry.quoted) == expected(run, "", brief, idea, r.paper.abstract)


def test_quiet_days_read_back() -> None:
    assert parse_a(recommendation.render(QUIET)).entries == ()
    assert parse_b(categories.render(QUIET, quotes)).entries == ()
    assert parse_c(keywords.render(QUIET, quotes)).entries == ()


def test_each_parser_refuses_the_other_forms() -> None:
    a, b, c = recommendation.render(RUN), categories.render(RUN, quotes), keywords.render(RUN, quotes)
    for parse, others in ((parse_a, (b, c)), (parse_b, (a, c)), (parse_c, (a, b))):
        for other in (*others, "", "plain words\n"):
            with pytest.raises(InputError):
                parse(other)


def test_links_give_ids_and_versions() -> None:
    assert id_of("https://arxiv.org/abs/2601.00001") == ("2601.00001", None)
    assert id_of("http://arxiv.org/pdf/2601.00001v12.pdf") == ("2601.00001", 12)
    assert id_of("https://arxiv.org/abs/hep-th/9901001v1") == ("hep-th/9901001", 1)
    assert id_of("https://evil.example/abs/2601.00001") == ("", None)


def seed(name: str) -> str:
    found = list(SEEDS.glob(f"{name}_*.txt")) if SEEDS.is_dir() else []
    if not found:
        pytest.skip("../shared/seeds is absent: the seed digests can't be read")
    return found[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["000", "001", "002"])
def test_seeds_of_form_a_parse_whole(name: str) -> None:
    text = seed(name)
    digest = parse_a(text)
    assert digest.date == re.findall(r"^# .* - (\S+)$", text, re.MULTILINE)[0]
    assert digest.read == int(re.findall(r"阅读了 (\d+) 篇", text)[0])
    assert digest.tokens == int(re.findall(r"Tokens：(\d+)", text)[0])
    assert digest.model == "doubao-seed-1-6-thinking-250715"
    assert len(digest.entries) == text.count("\n### ") == text.count("\n- **Reason:** ")
    assert [e.title for e in digest.entries] == re.findall(r"^### \[Score: \S+\] (.*)$", text, re.MULTILINE)
    assert [e.authors for e in digest.entries] == re.findall(r"^- \*\*Authors:\*\* (.*)$", text, re.MULTILINE)
    assert [e.arxiv_id for e in digest.entries] == re.findall(r"\]\(https://arxiv.org/abs/(.*)\)$", text, re.MULTILINE)
    assert [e.reason for e in digest.entries] == re.findall(r"^- \*\*Reason:\*\* (.*)$", text, re.MULTILINE)
    assert [e.leaked_score for e in digest.entries] == [e.score for e in digest.entries]
    assert [e.leaked_field for e in digest.entries] == [e.field for e in digest.entries]
    assert Counter(e.field for e in digest.entries) == {
        part.split("\n", 1)[0]: part.count("\n### ") for part in text.split("\n## ")[1:]
    }
    assert not any("Score:" in e.reason or "Field:" in e.reason for e in digest.entries)


def test_seed_of_form_b_parses_whole() -> None:
    text = seed("003")
    digest = parse_b(text)
    assert len(digest.entries) == text.count("<details>") == 194 == sum(total for _, total in digest.totals)
    assert Counter(e.category for e in digest.entries) == dict(digest.totals)
    for attribute, label in (
        ("tldr", "TL;DR"),
        ("motivation", "Motivation"),
        ("method", "Method"),
        ("result", "Result"),
        ("conclusion", "Conclusion"),
        ("abstract", "Abstract"),
    ):
        lines = re.findall(rf"^{label}: (.*)$", text, re.MULTILINE)
        assert [re.sub(r"\s", "", getattr(e, attribute))[:40] for e in digest.entries] == [
            re.sub(r"\s", "", line)[:40] for line in lines
        ]
    # Nothing of a text is lost: all of the seed's letters but the frame's come back.
    assert all(getattr(e, a) for e in digest.entries for a in ("authors", "tldr", "method", "abstract", "arxiv_id"))
    back = sum(
        len(
            "".join(
                (e.title + e.authors + e.tldr + e.motivation + e.method + e.result + e.conclusion + e.abstract).split()
            )
        )
        for e in digest.entries
    )
    frame = re.compile(
        r"^(?:<.*|  <summary>.*|# .*|- \[.*|Main category: .*|### \[\d+\] \[|TL;DR:|Motivation:|Method:|Result:"
        r"|Conclusion:|Abstract:)|\]\(https://arxiv.org/abs/\S+\)$|^\*(?=.*\*$)|(?<=.)\*$",
        re.MULTILINE,
    )
    assert back == len("".join(frame.sub("", text).split()))


def test_seed_of_form_c_parses_whole() -> None:
    text = seed("004")
    digest = parse_c(text)
    assert len(digest.entries) == text.count("**abs**: ") == 49
    assert [e.number for e in digest.entries] == list(range(1, 50))
    assert [e.arxiv_id for e in digest.entries] == re.findall(r"/pdf/(.*)\.pdf$", text, re.MULTILINE)
    assert [e.brief for e in digest.entries] == re.findall(r"^\*\*abs\*\*: (.*)$", text, re.MULTILINE)
    assert Counter(e.keywords for e in digest.entries) == {("cs.LG",): 46, ("latent space",): 3}
