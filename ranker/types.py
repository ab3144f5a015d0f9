"""Every record that crosses a stage. Imports nothing of ours; frozen, slotted, tuples inside.

Three numbers stay apart: *similarity* [-1, 1] from the index, *relevance* 1-10 from the judge, and *score* 1-10,
the ordering key that the digest shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OutcomeName = Literal["recommended", "not_recommended", "unrouted", "vetoed", "duplicate", "failed"]
OUTCOMES: tuple[OutcomeName, ...] = (
    "recommended",
    "not_recommended",
    "unrouted",
    "vetoed",
    "duplicate",
    "failed",
)
ExclusionKind = Literal["vetoed", "unwanted", "field"]
TextKind = Literal["query", "document"]
TickName = Literal["up", "down", "move", "later"]
TICKS: tuple[TickName, ...] = ("up", "down", "move", "later")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a paper was read: file (or address), kind of input, 1-based line or entry number."""

    path: str
    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Paper:
    """One arXiv entry.

    ``arxiv_id`` is the base id without version; ``title``, ``abstract`` and ``authors`` are normalised (white space,
    LaTeX accents); ``raw`` keeps the original row with every key that came in, unknown ones included.
    Dates are ISO (``YYYY-MM-DD``); ``day`` is the announcement day, ``published`` what the input says.
    """

    arxiv_id: str
    title: str
    abstract: str
    version: int | None = None
    authors: tuple[str, ...] = ()
    authors_text: str = ""
    published: str | None = None
    day: str | None = None
    categories: tuple[str, ...] = ()
    affiliations: tuple[str, ...] = ()
    announce_type: str | None = None
    origin: Origin = Origin("", "", 0)
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def versioned_id(self) -> str:
        return self.arxiv_id if self.version is None else f"{self.arxiv_id}v{self.version}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not become a paper: refused with file, line and why; ``snippet`` is its first 200 characters."""

    path: str
    line: int
    why: str
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """Who an encoder is. ``key`` (hash of all that shapes vectors) goes into every stored vector's key."""

    name: str
    sha256: str
    dimension: int
    max_tokens: int
    backend: str
    precision: str
    key: str
    supports_prompts: bool = False


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An exclusion that fired on a paper: kind, the topic, keyword or field concerned, by how much it counted
    (similarity), and the words in the paper that made it fire.
    """

    kind: ExclusionKind
    what: str
    amount: float = 0.0
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against a paper with nothing learned (see ``ranker.cold``; float64, no fixed unit).

    ``fields``: evidence for each field in the profile's order; ``unwanted`` and ``unwanted_terms``: for the nearest
    unwanted topic, from its centroids and its keywords; ``background``: nearness to common topics that are no field's;
    ``total``: all of it in one number, what relevance is made from.
    """

    fields: tuple[float, ...]
    unwanted: float
    unwanted_terms: float
    background: float
    total: float


@dataclass(frozen=True, slots=True)
class Route:
    """FAISS match of one paper against the fields.

    ``similarities`` holds (field name, similarity) for every field in the profile's order; ``field`` is the best field
    that no exclusion removed, ``second`` the next; ``margin`` = similarity(field) - similarity(second).
    ``routed`` is False where the best similarity fell short of the profile's minimum.
    """

    field: str | None
    similarity: float
    second: str | None
    margin: float
    routed: bool
    similarities: tuple[tuple[str, float], ...]
    unwanted: tuple[tuple[str, float], ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    nearest_example: str | None = None
    nearest_similarity: float | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A routed paper on its way to the judge. ``vector`` is unit float32 of shape (dimension,), as bytes."""

    paper: Paper
    route: Route
    text_hash: str
    vector: bytes


@dataclass(frozen=True, slots=True)
class Judgment:
    """What a judge said of one paper.

    ``relevance``: continuous 1-10, unrounded. ``distribution``: probabilities of the labels (empty for the heads);
    ``mass``: share of probability that fell on labels at all; ``entropy`` in nats; ``mode``: likeliest label.
    ``judge``: who judged (name and short hash). ``field``: the judge's field, which may differ from the router's.
    """

    arxiv_id: str
    field: str
    relevance: float
    reason: str
    judge: str
    p_recommended: float | None = None
    distribution: tuple[float, ...] = ()
    mass: float | None = None
    entropy: float | None = None
    mode: int | None = None
    spread: float | None = None
    flags: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unscored:
    """A candidate without a judgment: never a zero, never stored as a result."""

    arxiv_id: str
    kind: str
    detail: str
    judge: str


JudgeOutcome = Judgment | Unscored


@dataclass(frozen=True, slots=True)
class Texts:
    """Words about a paper. ``by`` says who wrote them: a model's name, or ``evidence`` (quoted, no model used).

    ``failed`` names the checks that a model's text did not pass (the evidence reason then stands in).
    """

    arxiv_id: str
    by: str
    reason: str = ""
    tldr: str = ""
    motivation: str = ""
    method: str = ""
    result: str = ""
    conclusion: str = ""
    brief: str = ""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of a run or a pass."""

    prompt: int = 0
    cached: int = 0
    generated: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt + other.prompt, self.cached + other.cached, self.generated + other.generated)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.prompt - other.prompt, self.cached - other.cached, self.generated - other.generated)


