"""Invented days for the page's measurements, screenshots and tests: any size, any length of history, no real paper."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib import resources

from ranker.digest.site import DayPage, Revision, Role, Span
from ranker.sources.read import read
from ranker.types import Exclusion, OutcomeName, Paper, Ranking, Rejected, Run, Texts, Usage

FIELDS = (
    "原生多模态大模型",
    "多模态智能体",
    "大模型安全与对齐",
    "大模型新技术",
    "深度学习可解释性",
    "深度学习理论",
    "高效大模型训练与推理",
)
_KEYWORDS = (
    ("multimodal", "image", "video", "audio", "speech"),
    ("agent", "tool", "web", "desktop"),
    ("safety", "alignment", "jailbreak", "harm", "attack"),
    ("retriev", "reason", "decoding", "language model"),
    ("interpret", "neuron", "feature", "attribution", "probe"),
    ("theor", "bound", "convergence", "prove", "gradient"),
    ("efficien", "cache", "quantis", "kernel", "throughput", "memory"),
)
_FIRST = ("Lazy", "Sparse", "Frugal", "Spectral", "Robust", "Causal", "Hierarchical", "Adaptive", "Provable", "Curious")
_SECOND = (
    "Attention",
    "Routing",
    "Distillation",
    "Alignment",
    "Pruning",
    "Retrieval",
    "Planning",
    "Steering",
    "Caching",
)
_THIRD = ("for", "with", "beyond", "without", "under", "versus")
_FOURTH = ("Long Contexts", "Small Models", "Desktop Agents", "Video Streams", "Noisy Labels", "Frozen Encoders",
           "Shifting Tasks", "Shared Memory", "Rare Events")  # fmt: skip
_PARTS = (_FIRST, _SECOND, _THIRD, _FOURTH)
_SENTENCE = (
    "We study how {0} behaves when {1} are scarce, and propose a scheme whose cost grows as $O(n \\log n)$. "
    "Earlier work kept {0} and {1} apart, which breaks once budgets are tight. "
    "On four invented benchmarks the error falls by {2}% at the same compute. "
    "An ablation shows that removing the {0} step costs most, and that $\\lambda_{{\\max}} \\le {2}$ suffices. "
)


def bulk_day(day: str, papers: int, seed: int = 0, titles: Sequence[str] = ()) -> DayPage:
    """A day of ``papers`` papers: a quarter recommended, some unrouted, vetoed, failed. ``titles``: taken instead of
    invented ones, so that the index has the entropy of real ones."""
    draw = random.Random(f"{day}/{seed}")
    rankings = [_bulk_ranking(day, number, papers, draw, titles) for number in range(papers)]
    return DayPage(run_of(day, rankings), {r.paper.arxiv_id: spans_of(r.paper.abstract) for r in rankings})


def _bulk_ranking(day: str, number: int, papers: int, draw: random.Random, titles: Sequence[str]) -> Ranking:
    words = [draw.choice(part) for part in _PARTS]
    title = draw.choice(titles) if titles else f"{' '.join(words)}: Study {draw.randrange(10**4)}"
    people = tuple(f"{draw.choice('ABCDEFGHJKLM')}. {draw.choice(_PARTS[0])}son" for _ in range(draw.randint(2, 14)))
    paper = Paper(
        f"{day[2:4]}{day[5:7]}.{int(day[8:]) * 1000 + number:05d}",
        title,
        _SENTENCE.format(words[1].lower(), words[3].lower(), draw.randint(3, 40)) * 2,
        version=1,
        authors=people,
        published=day,
        day=day,
        categories=("cs.LG", draw.choice(("cs.AI", "cs.CL", "stat.ML", "cs.CV"))),
    )
    share = number / papers
    outcome: OutcomeName = "recommended" if share < 0.25 else "not_recommended" if share < 0.9 else "unrouted"
    if share >= 0.94:
        outcome = "vetoed" if share < 0.97 else "failed"
    score = None if share >= 0.9 else round(9.4 - 7 * share + draw.random() * 0.2, 4)
    return ranking_of(paper, outcome, score, number + 1, draw)


def sample_day(day: str = "2026-02-10") -> DayPage:
    """The bundled sample day with invented scores: what the screenshots show."""
    draw = random.Random(day)
    papers = [paper for paper in _sample_papers(day) if paper.abstract]
    matched = [(sum(_hits(paper)), paper) for paper in papers]
    chosen = [paper for hits, paper in matched if hits]
    scores = sorted(round(9.3 - 6.5 * place / len(chosen) + draw.random() * 0.3, 4) for place in range(len(chosen)))
    draw.shuffle(chosen)
    rankings = []
    for number, (paper, score) in enumerate(zip(chosen, reversed(scores), strict=True), 1):
        outcome: OutcomeName = "recommended" if number <= len(papers) // 4 else "not_recommended"
        rankings.append(ranking_of(paper, outcome, score, number, draw))
    for _, paper in ((hits, paper) for hits, paper in matched if not hits):
        rankings.append(ranking_of(paper, "unrouted", None, len(rankings) + 1, draw))
    rejected = (Rejected("sample_day.jsonl", 57, "no title", '{"id": "2602.90057"}'),)
    first = rankings[3].paper
    revision = Revision(first.arxiv_id, 1, "2026-01-20", first.abstract.replace("We ", "Here we ", 1) + " Preliminary.")
    return DayPage(
        run_of(day, rankings, rejected),
        {r.paper.arxiv_id: spans_of(r.paper.abstract) for r in rankings},
        {first.arxiv_id: revision},
    )


def _sample_papers(day: str) -> Iterator[Paper]:
    seen = set()
    with resources.as_file(resources.files("ranker.data").joinpath("sample_day.jsonl")) as path:
        for paper in read([path], on_rejected=lambda row: None):
            if paper.arxiv_id not in seen:
                seen.add(paper.arxiv_id)
                yield replace(paper, day=day)


def _hits(paper: Paper) -> list[int]:
    text = f"{paper.title} {paper.abstract}".lower()
    return [sum(text.count(word) for word in words) for words in _KEYWORDS]


def ranking_of(paper: Paper, outcome: OutcomeName, score: float | None, rank: int, draw: random.Random) -> Ranking:
    """A ranking with the evidence that a real one has, all of it invented from the paper's own words."""
    hits = _hits(paper)
    best = max(range(len(FIELDS)), key=lambda place: (hits[place], -place))
    similarities = [round(0.12 + 0.05 * min(count, 6) + 0.05 * draw.random(), 4) for count in hits]
    similarities[best] = max(similarities) + 0.03
    second = max((place for place in range(len(FIELDS)) if place != best), key=lambda place: similarities[place])
    term = next((word for word in _KEYWORDS[best] if word in paper.abstract.lower()), paper.title.split()[0])
    sentence = paper.abstract.split(". ")[min(1, paper.abstract.count(". "))].rstrip(".")
    picked = outcome == "recommended"
    reason = f"归入「{FIELDS[best]}」；文中出现“{term}”；关键句：“{sentence}.”" if picked else f"文中出现“{term}”。"
    texts = None
    if picked and rank % 3 == 0:
        texts = Texts(paper.arxiv_id, "invented-model", reason=reason, tldr="用更少的计算得到同样的结果。",
                      method="把两步合为一步，按需展开。", result="在四个基准上误差下降。")  # fmt: skip
    return Ranking(
        paper=paper, outcome=outcome, field=FIELDS[best], score=score, rank=rank,
        similarity=similarities[best], margin=round(similarities[best] - similarities[second], 4), reason=reason,
        judge="invented 1a2b3c4d", detail=_DETAIL.get(outcome, ""), second_field=FIELDS[second],
        spread=None if score is None else round(0.3 + draw.random(), 3),
        p_recommended=None if score is None else round(draw.random(), 3), texts=texts,
        similarities=tuple(zip(FIELDS, similarities, strict=True)),
        exclusions=(Exclusion("vetoed", "spam"),) if outcome == "vetoed"
        else (Exclusion("unwanted", "医疗健康", 0.11),) if rank % 17 == 0 else (),
    )  # fmt: skip


