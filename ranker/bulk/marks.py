"""What stays in memory of every paper of a corpus: 35 bytes in arrays, enough for the order and the recommendations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ranker.profile import Recommend
from ranker.rank import Places
from ranker.types import OUTCOMES, Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MARK = np.dtype(
    [
        ("score", "<f8"),  # NaN: none
        ("similarity", "<f8"),
        ("reason", "<u8"),  # a hash of it, 0 where it is blank
        ("id", "<i4"),  # place of the base id among all base ids
        ("version", "<i4"),  # 0: none
        ("field", "<i2"),  # -1: none
        ("outcome", "<i1"),
    ]
)
_NOT_RECOMMENDED, _DUPLICATE = OUTCOMES.index("not_recommended"), OUTCOMES.index("duplicate")


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk's marks by themselves: ``marks`` (n,) with ids from 0 and fields as places in ``fields``."""

    marks: NDArray[np.void]
    fields: tuple[str, ...]
    ids: int


def part_of(rankings: Sequence[Ranking]) -> Part:
    """Of one chunk, in its own order of rank (`ranker.rank.order`)."""
    places = {name: i for i, name in enumerate(sorted({r.paper.arxiv_id for r in rankings}))}
    fields: dict[str, int] = {}
    rows = [
        (
            np.nan if r.score is None else r.score,
            -2.0 if r.similarity is None else r.similarity,
            _reason_hash(r.reason),
            places[r.paper.arxiv_id],
            r.paper.version or 0,
            -1 if r.field is None else fields.setdefault(r.field, len(fields)),
            OUTCOMES.index(r.outcome),
        )
        for r in rankings
    ]
    return Part(np.array(rows, dtype=_MARK), tuple(fields), len(places))


class Marks:
    """Filled chunk by chunk. Chunks come by base id, and no id is in two of them."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.void]] = []
        self._fields: dict[str, int] = {}
        self._ids = 0

    def add(self, part: Part) -> None:
        """The next chunk's."""
        marks = part.marks.copy()
        marks["id"] += self._ids
        self._ids += part.ids
        # The last entry is for -1, no field
        places = [self._fields.setdefault(name, len(self._fields)) for name in part.fields]
        marks["field"] = np.array([*places, -1], dtype=np.int16)[marks["field"]]
        self._parts.append(marks)

    def settle(self, rule: Recommend) -> Settled:
        """The order of all papers and who is recommended; the parts are given up."""
        parts, self._parts = self._parts, []
        sizes = [len(p) for p in parts]
        marks = np.concatenate(parts) if parts else np.zeros(0, dtype=_MARK)
        return Settled(marks, np.cumsum([0, *sizes], dtype=np.int64), tuple(self._fields), rule)


class Settled:
    """The total order over n papers.

    ``order`` (n,) int64: positions (chunk after chunk, each in its own order) from the best paper on; ``chunk`` (n,)
    int32: the chunk of every paper in that order; ``outcome`` (n,) int8 and ``repeated`` (n,) bool: in that order too.
    """

    def __init__(
        self, marks: NDArray[np.void], starts: NDArray[np.int64], fields: Sequence[str], rule: Recommend
    ) -> None:
        score = marks["score"]
        none = np.isnan(score)
        # `ranker.rank.order` column by column, the last key first: id and version end every tie.
        self.order = np.lexsort(
            (-marks["version"], marks["id"], -marks["similarity"], np.where(none, 0.0, -score), none)
        ).astype(np.int64)
        self.chunk = (np.searchsorted(starts, self.order, side="right") - 1).astype(np.int32)
        self._score = score[self.order]
        self._field = marks["field"][self.order]
        self._names = tuple(fields)
        self.outcome = marks["outcome"][self.order].copy()
        self._recommend(rule)
        self.repeated = _repeated(marks["reason"][self.order])

    def __len__(self) -> int:
        return len(self.order)

    def _recommend(self, rule: Recommend) -> None:
        places = Places(rule, int((self.outcome != _DUPLICATE).sum()))
        for at in np.flatnonzero((self.outcome == _NOT_RECOMMENDED) & ~np.isnan(self._score)).tolist():
            if places.left <= 0:
                break
            if places.take(float(self._score[at]), self._name(at)):
                self.outcome[at] = 0
        self.recommended = np.flatnonzero(self.outcome == 0)

    def _name(self, at: int) -> str | None:
        code = int(self._field[at])
        return None if code < 0 else self._names[code]

    def counts(self) -> dict[str, int]:
        """Outcome -> number of papers."""
        return {name: int((self.outcome == code).sum()) for code, name in enumerate(OUTCOMES)}

    def field_counts(self, names: Sequence[str]) -> Mapping[str, dict[str, int]]:
        """Field -> outcome -> number, for ``report.json``; outcomes that a field has none of are left out."""
        found: dict[str, dict[str, int]] = {name: {} for name in names}
        for name in names:
            if name in self._names:
                here = self.outcome[self._field == self._names.index(name)]
                counted = np.bincount(here, minlength=len(OUTCOMES)).tolist()
                found[name] = {o: n for o, n in zip(OUTCOMES, counted, strict=True) if n}
        return found

    def field_rank(self, at: int) -> int:
        """1-based place of the scored paper at place ``at`` (0-based) among the scored ones of its field."""
        same = (self._field[: at + 1] == self._field[at]) & ~np.isnan(self._score[: at + 1])
        return int(same.sum())


def _reason_hash(reason: str) -> int:
    """64 bits: among 3 million reasons two different ones meet with a chance of 1 in 4 million."""
    return int.from_bytes(hashlib.blake2b(reason.encode(), digest_size=8).digest(), "little") if reason else 0


def _repeated(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(n,) True where an earlier paper has the same reason."""
    repeated = np.ones(len(hashes), dtype=np.bool_)
    repeated[np.unique(hashes, return_index=True)[1]] = False
    repeated[hashes == 0] = False
    return repeated
