"""What the stages ask of the store. Every write is one transaction: durable as it comes, or not there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ranker.store import codec
from ranker.store.judged import StoredJudged
from ranker.store.papers import StoredPapers
from ranker.types import Judgment, Ranking, Run, Texts, Tick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Store(StoredPapers, StoredJudged):
    """One SQLite file. Rows carry the profile. Not for use from several threads.

    ``read_only``: nothing is made, migrated or written; works in a folder that can't be written to.
    """

    def counts(self) -> dict[str, int]:
        """Rows a table, for `ranker doctor`."""
        names = ("papers", "vectors", "outcomes", "texts", "runs", "ticks", "judged")
        return {n: int(self._rows(f"SELECT count(*) FROM {n}")[0][0]) for n in names}

    # vectors

    def get_vectors(self, encoder_key: str, hashes: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Unit vectors (dimension,) float32 of the text hashes that are stored under this encoder."""
        import numpy as np

        encoder = self._encoder(encoder_key)
        if encoder is None:
            return {}
        sql = "SELECT text_hash, vector FROM vectors WHERE encoder = ? AND text_hash IN (@keys)"
        rows = self._by_chunks(sql, (encoder,), list(dict.fromkeys(hashes)))
        return {r["text_hash"]: np.frombuffer(r["vector"], dtype=np.float32) for r in rows}

    def put_vectors(self, encoder_key: str, vectors: Sequence[tuple[str, NDArray[np.float32]]]) -> None:
        if self._encoder(encoder_key) is None:
            with self._write() as db:
                db.execute("INSERT OR IGNORE INTO encoders (key) VALUES (?)", (encoder_key,))
        encoder = self._encoder(encoder_key)
        with self._write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)",
                [(encoder, text_hash, vector.astype("float32").tobytes()) for text_hash, vector in vectors],
            )

    # outcomes and texts

    def get_judgments(self, keys: Sequence[str]) -> dict[str, Judgment]:
        sql = "SELECT key, judgment FROM outcomes WHERE key IN (@keys)"
        return {r["key"]: codec.judgment_of(r["judgment"]) for r in self._by_chunks(sql, (), list(keys))}

    def put_judgments(self, profile: str, judgments: Sequence[tuple[str, int | None, Judgment]], now: str) -> None:
        """Store (key, version, judgment); only judgments are ever stored, never an Unscored."""
        with self._write() as db:
            db.executemany(
                "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(k, profile, j.arxiv_id, v or 0, j.judge, codec.record(j), now) for k, v, j in judgments],
            )

    def get_texts(self, keys: Sequence[str]) -> dict[str, Texts]:
        sql = "SELECT key, texts FROM texts WHERE key IN (@keys)"
        return {r["key"]: codec.texts_of(r["texts"]) for r in self._by_chunks(sql, (), list(keys))}

    def put_texts(self, profile: str, key: str, texts: Texts, now: str) -> None:
        with self._write() as db:
            db.execute(
                "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?, ?)",
                (key, profile, texts.arxiv_id, codec.record(texts), now),
            )

    # runs and history

    def put_run(self, run: Run, hashes: Mapping[str, str]) -> None:
        """Store a finished run; an earlier one of the same profile and day gives way.

        ``hashes``: versioned id -> text hash.
        ."""
        report = {"counts": dict(run.counts), "judge": run.judge_line, "notes": list(run.notes)}
        with self._write() as db:
            db.execute("DELETE FROM runs WHERE profile = ? AND day = ?", (run.profile, run.day))
            db.execute(
                "INSERT INTO runs (profile, day, made_at, report, run) VALUES (?, ?, ?, ?, ?)",
                (run.profile, run.day, run.made_at, codec.dump(report), codec.pack_run(run)),
            )
            rows = [_seen_row(run, r, hashes) for r in run.rankings if r.outcome != "duplicate"]
            db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def run(self, profile: str, day: str | None = None) -> Run | None:
        """The run of a day, or the newest day's."""
        sql = "SELECT run FROM runs WHERE profile = ?" + (" AND day = ?" if day else "") + " ORDER BY day DESC LIMIT 1"
        rows = self._rows(sql, (profile, day) if day else (profile,))
        return codec.unpack_run(rows[0]["run"]) if rows else None

    def put_summary(self, profile: str, day: str, summary: str) -> None:
        """What the history pages keep of a run, so that they need not read every run again."""
        with self._write() as db:
            db.execute("UPDATE runs SET summary = ? WHERE profile = ? AND day = ?", (summary, profile, day))

    def summary(self, profile: str, day: str) -> str | None:
        rows = self._rows("SELECT summary FROM runs WHERE profile = ? AND day = ?", (profile, day))
        return rows[0]["summary"] if rows else None

    def run_days(self, profile: str) -> list[str]:
        return [r["day"] for r in self._rows("SELECT day FROM runs WHERE profile = ? ORDER BY day", (profile,))]

    def seen_before(self, profile: str, day: str, ids: Sequence[str]) -> dict[str, list[tuple[int, str, str, str]]]:
        """Earlier sightings of ids: id -> [(version, day, outcome, text hash)], oldest first."""
        sql = """SELECT arxiv_id, version, day, outcome, text_hash FROM seen
            WHERE profile = ? AND day < ? AND arxiv_id IN (@keys) ORDER BY day"""
        found: dict[str, list[tuple[int, str, str, str]]] = {}
        for r in self._by_chunks(sql, (profile, day), list(dict.fromkeys(ids))):
            found.setdefault(r["arxiv_id"], []).append((r["version"], r["day"], r["outcome"], r["text_hash"]))
        return found

    def first_seen(self, ids: Sequence[str]) -> str | None:
        """The newest day (ISO) on which one of these ids was first stored; None where none is."""
        sql = "SELECT max(first_seen) AS newest FROM papers WHERE arxiv_id IN (@keys)"
        days = [r["newest"] for r in self._by_chunks(sql, (), list(dict.fromkeys(ids))) if r["newest"]]
        return str(max(days))[:10] if days else None

    def ids_of_field(self, profile: str, field: str) -> list[str]:
        """Base ids of all papers that any run of the profile put into a field."""
        sql = "SELECT DISTINCT arxiv_id FROM seen WHERE profile = ? AND field = ?"
        return [r["arxiv_id"] for r in self._rows(sql, (profile, field))]

    def forget_runs(self, profile: str, before: str) -> int:
        """Drop runs older than ``before`` (ISO day); what was seen stays, so nothing comes back as new."""
        with self._write() as db:
            return db.execute("DELETE FROM runs WHERE profile = ? AND day < ?", (profile, before)).rowcount

    # ticks

    def put_ticks(self, ticks: Sequence[Tick]) -> None:
        """Store marks in their order; one whose ``tick`` is None takes the paper's earlier one back."""
        with self._write() as db:
            for t in ticks:
                key = (t.profile, t.arxiv_id, t.version or 0, t.day)
                if t.tick is None:
                    db.execute("DELETE FROM ticks WHERE profile = ? AND arxiv_id = ? AND version = ? AND day = ?", key)
                else:
                    row = (*key, t.tick, t.field, t.at)
                    db.execute("INSERT OR REPLACE INTO ticks VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def ticks(self, profile: str) -> list[Tick]:
        rows = self._rows("SELECT * FROM ticks WHERE profile = ? ORDER BY at, arxiv_id", (profile,))
        return [
            Tick(r["arxiv_id"], r["version"] or None, r["profile"], r["day"], r["tick"], r["field"], r["at"])
            for r in rows
        ]

    def check(self) -> str:
        """SQLite's own integrity check: ``ok``, or what is wrong."""
        return str(self._rows("PRAGMA quick_check")[0][0])


def _seen_row(run: Run, ranking: Ranking, hashes: Mapping[str, str]) -> tuple[Any, ...]:
    p = ranking.paper
    text_hash = hashes.get(p.versioned_id, "")
    return (run.profile, p.arxiv_id, p.version or 0, run.day, ranking.outcome, ranking.field, ranking.score, text_hash)
