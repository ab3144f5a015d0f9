"""One JSON array, cut into its elements as its bytes come: one element is held at a time, at most a row of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ranker.sources.stream import MAX_ROW, DamagedInput, Line

_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'["\\]')
_SHOWN = 1000


def split_array(chunks: Iterator[bytes], limit: int = MAX_ROW) -> Iterator[Line]:
    """Elements of one JSON array, cut at its top-level commas without parsing; numbered from 1.

    An element over ``limit`` bytes is one faulty line, and so is each of: a stream that breaks off, an array that is
    not closed, and whatever stands behind its closing bracket.
    """
    cutter = _Cutter(limit)
    try:
        for chunk in chunks:
            yield from cutter.feed(chunk)
    except DamagedInput as damage:
        yield Line(cutter.number, bytes(cutter.kept[:_SHOWN]), str(damage))
        return
    yield from cutter.finish()


class _Cutter:
    def __init__(self, limit: int) -> None:
        self.number, self.kept = 1, bytearray()
        self._limit, self._size = limit, 0
        self._depth, self._in_string, self._closed = 0, False, False
        self._skip = 0  # bytes of the next chunk that were escaped at the end of the last one

    def feed(self, chunk: bytes) -> Iterator[Line]:
        begin = 0  # of what belongs to the element at hand
        here = self._skip
        while not self._closed:
            match = (_INSIDE if self._in_string else _OUTSIDE).search(chunk, here)
            if match is None:
                here = max(here, len(chunk))
                break
            token, here = match.group(), match.end()
            if token == b"\\":
                here += 1
            elif token == b'"':
                self._in_string = not self._in_string
            elif token in (b"[", b"{"):
                self._depth += 1
                if self._depth == 1:
                    begin = here
            elif token in (b"]", b"}"):
                self._depth -= 1
                self._closed = self._depth == 0
            if self._closed or (token == b"," and self._depth == 1):
                self._keep(chunk[begin : here - 1])
                yield from self._element(token)
                begin = here
        self._skip = max(0, here - len(chunk))
        self._keep(chunk[begin:])

    def finish(self) -> Iterator[Line]:
        if not self._closed:
            yield Line(self.number, bytes(self.kept[:_SHOWN]), "the array is not closed: the file is cut off")
        elif self.kept.strip():
            fault = f"{self._size:,} bytes behind the array's end are not read: put each array into a file of its own"
            yield Line(self.number, bytes(self.kept[:_SHOWN]), fault)

    def _element(self, token: bytes) -> Iterator[Line]:
        fault = "the array is closed by }" if token == b"}" else ""
        if self._size > self._limit:
            fault = f"element of {self._size:,} bytes, the limit is {self._limit:,}"
        if fault or token == b"," or self.kept.strip():
            yield Line(self.number, bytes(self.kept[:_SHOWN] if fault else self.kept), fault)
            self.number += 1
        self.kept.clear()
        self._size = 0

    def _keep(self, part: bytes) -> None:
        if self._closed and not self.kept:
            part = part.lstrip()
        self._size += len(part)
        self.kept += part[: self._limit - len(self.kept)]