@dataclass(frozen=True, slots=True)
class Ranking:
    """One paper's place in a run: a line of ``rankings.jsonl``, with the paper for the renderers.

    ``rank`` is 1-based over all lines (scored ones first by score, then the rest by similarity, ties by id);
    ``score`` is null only where nothing judged the paper.
    """

    paper: Paper
    outcome: OutcomeName
    field: str | None
    score: float | None
    rank: int
    similarity: float | None
    margin: float | None
    reason: str
    judge: str
    detail: str
    tick: str | None = None
    field_rank: int | None = None
    second_field: str | None = None
    spread: float | None = None
    p_recommended: float | None = None
    flags: tuple[str, ...] = ()
    texts: Texts | None = None
    similarities: tuple[tuple[str, float], ...] = ()
    exclusions: tuple[Exclusion, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """The JSON object of ``rankings.jsonl`` (keys and order are a public format)."""
        return {
            "arxiv_id": self.paper.arxiv_id,
            "version": self.paper.version,
            "title": self.paper.title,
            "outcome": self.outcome,
            "field": self.field,
            "score": self.score,
            "rank": self.rank,
            "similarity": self.similarity,
            "margin": self.margin,
            "reason": self.reason,
            "judge": self.judge,
            "detail": self.detail,
            "tick": self.tick,
        }


@dataclass(frozen=True, slots=True)
class Stage:
    """Time spent in one stage: wall seconds, items handled in this run, items reused from the store."""

    name: str
    seconds: float
    items: int
    reused: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over a day: what the digest, the page and ``report.json`` are made from.

    ``day``: the announcement day (ISO), its key in the store; ``title_date``: shown instead in the digest's title.
    ``made_at``: ISO time with offset. ``counts``: outcome -> number, plus ``read`` (lines) and ``rejected``.
    ``judge_line`` is what the digest's header shows as the model; ``usage`` its tokens, ``passes`` the same by pass.
    """

    day: str
    made_at: str
    profile: str
    profile_title: str
    fields: tuple[str, ...]
    language: str
    rankings: tuple[Ranking, ...]
    rejected: tuple[Rejected, ...]
    counts: Mapping[str, int]
    stages: tuple[Stage, ...]
    judge_line: str
    usage: Usage
    uses_language_model: bool
    threshold: str
    versions: Mapping[str, str]
    hashes: Mapping[str, str]
    notes: tuple[str, ...] = ()
    title_date: str | None = None
    passes: Mapping[str, Usage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tick:
    """A person's mark: a line of the exported JSON lines. ``field`` is the new one where ``tick`` is ``move``.

    ``tick`` null takes an earlier mark back. ``at``: ISO time in UTC.
    """

    arxiv_id: str
    version: int | None
    profile: str
    day: str
    tick: TickName | None
    field: str | None
    at: str

    def as_row(self) -> dict[str, Any]:
        return {
            "arxiv_id": self.arxiv_id,
            "version": self.version,
            "profile": self.profile,
            "day": self.day,
            "tick": self.tick,
            "field": self.field,
            "at": self.at,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Tick:
        """Inverse of ``as_row``; ValueError says which key is wrong."""
        version, tick, field_name = row.get("version"), row.get("tick"), row.get("field")
        if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 1):
            raise ValueError(f"version: {version!r} is neither a positive number nor null")
        if tick is not None and tick not in TICKS:
            raise ValueError(f"tick: {tick!r} is none of {', '.join(TICKS)}, null")
        if field_name is not None and not isinstance(field_name, str):
            raise ValueError(f"field: {field_name!r} is neither a name nor null")
        if tick == "move" and not field_name:
            raise ValueError("field: a move names the field to move to")
        texts = []
        for key in ("arxiv_id", "profile", "day", "at"):
            value = row.get(key)
            if not isinstance(value, str) or not value or len(value) > 200:
                raise ValueError(f"{key}: {value!r} is no short text")
            texts.append(value)
        arxiv_id, profile, day, at = texts
        return cls(arxiv_id, version, profile, day, tick, field_name, at)


@dataclass(frozen=True, slots=True)
class JudgedPaper:
    """One paper with its label. ``day``: ISO day of the list it was judged in. ``field`` None: recommended, but under a
    field that the profile does not have. ``score`` 1-10, None where none was given. ``weight``: 1, more for ticks.
    """

    arxiv_id: str
    day: str
    title: str
    abstract: str
    recommended: bool
    field: str | None = None
    score: float | None = None
    authors: tuple[str, ...] = ()
    weight: float = 1.0
