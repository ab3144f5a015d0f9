"""``--dry-run``: how many papers would be read, embedded and judged, and about how long that takes here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker import outcomes
from ranker.pipeline import Request, outcome_key, stored_profile
from ranker.profile import Profile
from ranker.protocols import Encoder, Judge
from ranker.route import Search, centroid_texts, route, vetoes
from ranker.text import text_hash
from ranker.types import Candidate, Paper, Route, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.store import Store

# Without a run in the store to learn from: MiniLM on two cores; printed as a rough figure.
_EMBED_SECONDS, _JUDGE_SECONDS = 1 / 50, 1 / 2000
_ENOUGH_ITEMS, _RUNS = 20, 5
_NEVER = "no earlier run used this model"


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts of a run that has not been made. ``judge_at_most``: of papers without a vector it is known only after
    embedding whether they are routed; ``unrouted``: those that are not, of the others. ``sure``: there are
    none without a vector.

    ``seconds``: for what is to embed and to judge; None where nothing tells how fast this judge is. ``tokens``: of a
    language model for what is to judge; None where the judge uses none, or can't tell.
    """

    read: int
    rejected: int
    duplicates: int
    vetoed: int
    embed: int
    embed_known: int
    judge_at_most: int
    judge_known: int
    judge: str
    seconds: float | None
    basis: str
    tokens: int | None = None
    unrouted: int = 0
    sure: bool = False

    def lines(self) -> list[str]:
        cost = "time unknown" if self.seconds is None else f"about {self.seconds:.0f} s"
        if self.tokens is not None:
            cost += f", about {self.tokens:,} tokens"
        return [
            f"read {self.read} rows: {self.rejected} refused, {self.duplicates} duplicates, {self.vetoed} vetoed",
            f"embed {self.embed} texts ({self.embed_known} are in the store)",
            f"judge {'' if self.sure else 'at most '}{self.judge_at_most} papers with {self.judge} "
            f"({self.judge_known} are in the store{f', {self.unrouted} unrouted' if self.unrouted else ''})",
            f"{cost} ({self.basis}); nothing was written",
        ]


def plan(
    request: Request, profile: Profile, *, encoder: Encoder, search: Search, judge: Judge, store: Store | None
) -> Plan:
    """Count, and only read: nothing is embedded, judged or stored.

    What has a vector in the store is routed. Of the rest a paper that would end unrouted counts as one to judge, and
    one that is judged under any field as known. ``store``: opened to read only will do; None where there is none yet.
    A judge that uses a language model may have ``estimate_tokens(candidates) -> int``: prompts and texts of candidates
    whose route names a field, perhaps at a guess.
    """
    papers = request.papers
    hashes = [text_hash(p.title, p.abstract) for p in papers]
    stored = store.get_vectors(encoder.info.key, hashes) if store is not None else {}
    newest = outcomes.newest_positions(papers)
    vetoed = vetoes(papers, profile)
    live = [i for i, p in enumerate(papers) if newest[p.arxiv_id] == i and not vetoed[i]]
    routed = _routes([papers[i] for i in live], [hashes[i] for i in live], stored, profile, encoder, search, store)
    held = [(i, routed.get(hashes[i])) for i in live]
    unrouted = sum(r is not None and (r.field is None or not r.routed) for _, r in held)
    guess = _guess(profile.field_names[0])
    candidates = [
        Candidate(papers[i], r or guess, hashes[i], b"") for i, r in held if r is None or (r.field and r.routed)
    ]
    missing = _not_judged(candidates, profile, judge, store)
    embed = len(set(hashes) - set(stored))
    seconds, basis = _seconds(embed, missing, judge, _runs(profile, store))
    return Plan(
        read=request.read,
        rejected=len(request.rejected),
        duplicates=sum(newest[p.arxiv_id] != i for i, p in enumerate(papers)),
        vetoed=sum(bool(vetoed[i]) for i in range(len(papers)) if newest[papers[i].arxiv_id] == i),
        embed=embed,
        embed_known=len(stored),
        judge_at_most=len(missing),
        judge_known=len(candidates) - len(missing),
        judge=judge.name,
        seconds=seconds,
        basis=basis,
        tokens=_tokens(missing, judge),
        unrouted=unrouted,
        sure=all(r is not None for _, r in held),
    )


