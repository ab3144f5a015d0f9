"""Opening inputs: plain or gzip, file or standard input, read in bounded memory."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ranker.errors import InputError

STDIN = "-"
HEAD = 1 << 16
CHUNK = 1 << 18
# A snapshot row of a collaboration with 3,000 authors has about 0.3 MB.
MAX_ROW = 4 << 20

_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive", "unzip -p FILE | ranker import -"),
    (b"BZh", "a bzip2 file", "bzip2 -dc FILE | ranker import -"),
    (b"\xfd7zXZ", "an xz file", "xz -dc FILE | ranker import -"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "zstd -dc FILE | ranker import -"),
    (b"%PDF", "a PDF", "give the paper's metadata instead, not its text"),
    (b"SQLite format 3", "an SQLite database", "name a store by --store instead"),
)
_WIDE = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class DamagedInput(Exception):
    """The stream broke off: what came before is good. Caught inside this package."""


@dataclass(slots=True)
class Opened:
    """An open input. ``head``: its first bytes (at most 64 KiB, unpacked, without BOM); ``chunks`` begins with them."""

    label: str
    head: bytes
    stream: BinaryIO
    position: Callable[[], int]
    damage: str = ""
    _stack: ExitStack = field(default_factory=ExitStack)

    def chunks(self) -> Iterator[bytes]:
        """The whole content, once.

        Raises:
            DamagedInput: a gzip stream ends early or fails its checksum.
            InputError: the device failed.
        """
        yield self.head
        while not self.damage:
            chunk = _read(self, CHUNK)
            if not chunk:
                break
            yield chunk
        if self.damage:
            raise DamagedInput(self.damage)

    def close(self) -> None:
        self._stack.close()


def open_input(path: str | Path) -> Opened:
    """Open a file, a pipe or standard input (``-``) and look at its beginning.

    Raises:
        InputError: absent, unreadable, a directory, empty, packed in an unknown way, or not UTF-8 text at all.
    """
    label = str(path)
    stack = ExitStack()
    try:
        raw = sys.stdin.buffer if label == STDIN else stack.enter_context(Path(path).open("rb"))  # noqa: SIM115
    except IsADirectoryError:
        raise InputError("is a folder, not a file", where=label, todo="name the files in it") from None
    except OSError as error:
        todo = "check the name" if isinstance(error, FileNotFoundError) else "check its permissions"
        raise InputError(f"cannot be read: {error.strerror}", where=label, todo=todo) from error
    try:
        return _look(label, raw, stack)
    except BaseException:
        stack.close()
        raise


def _look(label: str, raw: BinaryIO, stack: ExitStack) -> Opened:
    position = raw.tell if raw.seekable() else (lambda: 0)
    opened = Opened(label, b"", raw, position, "", stack)
    start = _fill(opened, HEAD)
    if start.startswith(b"\x1f\x8b"):
        rest = io.BufferedReader(_Rejoined(start, raw), CHUNK)
        opened.stream = stack.enter_context(gzip.GzipFile(fileobj=rest))  # type: ignore[assignment]
        start = _fill(opened, HEAD)
    for mark, encoding in _WIDE.items():
        if start.startswith(mark):
            raise _wide(label, encoding)
    if start[:2].strip(b"\x00") and start[:400].count(0) * 3 > len(start[:400]):
        raise _wide(label, "UTF-16")
    for mark, what, todo in _ARCHIVES:
        if start.startswith(mark):
            raise InputError(f"is {what}", where=label, todo=todo)
    opened.head = start.removeprefix(b"\xef\xbb\xbf")
    if not opened.head.strip():
        if opened.damage:
            raise InputError(f"holds nothing readable ({opened.damage})", where=label, todo="fetch the file again")
        more = b""
        while not more.strip() and not opened.damage and (more := _read(opened, CHUNK)):
            opened.head = opened.head[-1:] + more
        if not opened.head.strip():
            raise InputError("is empty", where=label, todo="give at least one paper, or leave the file out")
    return opened


def _wide(label: str, encoding: str) -> InputError:
    todo = f"convert it: iconv -f {encoding} -t UTF-8 FILE > NEW"
    return InputError(f"is text in {encoding}, UTF-8 is expected", where=label, todo=todo)


def _fill(opened: Opened, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and not opened.damage and (part := _read(opened, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read(opened: Opened, size: int) -> bytes:
    try:
        return opened.stream.read1(size) if isinstance(opened.stream, io.BufferedIOBase) else opened.stream.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        opened.damage = f"the gzip data are damaged or cut off: {error}"
        return b""
    except OSError as error:
        raise InputError(
            f"reading failed: {error.strerror or error}", where=opened.label, todo="check the disk"
        ) from error


class _Rejoined(io.RawIOBase):
    """Bytes that were read already, then the rest: a pipe cannot be rewound."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = self._start[: len(buffer)] or self._rest.read(len(buffer))
        self._start = self._start[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: 1-based number, bytes without the line end, and why it is no good ("" where it is)."""

    number: int
    content: bytes
    fault: str = ""


def split_lines(chunks: Iterator[bytes], limit: int = MAX_ROW) -> Iterator[Line]:
    """Lines of a stream, holding at most ``limit`` bytes of one: the rest of a longer line is read and dropped.

    A stream that breaks off ends with one faulty line that says so.
    """
    number, kept, dropped = 1, bytearray(), 0
    try:
        for chunk in chunks:
            *whole, tail = chunk.split(b"\n")
            for piece in whole:
                yield _line(number, kept, piece, dropped, limit)
                number, dropped = number + 1, 0
                kept.clear()
            room = limit + 1 - len(kept)
            kept += tail[:room]
            dropped += max(0, len(tail) - room)
    except DamagedInput as damage:
        yield Line(number, bytes(kept[:1000]), str(damage))
        return
    if kept:
        yield _line(number, kept, b"", dropped, limit)


def _line(number: int, kept: bytearray, piece: bytes, dropped: int, limit: int) -> Line:
    size = len(kept) + len(piece) + dropped
    if size > limit:
        return Line(number, bytes(kept[:1000]) or piece[:1000], f"row of {size:,} bytes, the limit is {limit:,}")
    return Line(number, bytes(kept) + piece)
