"""The index over the history: one big part, small recent parts, and a manifest that says which files count.

Like a log-structured tree: new papers go into a new small part that is searched exactly; when the small parts together
grow past ``MERGE_ROWS`` everything is written anew as one part. A part's files never change once written; the manifest
is replaced atomically and last, so a crash at any moment leaves the earlier index whole.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ranker.errors import InputError
from ranker.search.rows import Filter, Row, Rows
from ranker.text import text_hash
from ranker.types import EncoderInfo, Paper

if TYPE_CHECKING:
    from numpy.typing import NDArray

MERGE_ROWS = 20_000
"""Rows in small parts before all is merged: an exact scan of so many costs about 3 ms."""

_AT_ONCE = 10_000
_CANDIDATES = 4
_FORMAT = 1


class PaperSource(Protocol):
    """What the history reads of the store."""

    def days(self, limit: int = 10) -> list[tuple[str, int]]: ...

    def papers_of_day(self, day: str) -> Iterable[Paper]: ...

    def paper(self, arxiv_id: str) -> Paper | None: ...

    def get_vectors(self, encoder_key: str, hashes: Sequence[str]) -> dict[str, NDArray[np.float32]]: ...


class Part(Protocol):
    """Vectors on disk, searchable."""

    def search(
        self, vector: NDArray[np.float32], count: int, mask: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...


class Searcher(Protocol):
    """How vectors become searchable files (the FAISS backend)."""

    def write(self, stem: Path, blocks: Iterable[NDArray[np.float32]], rows: int, dimension: int) -> None:
        """Write ``rows`` unit vectors; ``blocks`` (b, dimension) float32 can be iterated more than once."""
        ...

    def open(self, stem: Path) -> Part: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper and its inner product with what was asked; exact, from the stored vector."""

    arxiv_id: str
    version: int
    day: str | None
    similarity: float


@dataclass(frozen=True, slots=True)
class Update:
    """What `History.update` did: rows added, papers still without a vector, whether everything was written anew."""

    added: int
    without_vector: int
    merged: bool


