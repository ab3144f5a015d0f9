"""Every paper gets an outcome: what the router settled, what the judge said, what history and words add."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ranker.profile import Profile
from ranker.types import Candidate, Exclusion, Judgment, OutcomeName, Paper, Ranking, Route, Texts, Unscored


@dataclass(frozen=True, slots=True)
class Sorting:
    """``routed``: positions of papers that go to the judge; ``settled``: the rest, with outcome and why."""

    routed: tuple[int, ...]
    settled: tuple[Ranking, ...]


def newest_positions(papers: Sequence[Paper]) -> dict[str, int]:
    """Base id -> position of its newest version; of equal versions the first stands."""
    best: dict[str, int] = {}
    for i, paper in enumerate(papers):
        at = best.setdefault(paper.arxiv_id, i)
        if (paper.version or 0) > (papers[at].version or 0):
            best[paper.arxiv_id] = i
    return best


def sort_out(
    papers: Sequence[Paper], routes: Sequence[Route], vetoed: Sequence[Sequence[Exclusion]], profile: Profile
) -> Sorting:
    """Duplicates (the newest version of an id wins), vetoed and unrouted papers are settled; the rest are judged."""
    newest = newest_positions(papers)
    routed: list[int] = []
    settled: list[Ranking] = []
    for i, (paper, found) in enumerate(zip(papers, routes, strict=True)):
        if newest[paper.arxiv_id] != i:
            kept = papers[newest[paper.arxiv_id]]
            detail = f"duplicate of {kept.versioned_id} ({kept.origin.path}:{kept.origin.line})"
            settled.append(_settled(paper, found, "duplicate", detail, ()))
        elif vetoed[i]:
            words = ", ".join(e.what for e in vetoed[i])
            settled.append(_settled(paper, found, "vetoed", f"vetoed keyword: {words}", tuple(vetoed[i])))
        elif found.field is None:
            settled.append(_settled(paper, found, "unrouted", f"no field is left; {_excluded(found)}", ()))
        elif not found.routed:
            detail = f"similarity {found.similarity:.4f} < {profile.routing.min_similarity:.4f} ({found.field})"
            detail = "; ".join(filter(None, (detail, _excluded(found))))
            settled.append(_settled(paper, found, "unrouted", detail, ()))
        else:
            routed.append(i)
    return Sorting(tuple(routed), tuple(settled))


def _excluded(found: Route) -> str:
    """Which fields their own keywords removed, and by which words; empty where none was."""
    removed = [f"{e.what} ({e.keyword})" if e.keyword else e.what for e in found.exclusions if e.kind == "field"]
    return f"excluded by the field's own keyword: {', '.join(removed)}" if removed else ""


def _settled(
    paper: Paper, found: Route, outcome: OutcomeName, detail: str, exclusions: tuple[Exclusion, ...]
) -> Ranking:
    # The field is the best one for every paper, whatever its outcome; where all are excluded, the nearest of those.
    field = found.field or max(found.similarities, key=lambda s: s[1])[0]
    return Ranking(
        paper=paper,
        outcome=outcome,
        field=field,
        score=None,
        rank=0,
        similarity=found.similarity,
        margin=found.margin,
        reason="",
        judge="",
        detail=detail,
        second_field=found.second,
        similarities=found.similarities,
        exclusions=(*found.exclusions, *exclusions),
    )


def lost(candidate: Candidate, judge: str) -> Unscored:
    """What stands where a judge returned nothing at all for a candidate."""
    return Unscored(candidate.paper.arxiv_id, "lost", "the judge gave no outcome for this paper", judge)


def judged(candidate: Candidate, outcome: Judgment | Unscored) -> Ranking:
    """A routed paper's ranking: scored, or ``failed`` without a score."""
    found = candidate.route
    if isinstance(outcome, Unscored):
        failed = _settled(candidate.paper, found, "failed", f"{outcome.kind}: {outcome.detail}", ())
        return dataclasses.replace(failed, judge=outcome.judge)
    similarities = dict(found.similarities)
    removed = {e.what for e in found.exclusions if e.kind == "field"}
    others = sorted((s, f) for f, s in found.similarities if f != outcome.field and f not in removed)
    similarity = similarities.get(outcome.field, found.similarity)
    return Ranking(
        paper=candidate.paper,
        outcome="not_recommended",
        field=outcome.field,
        score=outcome.relevance,
        rank=0,
        similarity=similarity,
        margin=similarity - others[-1][0] if others else similarity,
        reason=outcome.reason,
        judge=outcome.judge,
        detail="; ".join(filter(None, (outcome.detail, _excluded(found)))),
        second_field=others[-1][1] if others else None,
        spread=outcome.spread,
        p_recommended=outcome.p_recommended,
        flags=outcome.flags,
        similarities=found.similarities,
        exclusions=found.exclusions,
    )


