"""New versions of papers seen before: what changed in the abstract, sentence by sentence. Records in, records out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ranker.digest.entries import in_order
from ranker.digest.text import clean
from ranker.sentences import sentences
from ranker.types import Ranking, Run

if TYPE_CHECKING:
    from ranker.digest.site.records import Revision

_FLAG = re.compile(r"new version: v(\d+) was seen on (\S+)")
# As on the page: an unrouted paper's new version is as far from every field as the old one was.
_SHOWN = ("recommended", "not_recommended", "failed")

ChangeKind = Literal["same", "reordered", "changed", "lost"]


@dataclass(frozen=True, slots=True)
class Change:
    """A new version. ``old_version`` is None where the earlier input named none; ``lost``: no abstract to compare.

    ``added`` and ``removed``: sentences as the new and the old abstract have them, each in its abstract's order.
    """

    ranking: Ranking
    old_version: int | None
    day: str
    kind: ChangeKind
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def versions(self) -> str:
        """``v1 → v2``."""
        return f"{shown_version(self.old_version)} → {shown_version(self.ranking.paper.version)}"


def shown_version(version: int | None) -> str:
    """``v2``; ``?`` where the input named no version."""
    return f"v{version}" if version else "?"


def changes(run: Run, revisions: Mapping[str, Revision]) -> tuple[Change, ...]:
    """The run's new versions in order of rank. ``revisions``: base id -> the earlier version."""
    found = []
    for ranking in in_order(run.rankings):
        flag = next((match for text in ranking.flags if (match := _FLAG.fullmatch(text))), None)
        if flag and ranking.outcome in _SHOWN:
            found.append(_change(ranking, int(flag[1]) or None, flag[2], revisions.get(ranking.paper.arxiv_id)))
    return tuple(found)


def _change(ranking: Ranking, version: int | None, day: str, old: Revision | None) -> Change:
    if old is None:
        return Change(ranking, version, day, "lost")
    before, after = sentences(old.old_abstract), sentences(ranking.paper.abstract)
    added, removed = _only_in(after, before), _only_in(before, after)
    if added or removed:
        return Change(ranking, version, day, "changed", added, removed)
    same = [clean(text) for text in before] == [clean(text) for text in after]
    return Change(ranking, version, day, "same" if same else "reordered")


def _only_in(these: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Sentences that ``others`` lack (or have fewer times); white space and what is invisible makes no difference."""
    left = Counter(clean(text) for text in others)
    found = []
    for text in these:
        shown = clean(text)
        left[shown] -= 1
        if shown and left[shown] < 0:
            found.append(text)
    return tuple(found)