_DETAIL: dict[str, str] = {
    "unrouted": "相似度低于下限 0.20",
    "failed": "timeout: the judge gave no answer",
    "not_recommended": "低于推荐标准",
}


def spans_of(abstract: str) -> tuple[Span, ...]:
    """Invented roles: the first three sentences are problem, idea and result."""
    ends = [place + 1 for place, char in enumerate(abstract) if char == "." and abstract[place + 1 : place + 2] == " "]
    starts = [0, *(end + 1 for end in ends)]
    roles: tuple[Role, ...] = ("problem", "idea", "result")
    return tuple(zip(starts, ends, roles, strict=False))


def run_of(day: str, rankings: Sequence[Ranking], rejected: tuple[Rejected, ...] = ()) -> Run:
    counts = {name: sum(r.outcome == name for r in rankings) for name in
              ("recommended", "not_recommended", "unrouted", "vetoed", "duplicate", "failed")}  # fmt: skip
    counts |= {"rejected": len(rejected), "read": len(rankings) + len(rejected)}
    return Run(
        day, f"{day}T13:56:32+08:00", "default", "默认", FIELDS, "zh", tuple(rankings), rejected, counts, (),
        "invented judge", Usage(), False, "每天得分最高的 25%", {}, {},
    )  # fmt: skip


def english(page: DayPage) -> DayPage:
    return replace(page, run=replace(page.run, language="en"))


def days_before(last: str, number: int) -> list[str]:
    """``number`` announcement days (no Saturday, no Sunday) up to ``last``, newest first."""
    found: list[str] = []
    day = date.fromisoformat(last)
    while len(found) < number:
        if day.weekday() < 5:
            found.append(day.isoformat())
        day -= timedelta(days=1)
    return found
