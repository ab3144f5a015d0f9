"""A reason made of evidence: field, terms that stand in the paper, nearest example, key sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ranker.match import find_in
from ranker.profile import Field, Profile
from ranker.roles import key_sentence
from ranker.types import Candidate, Paper

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9\-]{3,}|[\u4e00-\u9fff]{2,}")
_COMMON_WORDS = (
    "with from that this these those into over under between using based toward towards through about their than "
    "when where which what while more most less such via across without within paper study approach method methods "
    "model models learning analysis results novel new large"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_MAX_TERMS = 4

_WORDS = {
    "zh": {
        "field": "归入「{field}」，与其描述的相似度 {similarity:.2f}",
        "terms": "文中出现{terms}",
        "title": "文中没有该领域的关键词，题名用词{terms}",
        "example": "最接近的范例论文《{example}》，相似度 {similarity:.2f}",
        "key": "关键句：“{sentence}”",
        "unwanted": "因与不关注主题「{topic}」相近而降分",
        "term": "“{term}”",
        "join": "、",
        "stop": "；",
        "end": "。",
    },
    "en": {
        "field": 'Filed under "{field}", similarity to its description {similarity:.2f}',
        "terms": "the paper says {terms}",
        "title": "none of the field's keywords stands in the paper, its title says {terms}",
        "example": 'nearest example paper "{example}", similarity {similarity:.2f}',
        "key": 'key sentence: "{sentence}"',
        "unwanted": 'score lowered: close to the unwanted topic "{topic}"',
        "term": '"{term}"',
        "join": ", ",
        "stop": "; ",
        "end": ".",
    },
}


def matched_terms(paper: Paper, field: Field, learned: Sequence[str] = ()) -> tuple[tuple[str, ...], bool]:
    """Terms as they stand in the paper, and whether they are the field's: its keywords, learned terms, or words shared
    with its descriptions. Where none is, a word of the title (False). Never empty for a paper with a title.
    """
    text = f"{paper.title}\n{paper.abstract}"
    found = find_in((*field.keywords, *learned), paper.title, paper.abstract)
    kept = [f for f in found if not any(f != g and f.lower() in g.lower() for g in found)]
    if kept:
        return tuple({k.lower(): k for k in reversed(kept)}.values())[::-1][:_MAX_TERMS], True
    description = {w.lower() for w in _WORD.findall(" ".join((field.description, *field.descriptions)))} - _COMMON
    shared = [w for w in _WORD.findall(text) if w.lower() in description]
    if shared:
        return tuple({w.lower(): w for w in reversed(shared)}.values())[::-1][:2], True
    title = [w for w in _WORD.findall(paper.title) if w.lower() not in _COMMON] or paper.title.split()
    return ((max(title, key=len),) if title else ()), False


def reason(candidate: Candidate, profile: Profile, *, field: str | None = None, learned: Sequence[str] = ()) -> str:
    """The evidence reason in the profile's language; ``field`` where the judge's differs from the router's."""
    say = _WORDS[profile.language]
    route, name = candidate.route, field or candidate.route.field or ""
    similarities = dict(route.similarities)
    wanted = next(f for f in profile.fields if f.name == name)
    parts = [say["field"].format(field=name, similarity=similarities.get(name, route.similarity))]
    terms, matched = matched_terms(candidate.paper, wanted, learned)
    if terms:
        parts.append(
            say["terms" if matched else "title"].format(
                terms=say["join"].join(say["term"].format(term=t) for t in terms)
            )
        )
    if route.nearest_example is not None and route.nearest_similarity is not None:
        parts.append(say["example"].format(example=route.nearest_example, similarity=route.nearest_similarity))
    near = [t for t, s in route.unwanted if s > similarities.get(name, route.similarity)]
    if near:
        parts.append(say["unwanted"].format(topic=near[0]))
    parts.append(say["key"].format(sentence=key_sentence(candidate.paper.title, candidate.paper.abstract)))
    return say["stop"].join(parts) + say["end"]
