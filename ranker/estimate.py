"""``--dry-run``: how many papers would be read, embedded and judged, and about how long that takes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ranker import outcomes
from ranker.pipeline import Request, outcome_key
from ranker.profile import Profile
from ranker.protocols import Encoder, Judge
from ranker.route import Search, vetoes
from ranker.text import text_hash
from ranker.types import Candidate

if TYPE_CHECKING:
    from ranker.store import Store

# Without a run in the store to learn from: MiniLM on two cores; printed as a rough figure.
_EMBED_SECONDS, _JUDGE_SECONDS = 1 / 50, 1 / 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts of a run that has not been made. ``judge_at_most``: routed papers are known only after embedding."""

    read: int
    rejected: int
    duplicates: int
    vetoed: int
    embed: int
    embed_known: int
    judge_at_most: int
    judge_known: int
    judge: str
    seconds: float
    basis: str

    def lines(self) -> list[str]:
        return [
            f"read {self.read} rows: {self.rejected} refused, {self.duplicates} duplicates, {self.vetoed} vetoed",
            f"embed {self.embed} texts ({self.embed_known} are in the store)",
            f"judge at most {self.judge_at_most} papers with {self.judge} ({self.judge_known} are in the store)",
            f"about {self.seconds:.0f} s ({self.basis}); nothing was written",
        ]


def estimate(request: Request, profile: Profile, encoder: Encoder, search: Search, judge: Judge, store: Store) -> Plan:
    """Count without embedding or judging anything; routing is done for papers whose vectors are stored."""
    papers = request.papers
    hashes = [text_hash(p.title, p.abstract) for p in papers]
    stored = store.get_vectors(encoder.info.key, hashes)
    newest = outcomes.newest_positions(papers)
    vetoed = vetoes(papers, profile)
    live = [i for i, p in enumerate(papers) if newest[p.arxiv_id] == i and not vetoed[i]]
    embed = len(set(hashes) - set(stored))
    per_text, basis = _pace(profile, store)
    seconds = embed * per_text + len(live) * _JUDGE_SECONDS
    known = _known_judgments(live, request, hashes, judge, store)
    return Plan(
        read=request.read,
        rejected=len(request.rejected),
        duplicates=sum(newest[p.arxiv_id] != i for i, p in enumerate(papers)),
        vetoed=sum(bool(vetoed[i]) for i in range(len(papers)) if newest[papers[i].arxiv_id] == i),
        embed=embed,
        embed_known=len(stored),
        judge_at_most=len(live) - known,
        judge_known=known,
        judge=judge.name,
        seconds=seconds,
        basis=basis,
    )


def _pace(profile: Profile, store: Store) -> tuple[float, str]:
    """Seconds a text from the newest stored run that embedded enough to tell."""
    for day in reversed(store.run_days(profile.name)[-5:]):
        run = store.run(profile.name, day)
        stage = next((s for s in run.stages if s.name == "embed"), None) if run else None
        if stage and stage.items >= 20:
            return stage.seconds / stage.items, f"as fast as on {day}"
    return _EMBED_SECONDS, "a rough guess: no earlier run to go by"


def _known_judgments(live: list[int], request: Request, hashes: list[str], judge: Judge, store: Store) -> int:
    from ranker.types import Route

    blank = Route(None, 0.0, None, 0.0, True, ())
    try:
        keys = [outcome_key(Candidate(request.papers[i], blank, hashes[i], b""), judge) for i in live]
    except (KeyError, StopIteration):
        return 0  # this judge's keys need the route, which needs the vectors
    return len(store.get_judgments(keys))