@dataclass(frozen=True, slots=True)
class Sighting:
    """The newest earlier day that judged a paper: version (0: none given), day, and the hash of its text then."""

    version: int
    day: str
    text_hash: str

    def flag(self, paper: Paper, text_hash: str) -> str:
        """What the digest says: a new version is one with a higher number, or, without numbers, with another text."""
        shown = f"v{self.version} " if self.version else ""
        if paper.version and self.version:
            newer = paper.version > self.version
        else:
            newer = text_hash != self.text_hash
        return f"new version: {shown}was seen on {self.day}" if newer else f"seen before: on {self.day}"


def dress(
    rankings: Sequence[Ranking],
    words: Mapping[str, Texts],
    known: Mapping[str, Sighting],
    hashes: Mapping[str, str],
) -> list[Ranking]:
    """Add the second pass's words and what history knows. Never touches score or field."""
    result = []
    for r in rankings:
        texts = words.get(r.paper.versioned_id)
        if texts is not None and r.outcome == "recommended":
            r = dataclasses.replace(r, texts=texts, reason=texts.reason or r.reason)
        if r.paper.arxiv_id in known and r.outcome != "duplicate":
            flag = known[r.paper.arxiv_id].flag(r.paper, hashes.get(r.paper.versioned_id, ""))
            detail = f"{r.detail}; {flag}" if r.detail else flag
            r = dataclasses.replace(r, flags=(*r.flags, flag), detail=detail)
        result.append(r)
    return result


def history_notes(rankings: Sequence[Ranking], language: str) -> tuple[str, ...]:
    """What the digest's foot says of papers that earlier days had: they are not recommended again."""
    seen = sum(any(f.startswith("seen before") for f in r.flags) for r in rankings)
    newer = sum(any(f.startswith("new version") for f in r.flags) for r in rankings)
    if language == "en":
        told = (f"{seen} seen on an earlier day, not recommended again", f"{newer} new versions of earlier papers")
    else:
        told = (f"{seen} 篇在之前的日子已出现过，不再推荐", f"{newer} 篇是之前论文的新版本")
    return tuple(text for text, number in zip(told, (seen, newer), strict=True) if number)


def alike_notes(groups: Sequence[Sequence[str]], language: str) -> tuple[str, ...]:
    """What the digest's foot says of recommended papers that nearly repeat one another, a group a line."""
    if language == "en":
        return tuple(f"nearly the same text: {', '.join(group)}" for group in groups)
    return tuple(f"内容相近的论文：{'、'.join(group)}" for group in groups)


def distinct_reasons(rankings: Sequence[Ranking]) -> list[Ranking]:
    """Where two papers' reasons came out equal (equal texts under two ids), the later ones name their id."""
    taken: set[str] = set()
    result = []
    for r in rankings:
        if r.reason and r.reason in taken:
            r = dataclasses.replace(r, reason=reason_with_id(r.reason, r.paper.versioned_id))
        taken.add(r.reason)
        result.append(r)
    return result


def reason_with_id(reason: str, versioned_id: str) -> str:
    return f"{reason}（arXiv:{versioned_id}）"
