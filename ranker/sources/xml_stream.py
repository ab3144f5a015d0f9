"""XML pages, hardened (no DTD, no entities) and streamed: an entry is dropped from memory once it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ranker.errors import InputError
from ranker.sources.count import ReadCount
from ranker.sources.stream import DamagedInput, Opened

MAX_ENTRY = 64 << 20


@dataclass(frozen=True, slots=True)
class Broken:
    """The page stops here: it is damaged or cut off. What came before is good."""

    why: str


def entries(
    opened: Opened, name: str, count: ReadCount, about: Callable[[str, Element], None]
) -> Iterator[Element | Broken]:
    """Every element called ``name`` (namespaces ignored), in order, then a ``Broken`` where the page breaks off.

    ``about`` gets every element that ends outside entries, for what a page says of itself.

    Raises:
        InputError: the page declares a DTD or entities, or one entry is larger than 64 MiB.
    """
    reader = _Reader(opened, count)
    stack: list[Element] = []
    inside = 0
    try:
        for event, element in iterparse(reader, events=("start", "end"), forbid_dtd=True):
            called = local(element)
            if event == "start":
                stack.append(element)
                inside += called == name
                continue
            stack.pop()
            if called == name:
                inside -= 1
            if inside:
                continue
            if called == name:
                reader.since_entry = 0
                yield element
            else:
                about(called, element)
            element.clear()
            if stack:
                stack[-1].remove(element)
    except ParseError as error:
        yield Broken(reader.damage or f"damaged or cut off: {error}")
    except DefusedXmlException:
        todo = "arXiv's pages have none: fetch the page again, and don't trust this one"
        raise InputError("declares a document type or entities", where=opened.label, todo=todo) from None


def local(element: Element) -> str:
    """Tag without namespace."""
    return element.tag.rpartition("}")[2]


def text(element: Element | None) -> str:
    """All text inside, "" for None."""
    return "" if element is None else "".join(element.itertext())


def children(element: Element, *names: str) -> list[Element]:
    """Direct children with one of these names, namespaces ignored."""
    return [child for child in element if local(child) in names]


def child(element: Element, name: str) -> Element | None:
    """The first direct child of this name, or None."""
    return next((c for c in element if local(c) == name), None)


def child_text(element: Element, name: str) -> str:
    """Text of the first direct child of this name, "" where there is none."""
    return text(child(element, name))


class _Reader:
    def __init__(self, opened: Opened, count: ReadCount) -> None:
        self._opened, self._count = opened, count
        self._chunks, self._rest, self._before = opened.chunks(), b"", count.bytes_done
        self.damage, self.since_entry = "", 0

    def read(self, size: int) -> bytes:
        if not self._rest:
            try:
                self._rest = next(self._chunks, b"")
            except DamagedInput as error:
                self.damage = str(error)
            self._count.bytes_done = self._before + self._opened.position()
        part, self._rest = self._rest[:size], self._rest[size:]
        self.since_entry += len(part)
        if self.since_entry > MAX_ENTRY:
            raise InputError("one entry is larger than 64 MiB", where=self._opened.label, todo="fetch the page again")
        return part
