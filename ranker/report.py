"""The accounting: lines read = rejected + every outcome, and what shaped them. Raises if one paper is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ranker.errors import AccountingError
from ranker.profile import Profile
from ranker.protocols import Judge
from ranker.types import OUTCOMES, EncoderInfo, Ranking


def tally(read: int, rejected: int, rankings: Sequence[Ranking]) -> dict[str, int]:
    """``read``, ``rejected`` and one count per outcome.

    Raises:
        AccountingError: they don't add up.
    """
    outcomes = Counter(r.outcome for r in rankings)
    counts: dict[str, int] = {"read": read, "rejected": rejected}
    counts.update({name: outcomes.get(name, 0) for name in OUTCOMES})
    check(counts)
    return counts


def check(counts: Mapping[str, int]) -> None:
    """lines read = rejected + duplicate + vetoed + unrouted + recommended + not_recommended + failed.

    Raises:
        AccountingError: with the numbers.
    """
    total = counts["rejected"] + sum(counts[name] for name in OUTCOMES)
    if counts["read"] != total:
        raise AccountingError(
            f"{counts['read']} lines were read but {total} are accounted for: {dict(counts)}",
            todo="this is a defect of ranker: please report it with the input; nothing was written",
        )


def hashes(profile: Profile, encoder: EncoderInfo, judge: Judge) -> dict[str, str]:
    """Name -> hash of all that shaped a run's results besides its papers."""
    return {"profile": profile.content_hash(), "encoder": encoder.key, "weights": encoder.sha256, **judge.hashes}