class History:
    """Search over the store's vectors of one encoder. ``folder`` holds nothing that can't be rebuilt from the store."""

    def __init__(self, folder: Path, info: EncoderInfo, source: PaperSource, searcher: Searcher) -> None:
        self.folder = folder / info.key[:16]
        self._info, self._source, self._searcher = info, source, searcher
        self._parts: list[tuple[Rows, Part]] | None = None

    def update(self) -> Update:
        """Add what the store holds and the index lacks. Days whose number of papers did not change cost nothing."""
        manifest = self._manifest()
        seen: dict[str, list[int]] = manifest["days"]
        counts = dict(self._source.days(limit=-1))
        # [papers in the store, of them indexed] a day: look again where papers came, or where vectors were missing.
        changed = sorted(d for d, n in counts.items() if seen.get(d, [0, 0]) != [n, n])
        # Tables, not rows: a first build over millions of papers holds 64 bytes of each.
        tables: list[Rows] = []
        for rows, day in self._fresh(changed, manifest) if changed else ():
            tables.append(Rows.of(rows))
            known = seen.get(day, [0, 0])[1]
            seen[day] = [counts[day], known + len(rows)]
        added = sum(map(len, tables))
        for day in changed:
            seen[day] = [counts[day], seen.get(day, [0, 0])[1]]
        missing = sum(n - indexed for n, indexed in seen.values())
        if added == 0:
            if changed:
                self._publish(manifest)
            return Update(0, missing, False)
        small = sum(p["rows"] for p in manifest["parts"][1:]) if manifest["parts"] else 0
        merged = bool(manifest["parts"]) and small + added > MERGE_ROWS
        if merged:
            tables = [Rows.load(self.folder / p["name"]) for p in manifest["parts"]] + tables
        old = manifest["parts"] if merged else []
        part = self._write(Rows.joined(tables))
        manifest["parts"] = [part] if merged else [*manifest["parts"], part]
        self._publish(manifest)
        for p in old:
            self._remove(p["name"])
        return Update(added, missing, merged)

    def search(self, vector: NDArray[np.float32], count: int = 10, wanted: Filter | None = None) -> list[Hit]:
        """The nearest papers to a unit vector (dimension,), best first; each paper once, in its newest version.

        Candidates come from the index, their similarities from the stored vectors: compressing costs no exactness.
        """
        found: list[Row] = []
        for rows, part in self._open():
            mask = None if wanted is None or wanted.empty else rows.mask(wanted)
            if mask is not None and not mask.any():
                continue
            places, _ = part.search(vector, max(_CANDIDATES * count, 40), mask)
            found += [rows.row(int(p)) for p in places]
        vectors = self._source.get_vectors(self._info.key, [r.hash for r in found])
        newest: dict[str, Hit] = {}
        for r in found:
            if r.hash not in vectors:
                continue  # the store forgot it: the index may be older than the store
            hit = Hit(r.arxiv_id, r.version, r.day, float(vectors[r.hash] @ vector))
            if r.arxiv_id not in newest or newest[r.arxiv_id].version <= r.version:
                newest[r.arxiv_id] = hit
        return sorted(newest.values(), key=lambda h: (-h.similarity, h.arxiv_id))[:count]

    def similar(self, arxiv_id: str, count: int = 10, wanted: Filter | None = None) -> list[Hit]:
        """The papers nearest to a stored one, itself left out.

        Raises:
            InputError: the store lacks the paper, or its vector.
        """
        paper = self._source.paper(arxiv_id)
        if paper is None:
            raise InputError("is not in the store", where=arxiv_id, todo="import or rank the file that holds it first")
        key = text_hash(paper.title, paper.abstract)
        vector = self._source.get_vectors(self._info.key, [key]).get(key)
        if vector is None:
            raise InputError("has no vector yet", where=arxiv_id, todo="rank its day first")
        hits = self.search(vector, count + 1, wanted)
        return [h for h in hits if h.arxiv_id != paper.arxiv_id][:count]

    def __len__(self) -> int:
        return sum(p["rows"] for p in self._manifest()["parts"])

    def _fresh(self, days: Sequence[str], manifest: dict[str, Any]) -> Iterator[tuple[list[Row], str]]:
        """Rows with a vector in the store that no part holds, day by day."""
        tables = [Rows.load(self.folder / p["name"]).table for p in manifest["parts"]]
        for day in days:
            ordinal = Rows.of([Row("", 0, "0" * 64, day)]).table["day"][0]
            here = [t[t["day"] == ordinal] for t in tables]
            old = {(bytes(i), int(v)) for t in here for i, v in zip(t["id"], t["version"], strict=True)}
            papers = [p for p in self._source.papers_of_day(day) if (p.arxiv_id.encode(), p.version or 0) not in old]
            hashes = [text_hash(p.title, p.abstract) for p in papers]
            there = self._source.get_vectors(self._info.key, hashes)
            rows = [
                Row(p.arxiv_id, p.version or 0, h, day, p.categories)
                for p, h in zip(papers, hashes, strict=True)
                if h in there
            ]
            if rows:
                yield rows, day

    def _write(self, rows: Rows) -> dict[str, Any]:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"part-{uuid.uuid4().hex[:12]}"
        rows.save(self.folder / name)
        blocks = _Blocks(rows, self._source, self._info)
        self._searcher.write(self.folder / name, blocks, len(rows), self._info.dimension)
        return {"name": name, "rows": len(rows)}

    def _open(self) -> list[tuple[Rows, Part]]:
        if self._parts is None:
            stems = [self.folder / p["name"] for p in self._manifest()["parts"]]
            self._parts = [(Rows.load(s), self._searcher.open(s)) for s in stems]
        return self._parts

    def _manifest(self) -> dict[str, Any]:
        path = self.folder / "manifest.json"
        empty: dict[str, Any] = {"format": _FORMAT, "parts": [], "days": {}}
        if not path.is_file():
            return empty
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return empty  # everything here can be rebuilt from the store
        return found if isinstance(found, dict) and found.get("format") == _FORMAT else empty

    def _publish(self, manifest: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob("part-*"):
            if any(path.name.startswith(p["name"]) for p in manifest["parts"]):
                with path.open("rb") as stream:
                    os.fsync(stream.fileno())
        draft = self.folder / "manifest.draft"
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(manifest, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self.folder / "manifest.json")
        self._parts = None

    def _remove(self, name: str) -> None:
        for path in self.folder.glob(f"{name}.*"):
            path.unlink(missing_ok=True)


class _Blocks:
    """The vectors of a table's rows, read from the store a block at a time, as often as asked."""

    def __init__(self, rows: Rows, source: PaperSource, info: EncoderInfo) -> None:
        self._rows, self._source, self._info = rows, source, info

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(self._rows), _AT_ONCE):
            hashes = [self._rows.row(i).hash for i in range(start, min(start + _AT_ONCE, len(self._rows)))]
            there = self._source.get_vectors(self._info.key, hashes)
            block = np.zeros((len(hashes), self._info.dimension), dtype=np.float32)
            for i, h in enumerate(hashes):
                if h in there:  # a vector that the store lost stays zero: nothing is near it
                    block[i] = there[h]
            yield block