def _routes(
    papers: Sequence[Paper],
    hashes: Sequence[str],
    vectors: Mapping[str, NDArray[np.float32]],
    profile: Profile,
    encoder: Encoder,
    search: Search,
    store: Store | None,
) -> dict[str, Route]:
    """Text hash -> route of papers whose vector, and whose profile's vectors, the store has."""
    texts = centroid_texts(profile)
    centroids = stored_profile(texts, encoder, store) if store is not None else None
    known = [(p, h) for p, h in zip(papers, hashes, strict=True) if h in vectors]
    if centroids is None or not known:
        return {}
    rows = np.stack([vectors[h] for _, h in known])
    found = route([p for p, _ in known], rows, profile, texts, centroids, search)
    return {h: r for (_, h), r in zip(known, found, strict=True)}


def _guess(field: str) -> Route:
    return Route(field, 0.0, None, 0.0, True, ())


def _not_judged(
    candidates: Sequence[Candidate], profile: Profile, judge: Judge, store: Store | None
) -> list[Candidate]:
    if store is None:
        return list(candidates)
    routes = [_guess(name) for name in profile.field_names]
    if candidates and _minds_second(candidates[0], routes, judge):
        routes += [dataclasses.replace(a, second=b.field) for a in routes for b in routes if a.field != b.field]
    keys = [
        {outcome_key(dataclasses.replace(c, route=r), judge) for r in ([c.route] if c.route.similarities else routes)}
        for c in candidates
    ]
    known = set(store.get_judgments(sorted(set().union(*keys))))
    return [c for c, own in zip(candidates, keys, strict=True) if not own & known]


def _minds_second(candidate: Candidate, routes: Sequence[Route], judge: Judge) -> bool:
    """Whether this judge also reads the router's second field: its keys then differ by it."""
    first, second = routes[0], routes[-1].field
    alone, both = (dataclasses.replace(candidate, route=dataclasses.replace(first, second=s)) for s in (None, second))
    return judge.key(alone) != judge.key(both)


def _runs(profile: Profile, store: Store | None) -> list[Run]:
    """The newest stored runs, newest first."""
    days = store.run_days(profile.name)[-_RUNS:] if store is not None else []
    return [run for day in reversed(days) if store is not None and (run := store.run(profile.name, day))]


def _seconds(embed: int, missing: Sequence[Candidate], judge: Judge, runs: Sequence[Run]) -> tuple[float | None, str]:
    """What the two stages cost, from stored runs that did enough to tell (for judging: with this judge), else what a
    judge over a language model makes of its arithmetic.
    """
    judge_items = len(missing)
    embedding = _pace("embed", runs)
    mine = [run for run in runs if _model(run.judge_line) == _model(judge.name)]
    judging = _judge_pace(mine) if judge.uses_language_model else _pace("judge", mine)
    days = [day for pace, items in ((embedding, embed), (judging, judge_items)) if pace and items for day in [pace[1]]]
    if judging is None and judge.uses_language_model and judge_items:
        arithmetic: Callable[[Sequence[Candidate]], float | None] | None = getattr(judge, "estimate_seconds", None)
        seconds = arithmetic(missing) if arithmetic is not None else None
        why = f"no earlier run asked this model about {_ENOUGH_ITEMS} papers" if mine else _NEVER
        if seconds is None:
            return None, why
        seconds += embed * (embedding[0] if embedding else _EMBED_SECONDS)
        return seconds, f"by arithmetic: {why}"
    per_text = embedding[0] if embedding else _EMBED_SECONDS
    per_paper = judging[0] if judging else _JUDGE_SECONDS
    basis = f"as fast as on {' and '.join(dict.fromkeys(days))}" if days else "a rough guess: no earlier run to go by"
    return embed * per_text + judge_items * per_paper, basis


def _model(judge_line: str) -> str:
    """The model without what is done to its judgments after the store (`` + calibrated, ...``), which takes no time."""
    return judge_line.partition(" + ")[0]


def _pace(name: str, runs: Sequence[Run]) -> tuple[float, str] | None:
    """Seconds an item of a stage, and the day of the run that tells it."""
    for run in runs:
        for stage in run.stages:
            if stage.name == name and stage.items >= _ENOUGH_ITEMS:
                return stage.seconds / stage.items, run.day
    return None


def _judge_pace(runs: Sequence[Run]) -> tuple[float, str] | None:
    """Seconds a judged paper with the words that are written for some of them, and the day that tells it."""
    found = _pace("judge", runs)
    if found is None:
        return None
    run = next(run for run in runs if run.day == found[1])
    judged = next(stage.items for stage in run.stages if stage.name == "judge")
    return found[0] + sum(stage.seconds for stage in run.stages if stage.name == "write") / judged, found[1]


def _tokens(missing: Sequence[Candidate], judge: Judge) -> int | None:
    count: Callable[[Sequence[Candidate]], int] | None = getattr(judge, "estimate_tokens", None)
    return count(missing) if count is not None and judge.uses_language_model else None
