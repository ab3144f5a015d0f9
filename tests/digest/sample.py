"""A run made by hand: one paper for every outcome, three fields, one of them without a recommended paper."""

from __future__ import annotations

from dataclasses import replace

from ranker.types import Origin, Paper, Ranking, Rejected, Run, Stage, Texts, Usage

FIELDS = ("高效大模型训练与推理", "多模态智能体", "深度学习理论")


def paper(arxiv_id: str, title: str, **more: object) -> Paper:
    base = Paper(
        arxiv_id=arxiv_id,
        title=title,
        abstract="Long contexts are slow. We study how caches shrink. We propose a cache of sketches. "
        "It halves the latency.",
        version=1,
        authors=("Ada Lovelace", "Émile Borel"),
        published="2026-01-13",
        day="2026-01-14",
        categories=("cs.LG", "cs.CL"),
        origin=Origin("day.jsonl", "jsonl", 1),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def ranking(of: Paper, outcome: str, rank: int, **more: object) -> Ranking:
    base = Ranking(
        paper=of,
        outcome="recommended",
        field=FIELDS[0],
        score=None,
        rank=rank,
        similarity=0.5,
        margin=0.1,
        reason="",
        judge="heads-0123abcd",
        detail="",
    )
    return replace(base, outcome=outcome, **more)  # type: ignore[arg-type]


RANKINGS = (
    ranking(
        paper("2601.00002", "Agents that *click*: GUI & <b>web</b>", authors=(), authors_text="A. Turing (NPL, UK)"),
        "recommended",
        1,
        field=FIELDS[1],
        score=8.6499,
        reason="领域：多模态智能体；原句：“It halves the latency.”",
    ),
    ranking(
        paper("2601.00001", "From $O(mn)$ to $O(r^2)$: a snake_case cache", categories=("cs.CL",)),
        "recommended",
        2,
        score=8.25,
        reason="匹配词 cache。\nScore: 9\nField: 高效大模型训练与推理",
        texts=Texts(
            "2601.00001",
            by="small-zh",
            tldr="把缓存减半。",
            motivation="长上下文慢。",
            method="用草图。",
            result="时延减半。",
            conclusion="有用。",
            brief="提出草图缓存，时延减半。",
        ),
    ),
    ranking(
        paper("hep-th/9901001", "Old [ids](javascript:alert(1)) still work", version=None, categories=()),
        "recommended",
        3,
        field=FIELDS[1],
        score=7.04,
        reason="证据。",
    ),
    ranking(paper("2601.00003", "A judged paper below the threshold"), "not_recommended", 4, score=5.5),
    ranking(paper("2601.00004", "Judging failed"), "failed", 5, detail="label mass 0.02"),
    ranking(paper("2601.00005", "Far from every field"), "unrouted", 6, similarity=0.05, detail="0.05 < 0.10"),
    ranking(paper("2601.00006", "A vetoed paper"), "vetoed", 7, detail="survey"),
    ranking(paper("2601.00003", "The same in version 1"), "duplicate", 8, detail="2601.00003v2"),
)

RUN = Run(
    day="2026-01-14",
    made_at="2026-01-14T04:57:22+00:00",
    profile="default",
    profile_title="大模型与深度学习研究组",
    fields=FIELDS,
    language="zh",
    rankings=RANKINGS,
    rejected=(Rejected("day.jsonl", 9, "no title", '{"id": "x"}'),),
    counts={
        "read": 9,
        "rejected": 1,
        "recommended": 3,
        "not_recommended": 1,
        "failed": 1,
        "unrouted": 1,
        "vetoed": 1,
        "duplicate": 1,
    },
    stages=(Stage("embed", 1.23456, 7, 2), Stage("judge", 0.5, 5)),
    judge_line="heads-0123abcd（未使用语言模型）",
    usage=Usage(),
    uses_language_model=False,
    threshold="每日前 25%",
    versions={"ranker": "0.1.0", "python": "3.12"},
    hashes={"profile": "ab", "encoder": "cd"},
    notes=("词表缺 1 项",),
)
QUIET = replace(RUN, rankings=(), rejected=(), counts={"read": 0}, notes=())
