"""The schema and its migrations: the only place that knows tables. ``MIGRATIONS[i]`` leads from version i to i + 1."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE papers (
        arxiv_id TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 0, text_hash TEXT NOT NULL,
        title TEXT NOT NULL, abstract TEXT NOT NULL, authors TEXT NOT NULL, authors_text TEXT NOT NULL,
        published TEXT, day TEXT, categories TEXT NOT NULL, affiliations TEXT NOT NULL, announce_type TEXT,
        origin_path TEXT NOT NULL, origin_kind TEXT NOT NULL, origin_line INTEGER NOT NULL,
        raw BLOB NOT NULL, first_seen TEXT NOT NULL,
        PRIMARY KEY (arxiv_id, version)
    ) WITHOUT ROWID;
    CREATE INDEX papers_by_day ON papers (coalesce(day, published));
    CREATE TABLE encoders (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
    CREATE TABLE vectors (
        encoder INTEGER NOT NULL REFERENCES encoders (id), text_hash TEXT NOT NULL, vector BLOB NOT NULL,
        PRIMARY KEY (encoder, text_hash)
    ) WITHOUT ROWID;
    CREATE TABLE outcomes (
        key TEXT PRIMARY KEY, profile TEXT NOT NULL, arxiv_id TEXT NOT NULL, version INTEGER NOT NULL,
        judge TEXT NOT NULL, judgment TEXT NOT NULL, at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE texts (
        key TEXT PRIMARY KEY, profile TEXT NOT NULL, arxiv_id TEXT NOT NULL, texts TEXT NOT NULL, at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, profile TEXT NOT NULL, day TEXT NOT NULL, made_at TEXT NOT NULL,
        report TEXT NOT NULL, run BLOB NOT NULL, summary TEXT
    );
    CREATE INDEX runs_by_day ON runs (profile, day, id);
    CREATE TABLE seen (
        profile TEXT NOT NULL, arxiv_id TEXT NOT NULL, version INTEGER NOT NULL, day TEXT NOT NULL,
        outcome TEXT NOT NULL, field TEXT, score REAL, text_hash TEXT NOT NULL,
        PRIMARY KEY (profile, arxiv_id, version, day)
    ) WITHOUT ROWID;
    CREATE TABLE ticks (
        profile TEXT NOT NULL, arxiv_id TEXT NOT NULL, version INTEGER NOT NULL, day TEXT NOT NULL,
        tick TEXT NOT NULL, field TEXT, at TEXT NOT NULL,
        PRIMARY KEY (profile, arxiv_id, version, day)
    ) WITHOUT ROWID;
    """,
    # A paper without any date has the day on which it came in, else no day would ever rank it
    """
    DROP INDEX papers_by_day;
    CREATE INDEX papers_by_day ON papers (coalesce(day, published, substr(first_seen, 1, 10)));
    """,
    # Which row of an input a paper came from (a digest of its bytes), so that the same row need not be read again;
    # and papers by text, so that those without a vector are found without reading them all.
    """
    CREATE TABLE rows (
        arxiv_id TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (arxiv_id, version)
    ) WITHOUT ROWID;
    CREATE INDEX papers_by_text ON papers (text_hash);
    """,
    # Whether a text has a vector is asked far more often than which: the table itself is 1.6 kB a row. And days are
    # counted from their index alone, which SQLite does only where the expression's own columns stand there too.
    """
    CREATE INDEX vectors_by_text ON vectors (encoder, text_hash);
    DROP INDEX papers_by_day;
    CREATE INDEX papers_by_day
        ON papers (coalesce(day, published, substr(first_seen, 1, 10)), day, published, first_seen);
    """,
    # Vectors in the order in which they came, found by an index of their keys. In one tree with their keys, which are
    # random, each took 4.7 kB instead of 2.1, writing took 2.6 times as long (and ever longer), reading 6 times.
    """
    CREATE TABLE vectors_as_they_came (
        encoder INTEGER NOT NULL REFERENCES encoders (id), text_hash TEXT NOT NULL, vector BLOB NOT NULL
    );
    INSERT INTO vectors_as_they_came SELECT encoder, text_hash, vector FROM vectors;
    DROP TABLE vectors;
    ALTER TABLE vectors_as_they_came RENAME TO vectors;
    CREATE UNIQUE INDEX vectors_by_text ON vectors (encoder, text_hash);
    """,
    # Judged papers that `ranker learn` was given, so that the next fit knows them too. Text: title, abstract, authors.
    """
    CREATE TABLE judged (
        profile TEXT NOT NULL, arxiv_id TEXT NOT NULL, day TEXT NOT NULL,
        recommended INTEGER NOT NULL, field TEXT, score REAL, text BLOB NOT NULL, at TEXT NOT NULL,
        PRIMARY KEY (profile, arxiv_id, day)
    ) WITHOUT ROWID;
    """,
)

VERSION = len(MIGRATIONS)
