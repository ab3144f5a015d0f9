"""The store's papers: by id, by day, page by page, and those that no encoder has seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ranker.store import codec, pages
from ranker.store.base import Base
from ranker.store.connection import translated
from ranker.types import Paper


class StoredPapers(Base):
    """The part of ``Store`` that knows papers and the input rows they came from."""

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
        """Stored papers whose text this encoder has no vector of, by id and version. Papers are streamed; the keys of
        all of them are held meanwhile (150 bytes each), so that vectors can be stored while they come.
        """
        sql = """SELECT arxiv_id, version FROM papers AS p INDEXED BY papers_by_text WHERE NOT EXISTS
            (SELECT 1 FROM vectors AS v INDEXED BY vectors_by_text
             WHERE v.encoder = ? AND v.text_hash = p.text_hash) ORDER BY arxiv_id, version"""
        for key in self._rows(sql, (self._encoder(encoder_key),)):
            rows = self._rows("SELECT * FROM papers WHERE arxiv_id = ? AND version = ?", tuple(key))
            yield from map(codec.paper_of, rows)

    def days_between(self, since: str | None, until: str | None, latest: str) -> tuple[str, str] | None:
        """The first and the last day (ISO) of the papers that ``pages`` gives; days after ``latest`` are slips in a row
        and left out. None where nothing is left.
        """
        return pages.ends(self._rows, since, min(until or latest, latest))

    def days(self, limit: int = 10) -> list[tuple[str, int]]:
        """The newest days that papers are stored for, with their numbers."""
        sql = f"SELECT {pages.DAY} AS d, count(*) AS n FROM papers GROUP BY d ORDER BY d DESC LIMIT ?"
        return [(r["d"], r["n"]) for r in self._rows(sql, (limit,))]

    def paper_count(self, since: str | None = None, until: str | None = None) -> int:
        """How many ids and versions are stored (of days in ``since``..``until``)."""
        return pages.count(self._rows, since, until)
