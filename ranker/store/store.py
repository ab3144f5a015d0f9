"""What the stages ask of the store. Every write is one transaction: durable as it comes, or not there at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ranker.store import codec, pages
from ranker.store.connection import connect, translated
from ranker.types import Judgment, Paper, Ranking, Run, Texts, Tick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 500  # under SQLite's oldest limit of 999 variables


class Store:
    """One SQLite file. Rows carry the profile. Not for use from several threads.

    ``read_only``: nothing is made, migrated or written; works in a folder that can't be written to.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._db = connect(path, read_only=read_only)
        self._encoders: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with translated(self.path):
            return self._db.execute(sql, values).fetchall()

    def _by_chunks(self, sql: str, head: Sequence[Any], keys: Sequence[str]) -> Iterator[sqlite3.Row]:
        for start in range(0, len(keys), _CHUNK):
            part = keys[start : start + _CHUNK]
            yield from self._rows(sql.replace("@keys", ",".join("?" * len(part))), (*head, *part))

    # papers

    def put_papers(
        self, papers: Iterable[tuple[Paper, str]], now: str, rows_read: Mapping[tuple[str, int], bytes] | None = None
    ) -> int:
        """Store (paper, text hash) pairs; a paper that is there in the same version takes the new text. Returns how
        many ids and versions were new.

        ``rows_read``: (id, version or 0) -> digest of the input's row that the paper came from, where that is known.
        """
        rows = [codec.paper_row(paper, text_hash, now) for paper, text_hash in papers]
        sql = f"""INSERT INTO papers ({codec.PAPER_COLUMNS}) VALUES ({",".join("?" * 17)})
            ON CONFLICT (arxiv_id, version) DO UPDATE SET
            text_hash = excluded.text_hash, title = excluded.title, abstract = excluded.abstract,
            authors = excluded.authors, authors_text = excluded.authors_text,
            published = coalesce(excluded.published, published),
            day = coalesce(excluded.day, day), categories = excluded.categories,
            affiliations = excluded.affiliations, announce_type = coalesce(excluded.announce_type, announce_type),
            origin_path = excluded.origin_path, origin_kind = excluded.origin_kind,
            origin_line = excluded.origin_line, raw = excluded.raw
            WHERE text_hash <> excluded.text_hash OR coalesce(day, '') <> coalesce(excluded.day, '')
               OR raw <> excluded.raw"""
        with self._write() as db:
            known = {
                (r["arxiv_id"], r["version"])
                for r in self._by_chunks(
                    "SELECT arxiv_id, version FROM papers WHERE arxiv_id IN (@keys)", (), [r[0] for r in rows]
                )
            }
            db.executemany(sql, rows)
            db.executemany("DELETE FROM rows WHERE arxiv_id = ? AND version = ?", [r[:2] for r in rows])
            if rows_read:
                here = [(*r[:2], rows_read[r[:2]]) for r in rows if r[:2] in rows_read]
                db.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", here)
        return len({(r[0], r[1]) for r in rows} - known)

    def known_rows(self) -> Iterator[bytes]:
        """Digests of the input rows that stored papers came from, of those whose row is known."""
        with translated(self.path):
            for row in self._db.execute("SELECT digest FROM rows"):
                yield row[0]

    def row_of(self, key: tuple[str, int]) -> bytes | None:
        """Digest of the row that (id, version or 0) came from; None where it is not known."""
        rows = self._rows("SELECT digest FROM rows WHERE arxiv_id = ? AND version = ?", key)
        return rows[0]["digest"] if rows else None

    def papers_of_day(self, day: str) -> Iterator[Paper]:
        """Stored papers announced on ``day``, by id and version.

        Where no announcement day is known it is the day of publication, else the one on which the paper came in.
        """
        sql = f"SELECT * FROM papers WHERE {pages.DAY} = ? ORDER BY arxiv_id, version"
        for row in self._rows(sql, (day,)):
            yield codec.paper_of(row)

    def paper(self, arxiv_id: str) -> Paper | None:
        """The newest stored version of an id."""
        rows = self._rows("SELECT * FROM papers WHERE arxiv_id = ? ORDER BY version DESC LIMIT 1", (arxiv_id,))
        return codec.paper_of(rows[0]) if rows else None

    def paper_version(self, arxiv_id: str, version: int) -> Paper | None:
        """One stored version of an id; version 0 where the input named none."""
        rows = self._rows("SELECT * FROM papers WHERE arxiv_id = ? AND version = ?", (arxiv_id, version))
        return codec.paper_of(rows[0]) if rows else None

    def all_papers(self) -> Iterator[Paper]:
        """Every stored paper, streamed, by id and version."""
        with translated(self.path):
            for row in self._db.execute("SELECT * FROM papers ORDER BY arxiv_id, version"):
                yield codec.paper_of(row)

    def pages(self, at_once: int, since: str | None = None, until: str | None = None) -> Iterator[list[Paper]]:
        """Stored papers of days in ``since``..``until`` (ISO, both included), by id and version, in lists of about
        ``at_once`` with all versions of an id together. Papers come without their ``raw`` row.
        """
        return pages.pages(self._rows, at_once, since, until)

    def sample(self, count: int) -> list[Paper]:
        """Stored papers in the order of their texts' hashes: evenly from all there are, the same every time."""
        return pages.sample(self._rows, count)

    def papers_without_vector(self, encoder_key: str) -> Iterator[Paper]:
        """Stored papers whose text this encoder has no vector of, streamed, by id and version."""
        sql = """SELECT arxiv_id, version FROM papers AS p INDEXED BY papers_by_text WHERE NOT EXISTS
            (SELECT 1 FROM vectors AS v INDEXED BY vectors_by_text
             WHERE v.encoder = ? AND v.text_hash = p.text_hash) ORDER BY arxiv_id, version"""
        for key in self._rows(sql, (self._encoder(encoder_key),)):
            rows = self._rows("SELECT * FROM papers WHERE arxiv_id = ? AND version = ?", tuple(key))
            yield from map(codec.paper_of, rows)

    def days(self, limit: int = 10) -> list[tuple[str, int]]:
        """The newest days that papers are stored for, with their numbers."""
        sql = f"SELECT {pages.DAY} AS d, count(*) AS n FROM papers GROUP BY d ORDER BY d DESC LIMIT ?"
        return [(r["d"], r["n"]) for r in self._rows(sql, (limit,))]

    def paper_count(self, since: str | None = None, until: str | None = None) -> int:
        """How many ids and versions are stored (of days in ``since``..``until``)."""
        return pages.count(self._rows, since, until)

    def counts(self) -> dict[str, int]:
        """Rows a table, for `ranker doctor`."""
        names = ("papers", "vectors", "outcomes", "texts", "runs", "ticks")
        return {n: int(self._rows(f"SELECT count(*) FROM {n}")[0][0]) for n in names}

    # vectors

    def _encoder(self, key: str) -> int | None:
        """The number that stands for an encoder here; None where it never stored a vector."""
        if key not in self._encoders and (rows := self._rows("SELECT id FROM encoders WHERE key = ?", (key,))):
            self._encoders[key] = rows[0]["id"]
        return self._encoders.get(key)

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
