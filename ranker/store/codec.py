"""Records <-> columns: JSON for what is read by people, zlib JSON for what is large."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import zlib
from typing import Any

from ranker.types import Exclusion, Judgment, Origin, Paper, Ranking, Rejected, Run, Stage, Texts, Usage


def pack(value: Any) -> bytes:
    return zlib.compress(dump(value).encode(), 1)


def unpack(blob: bytes) -> Any:
    return json.loads(zlib.decompress(blob))


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


PAPER_COLUMNS = (
    "arxiv_id, version, text_hash, title, abstract, authors, authors_text, published, day, categories, "
    "affiliations, announce_type, origin_path, origin_kind, origin_line, raw, first_seen"
)


def paper_row(paper: Paper, text_hash: str, now: str) -> tuple[Any, ...]:
    p = paper
    return (
        p.arxiv_id, p.version or 0, text_hash, p.title, p.abstract, dump(p.authors), p.authors_text, p.published,
        p.day, dump(p.categories), dump(p.affiliations), p.announce_type, p.origin.path, p.origin.kind,
        p.origin.line, pack(dict(p.raw)), now,
    )  # fmt: skip


def paper_of(row: sqlite3.Row, *, raw: bool = True) -> Paper:
    """``raw`` False: without the input's row, for those who read many papers and show none of it."""
    return Paper(
        arxiv_id=row["arxiv_id"],
        title=row["title"],
        abstract=row["abstract"],
        version=row["version"] or None,
        authors=tuple(json.loads(row["authors"])),
        authors_text=row["authors_text"],
        published=row["published"],
        day=row["day"],
        categories=tuple(json.loads(row["categories"])),
        affiliations=tuple(json.loads(row["affiliations"])),
        announce_type=row["announce_type"],
        origin=Origin(row["origin_path"], row["origin_kind"], row["origin_line"]),
        raw=unpack(row["raw"]) if raw else {},
    )


def judgment_of(text: str) -> Judgment:
    values = json.loads(text)
    for key in ("distribution", "flags"):
        values[key] = tuple(values[key])
    return Judgment(**values)


def texts_of(text: str) -> Texts:
    values = json.loads(text)
    values["failed"] = tuple(values["failed"])
    return Texts(**values)


def record(value: Any) -> str:
    return dump(dataclasses.asdict(value))


def pack_run(run: Run) -> bytes:
    """A whole run, so that ``ranker digest`` renders again without ranking."""
    return pack(dataclasses.asdict(run))


def unpack_run(blob: bytes) -> Run:
    values = unpack(blob)
    values["rankings"] = tuple(_ranking(r) for r in values["rankings"])
    values["rejected"] = tuple(Rejected(**r) for r in values["rejected"])
    values["stages"] = tuple(Stage(**s) for s in values["stages"])
    values["usage"] = Usage(**values["usage"])
    values["passes"] = {name: Usage(**used) for name, used in values.get("passes", {}).items()}
    for key in ("fields", "notes"):
        values[key] = tuple(values[key])
    return Run(**values)


def _ranking(values: dict[str, Any]) -> Ranking:
    paper = values.pop("paper")
    paper["origin"] = Origin(**paper["origin"])
    for key in ("authors", "categories", "affiliations"):
        paper[key] = tuple(paper[key])
    texts = values.pop("texts")
    if texts is not None:
        texts["failed"] = tuple(texts["failed"])
    values["flags"] = tuple(values["flags"])
    values["similarities"] = tuple((f, s) for f, s in values["similarities"])
    values["exclusions"] = tuple(Exclusion(**e) for e in values["exclusions"])
    return Ranking(paper=Paper(**paper), texts=Texts(**texts) if texts else None, **values)
