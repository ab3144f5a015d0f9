"""What the index knows of a row besides its vector: id, version, text hash, day, categories. Arrays, memory-mapped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ranker.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROW = np.dtype([("id", "S24"), ("version", "<i4"), ("hash", "S32"), ("day", "<i4")])
_UNKNOWN_DAY = -(2**31)


@dataclass(frozen=True, slots=True)
class Row:
    """One indexed text: a paper in one version. ``day`` ISO or None; ``hash`` 64 hex digits."""

    arxiv_id: str
    version: int
    hash: str
    day: str | None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """What a hit must be: ``since`` <= day <= ``until`` (ISO), in any of ``categories``, one of ``ids`` (None: any).

    A category without a dot takes its whole archive: ``cs`` finds ``cs.CL``. Field filters come as ``ids``: which field
    a paper fell into is the store's to say, and changes with the profile.
    """

    since: str | None = None
    until: str | None = None
    categories: tuple[str, ...] = ()
    ids: frozenset[str] | None = None

    @property
    def empty(self) -> bool:
        return self == Filter()


class Rows:
    """Arrays of n rows; categories as codes in one flat array with n + 1 offsets."""

    def __init__(
        self, table: NDArray[np.void], offsets: NDArray[np.int64], codes: NDArray[np.uint16], names: Sequence[str]
    ) -> None:
        self.table, self.offsets, self.codes, self.names = table, offsets, codes, list(names)

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        names: dict[str, int] = {}
        table: list[tuple[bytes, int, bytes, int]] = []
        offsets, codes = [0], list[int]()
        for r in rows:
            table.append((r.arxiv_id.encode(), r.version, bytes.fromhex(r.hash), _ordinal(r.day)))
            codes += [names.setdefault(c, len(names)) for c in r.categories]
            offsets.append(len(codes))
        return cls(np.array(table, dtype=_ROW), np.array(offsets, np.int64), np.array(codes, np.uint16), list(names))

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Self:
        """All rows of several tables, in order; their category codes are brought together."""
        names: dict[str, int] = {}
        codes, sizes = [np.zeros(0, np.uint16)], [np.zeros(1, np.int64)]
        for p in parts:
            recoded = np.array([names.setdefault(n, len(names)) for n in p.names] or [0], dtype=np.uint16)
            codes.append(recoded[p.codes])
            sizes.append(np.diff(p.offsets))
        table = np.concatenate([p.table for p in parts]) if parts else np.zeros(0, _ROW)
        return cls(table, np.cumsum(np.concatenate(sizes)), np.concatenate(codes), list(names))

    def row(self, at: int) -> Row:
        found = self.table[at]
        codes = self.codes[self.offsets[at] : self.offsets[at + 1]]
        day = None if found["day"] == _UNKNOWN_DAY else date.fromordinal(int(found["day"])).isoformat()
        # numpy drops trailing NUL bytes of S fields, and a hash may end in them.
        text_hash = bytes(found["hash"]).ljust(32, b"\0").hex()
        names = tuple(self.names[c] for c in codes.tolist())
        return Row(bytes(found["id"]).decode(), int(found["version"]), text_hash, day, names)

    def mask(self, wanted: Filter) -> NDArray[np.bool_]:
        """(n,) True where a row passes."""
        keep = np.ones(len(self), dtype=np.bool_)
        if wanted.since:
            keep &= self.table["day"] >= _ordinal(wanted.since)
        if wanted.until:
            keep &= (self.table["day"] <= _ordinal(wanted.until)) & (self.table["day"] != _UNKNOWN_DAY)
        if wanted.categories:
            good = [i for i, n in enumerate(self.names) if any(_is_in(n, c) for c in wanted.categories)]
            total = np.concatenate([[0], np.cumsum(np.isin(self.codes, np.array(good, np.uint16)))])
            keep &= total[self.offsets[1:]] > total[self.offsets[:-1]]
        if wanted.ids is not None:
            keep &= np.isin(self.table["id"], np.array(sorted(i.encode() for i in wanted.ids), dtype="S24"))
        return keep

    def save(self, stem: Path) -> None:
        """Three files beside each other: ``stem``.rows.npy, .offsets.npy, .codes.npy and .names.json."""
        np.save(_beside(stem, "rows.npy"), self.table)
        np.save(_beside(stem, "offsets.npy"), self.offsets)
        np.save(_beside(stem, "codes.npy"), self.codes)
        _beside(stem, "names.json").write_text(json.dumps(self.names), encoding="utf-8")

    @classmethod
    def load(cls, stem: Path) -> Self:
        """Memory-mapped.

        Raises:
            StoreError: a file is missing or damaged.
        """
        try:
            table, offsets, codes = (
                np.load(_beside(stem, f"{n}.npy"), mmap_mode="r") for n in ("rows", "offsets", "codes")
            )
            names = json.loads(_beside(stem, "names.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the search index is damaged: {error}",
                where=str(stem.parent),
                todo="delete that folder: it is rebuilt",
            ) from error
        return cls(table, offsets, codes, names)


def _beside(stem: Path, suffix: str) -> Path:
    return stem.with_name(f"{stem.name}.{suffix}")


def _ordinal(day: str | None) -> int:
    return date.fromisoformat(day[:10]).toordinal() if day else _UNKNOWN_DAY


def _is_in(category: str, wanted: str) -> bool:
    return category == wanted or ("." not in wanted and category.startswith(f"{wanted}."))
