"""The store's judged papers: what `ranker learn` was given once, so that it need not be given again."""

from __future__ import annotations

from collections.abc import Sequence

from ranker.store import codec
from ranker.store.base import Base
from ranker.types import JudgedPaper


class StoredJudged(Base):
    """The part of ``Store`` that knows judged papers, a label for each profile, id and day.

    Their texts lie with them: a judged paper need not be among the papers that are ranked, nor become one.
    """

    def judged(self, profile: str) -> list[JudgedPaper]:
        """All that a profile was ever taught by files, by day and id. Ticks are apart."""
        found = []
        for r in self._rows("SELECT * FROM judged WHERE profile = ? ORDER BY day, arxiv_id", (profile,)):
            title, abstract, authors = codec.unpack(r["text"])
            label = (bool(r["recommended"]), r["field"], r["score"])
            found.append(JudgedPaper(r["arxiv_id"], r["day"], title, abstract, *label, tuple(authors)))
        return found

    def put_judged(self, profile: str, papers: Sequence[JudgedPaper], now: str, *, anew: bool = False) -> None:
        """Keep labels in their order; one of the same id and day takes the place of the earlier.

        ``anew``: the profile's others are dropped, in the same transaction.
        """
        rows = [(profile, p.arxiv_id, p.day, p.recommended, p.field, p.score, _text(p), now) for p in papers]
        with self._write() as db:
            if anew:
                db.execute("DELETE FROM judged WHERE profile = ?", (profile,))
            db.executemany("INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _text(paper: JudgedPaper) -> bytes:
    return codec.pack([paper.title, paper.abstract, paper.authors])
