"""The story: papers are deduplicated, vetoed, embedded, routed, judged, ordered, given words and accounted for."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from ranker import outcomes, report
from ranker.embed import embed
from ranker.near_duplicates import near_duplicates
from ranker.profile import Profile
from ranker.progress import Progress, Stopwatch, Tally
from ranker.protocols import Encoder, Judge, ModelJudge
from ranker.rank import order, recommend
from ranker.route import CentroidText, Search, centroid_texts, route, vetoes
from ranker.text import document_text, text_hash
from ranker.types import Candidate, JudgeOutcome, Judgment, Paper, Ranking, Rejected, Route, Run, Stage, Texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.store import Store

_FLUSH_ITEMS, _FLUSH_SECONDS = 64, 0.5


@dataclass(frozen=True, slots=True)
class Request:
    """What to rank: parsed papers, what was refused, how many lines were read, and the clock.

    ``day`` keys the run in the store (the papers' own newest day if None); ``title_date`` is only shown; ``stages``:
    what came before, such as reading; ``retry_failed``: words that failed their checks are written again.
    """

    papers: tuple[Paper, ...]
    read: int
    now: datetime
    rejected: tuple[Rejected, ...] = ()
    day: str | None = None
    use_history: bool = True
    notes: tuple[str, ...] = ()
    partial: bool = False
    title_date: str | None = None
    stages: tuple[Stage, ...] = ()
    retry_failed: bool = False


def rank(
    request: Request,
    profile: Profile,
    *,
    encoder: Encoder,
    search: Search,
    judge: Judge,
    store: Store,
    progress: Progress | None = None,
    versions: Mapping[str, str] | None = None,
) -> Run:
    """Every paper ends as duplicate, vetoed, unrouted, or routed; every routed one as Judgment or Unscored.

    Args:
        search: inner products of papers and centroids (the FAISS backend).
        versions: of everything that shaped the result, for the report.

    Raises:
        RankerError: nothing is written but what the store already holds durably.
        AccountingError: a paper was lost.
    """
    watch = Stopwatch(progress)
    now = request.now.isoformat(timespec="seconds")
    papers = request.papers
    model = judge if isinstance(judge, ModelJudge) else None
    hashes = [text_hash(p.title, p.abstract) for p in papers]
    by_version = dict(reversed([(p.versioned_id, h) for p, h in zip(papers, hashes, strict=True)]))
    with watch.stage("store", len(papers)) as tally:
        store.put_papers(first_of_each(papers, hashes), now)
        tally.advance(len(papers))
    day = request.day or newest_day(papers, request.now) or store.first_seen([p.arxiv_id for p in papers]) or now[:10]
    with watch.stage("embed", len(papers)) as tally:
        # New papers will need the model: it loads while they are embedded. With none of them it may not load at all.
        vectors = embed_papers(papers, encoder, store, tally, on_new=model.start if model else None)
    with watch.stage("route", len(papers)) as tally:
        texts = centroid_texts(profile)
        centroids = embed_profile(texts, encoder, store)
        routes = route(papers, vectors, profile, texts, centroids, search)
        tally.advance(len(papers))
    sorting = outcomes.sort_out(papers, routes, vetoes(papers, profile), profile)
    candidates = [
        Candidate(papers[i], routes[i], hashes[i], vectors[i].astype(np.float32).tobytes()) for i in sorting.routed
    ]
    with watch.stage("judge", len(candidates)) as tally:
        judged, asked = judge_papers(candidates, judge, profile, store, now, tally)
        remarks = model.check(asked) if model else ()
    if model:
        judged, said = model.adjust(candidates, judged)
        remarks += said
    rankings = order([*sorting.settled, *(outcomes.judged(c, judged[c.paper.versioned_id]) for c in candidates)])
    known = _known(rankings, profile, day, store) if request.use_history else {}
    rankings = recommend(rankings, profile.recommend, known=known)
    chosen = {r.paper.versioned_id: r.field for r in rankings if r.outcome == "recommended"}
    wanted = [_filed(c, chosen[c.paper.versioned_id]) for c in candidates if c.paper.versioned_id in chosen]
    alike = _near_duplicates(wanted, search)
    with watch.stage("write", len(chosen)) as tally:
        words = _write(wanted, judge, profile, store, now, tally, again=request.retry_failed)
        remarks += model.engine_notes() if model else ()
    rankings = outcomes.distinct_reasons(outcomes.dress(rankings, words, known, by_version))
    counts = report.tally(request.read, len(request.rejected), rankings)
    run = Run(
        day=day,
        made_at=now,
        profile=profile.name,
        profile_title=profile.title,
        fields=profile.field_names,
        language=profile.language,
        rankings=tuple(rankings),
        rejected=request.rejected,
        counts=counts,
        stages=(*request.stages, *watch.stages),
        judge_line=judge.name,
        usage=judge.usage,
        passes=model.usage_by_pass if model else {},
        uses_language_model=judge.uses_language_model,
        threshold=profile.recommend.describe(),
        versions=dict(versions or {}),
        hashes=report.hashes(profile, encoder.info, judge),
        notes=(
            *request.notes,
            *remarks,
            *outcomes.history_notes(rankings, profile.language),
            *outcomes.alike_notes(alike, profile.language),
        ),
        title_date=request.title_date,
    )
    store.put_run(run, by_version)
    return run


def newest_day(papers: Iterable[Paper], now: datetime) -> str | None:
    """The announcement day, else the latest ``published`` date, of a set of papers.

    A date in the future (a slip in one row) would date the whole run: it is left out.
    """
    papers = list(papers)
    latest = latest_day(now)
    for days in ([p.day for p in papers if p.day], [p.published for p in papers if p.published]):
        past = [d[:10] for d in days if d[:10] <= latest]
        if past:
            return max(past)
    return None


def latest_day(now: datetime) -> str:
    """The last ISO day that is no slip in a row: tomorrow, since it may have come somewhere."""
    return (now + timedelta(days=1)).date().isoformat()


def first_of_each(papers: Sequence[Paper], hashes: Sequence[str]) -> list[tuple[Paper, str]]:
    """(paper, text hash), one for each id and version: the first, which is the one that is ranked."""
    kept: dict[str, tuple[Paper, str]] = {}
    for paper, text in zip(papers, hashes, strict=True):
        kept.setdefault(paper.versioned_id, (paper, text))
    return list(kept.values())


def outcome_key(candidate: Candidate, judge: Judge) -> str:
    """sha256 (hex) of base id, version, text hash and all that shapes the judgment. Change any: judged again."""
    p = candidate.paper
    parts = (p.arxiv_id, str(p.version or 0), candidate.text_hash, judge.key(candidate))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def embed_papers(
    papers: Sequence[Paper],
    encoder: Encoder,
    store: Store,
    tally: Tally,
    *,
    on_new: Callable[[], None] | None = None,
) -> NDArray[np.float32]:
    """(n, dimension) unit float32 in the papers' order; only what the store lacks is encoded.

    ``on_new`` is called before anything is encoded, where the store lacks something.
    """
    texts = [document_text(p.title, p.abstract) for p in papers]
    hashes = [text_hash(p.title, p.abstract) for p in papers]
    result = embed(texts, hashes, encoder, store, on_batch=tally.advance, on_new=on_new)
    tally.advance(result.shared)
    tally.reuse(result.reused)
    return result.vectors


def embed_profile(texts: Sequence[CentroidText], encoder: Encoder, store: Store) -> NDArray[np.float32]:
    """The centroids' vectors, from the store where it has them: a second run loads no encoder at all."""
    vectors = np.zeros((len(texts), encoder.info.dimension), dtype=np.float32)
    for kind in ("query", "document"):
        rows = [i for i, t in enumerate(texts) if t.kind == kind]
        keys = [_centroid_key(texts[i]) for i in rows]
        if rows:
            vectors[rows] = embed([texts[i].text for i in rows], keys, encoder, store, kind=kind).vectors
    return vectors


def stored_profile(texts: Sequence[CentroidText], encoder: Encoder, store: Store) -> NDArray[np.float32] | None:
    """The centroids' vectors where the store has all of them: for who only reads."""
    keys = [_centroid_key(t) for t in texts]
    found = store.get_vectors(encoder.info.key, keys)
    return np.stack([found[k] for k in keys]) if all(k in found for k in keys) else None


def _centroid_key(text: CentroidText) -> str:
    """A query may carry the model's prompt, so it never shares a key with a paper of the same text."""
    return hashlib.sha256(f"{text.kind}\0{text.text}".encode()).hexdigest()


def embed_and_route(
    papers: Sequence[Paper], profile: Profile, *, encoder: Encoder, search: Search, store: Store, tally: Tally
) -> tuple[NDArray[np.float32], list[Route]]:
    """Vectors (n, dimension) and a route for every paper, in order; for what has no use for the stages one by one."""
    vectors = embed_papers(papers, encoder, store, tally)
    texts = centroid_texts(profile)
    centroids = embed_profile(texts, encoder, store)
    return vectors, route(papers, vectors, profile, texts, centroids, search)


def candidate(paper: Paper, found: Route, vector: NDArray[np.float32]) -> Candidate:
    """A paper with its route as a judge takes it; ``vector`` (dimension,) float32."""
    return Candidate(paper, found, text_hash(paper.title, paper.abstract), vector.tobytes())


def _filed(candidate: Candidate, field: str | None) -> Candidate:
    """Under the judge's field: the words are about that one."""
    if field is None or field == candidate.route.field:
        return candidate
    return dataclasses.replace(candidate, route=dataclasses.replace(candidate.route, field=field))


def judge_papers(
    candidates: Sequence[Candidate], judge: Judge, profile: Profile, store: Store, now: str, tally: Tally
) -> tuple[dict[str, JudgeOutcome], list[Candidate]]:
    """An outcome for every candidate, by versioned id, from the store, else judged and made durable as it comes; and
    the candidates that had to be judged.
    """
    keys = {c.paper.versioned_id: outcome_key(c, judge) for c in candidates}
    stored = store.get_judgments(list(keys.values()))
    result: dict[str, JudgeOutcome] = {i: stored[k] for i, k in keys.items() if k in stored}
    tally.reuse(len(result))
    missing = {c.paper.arxiv_id: c for c in candidates if c.paper.versioned_id not in result}
    pending: list[tuple[str, int | None, Judgment]] = []
    flushed = time.monotonic()
    at_once = 1 if judge.uses_language_model else _FLUSH_ITEMS
    try:
        for outcome in judge.judge(list(missing.values())) if missing else ():
            paper = missing[outcome.arxiv_id].paper
            result[paper.versioned_id] = outcome
            tally.advance()
            if isinstance(outcome, Judgment):
                pending.append((keys[paper.versioned_id], paper.version, outcome))
            if len(pending) >= at_once or time.monotonic() - flushed > _FLUSH_SECONDS:
                store.put_judgments(profile.name, pending, now)
                pending, flushed = [], time.monotonic()
    finally:
        if pending:
            store.put_judgments(profile.name, pending, now)
    for c in candidates:
        result.setdefault(c.paper.versioned_id, outcomes.lost(c, judge.name))
    return result, list(missing.values())


def _write(
    candidates: Sequence[Candidate],
    judge: Judge,
    profile: Profile,
    store: Store,
    now: str,
    tally: Tally,
    *,
    again: bool = False,
) -> dict[str, Texts]:
    """Words for recommended papers, by versioned id. Words that failed their checks are stored as such: under the same
    keys the model would fail again, and be loaded for it. ``again`` has them written once more. What the engine lost is
    no result and is not stored.
    """
    keys = {c.paper.arxiv_id: k for c in candidates if (k := judge.text_key(c)) is not None}
    by_id = {c.paper.arxiv_id: c for c in candidates}
    stored = {k: t for k, t in store.get_texts(list(keys.values())).items() if not (again and t.failed)}
    result = {by_id[i].paper.versioned_id: stored[k] for i, k in keys.items() if k in stored}
    tally.reuse(len(result))
    missing = [c for c in candidates if c.paper.arxiv_id in keys and c.paper.versioned_id not in result]
    for texts in judge.write(missing) if missing else ():
        result[by_id[texts.arxiv_id].paper.versioned_id] = texts
        if not any(name == "error" or name.endswith(":error") for name in texts.failed):
            store.put_texts(profile.name, keys[texts.arxiv_id], texts, now)
        tally.advance()
    return result


def _near_duplicates(recommended: Sequence[Candidate], search: Search) -> list[tuple[str, ...]]:
    """Groups of base ids; only among recommended papers, so that it costs little however many papers came in."""
    vectors = np.array([np.frombuffer(c.vector, dtype=np.float32) for c in recommended])
    return near_duplicates(vectors, [c.paper.arxiv_id for c in recommended], search)


def _known(rankings: Sequence[Ranking], profile: Profile, day: str, store: Store) -> dict[str, outcomes.Sighting]:
    """Ids that an earlier day judged, with the newest sighting. What failed, was unrouted or vetoed is new still."""
    seen = store.seen_before(profile.name, day, [r.paper.arxiv_id for r in rankings])
    known = {}
    for arxiv_id, sightings in seen.items():
        judged = [s for s in sightings if s[2] in ("recommended", "not_recommended")]
        if judged:
            version, at, _, text = judged[-1]
            known[arxiv_id] = outcomes.Sighting(version, at, text)
    return known
