"""One row of any kind -> one Paper, or a RowError that says what is wrong with it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ranker.ids import parse_id
from ranker.sources.dates import iso_day
from ranker.sources.people import split_authors, unique
from ranker.text import accents_to_unicode, collapse, forbidden_character, normalise_text
from ranker.types import Origin, Paper

MAX_TITLE = 5_000
MAX_ABSTRACT = 100_000
MAX_AUTHORS = 500_000
MAX_DEPTH = 50
ANNOUNCE_TYPES = ("new", "cross", "replace", "replace-cross")


class RowError(ValueError):
    """Why a row cannot become a paper, in words for a person."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What the kinds of input have in common, as they wrote it; names apart where the input has them apart."""

    id: Any
    title: Any
    abstract: Any
    version: int | None = None
    authors_text: str = ""
    authors: tuple[str, ...] | None = None
    affiliations: tuple[str, ...] = ()
    published: Any = None
    day: str | None = None
    categories: tuple[str, ...] = ()
    announce_type: str | None = None


def build_paper(fields: Fields, origin: Origin, raw: Mapping[str, Any], flags: Counter[str]) -> Paper:
    """Check and normalise. ``flags`` counts oddities that do not refuse the paper.

    Raises:
        RowError: no id or title, text of another type, over-long, or with a control character.
    """
    try:
        identity = parse_id(_required(fields.id, "id", MAX_TITLE))
    except RowError:
        raise
    except ValueError as error:
        raise RowError(str(error)) from None
    title = accents_to_unicode(collapse(_required(fields.title, "title", MAX_TITLE)))
    abstract = normalise_text(text_of(fields.abstract, "abstract", MAX_ABSTRACT))
    if not abstract:
        flags["blank abstract"] += 1
    authors_text = accents_to_unicode(collapse(text_of(fields.authors_text, "authors", MAX_AUTHORS)))
    if fields.authors is None:
        names, affiliations = split_authors(authors_text)
    else:
        names, affiliations = tuple(_clean(fields.authors, "authors")), ()
    if identity.version and fields.version and identity.version != fields.version:
        flags["version differs from the id's"] += 1
    return Paper(
        arxiv_id=identity.base,
        title=title,
        abstract=abstract,
        version=identity.version or fields.version,
        authors=names,
        authors_text=authors_text,
        published=_published(fields.published, flags),
        day=fields.day,
        categories=unique(fields.categories),
        affiliations=unique((*_clean(fields.affiliations, "affiliations"), *affiliations)),
        announce_type=fields.announce_type,
        origin=origin,
        raw=raw,
    )


def text_of(value: Any, name: str, limit: int) -> str:
    """A text, "" for null.

    Raises:
        RowError: another type, too long, or with a character that no text holds.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowError(f"{name} is {type_name(value)}, text is expected")
    if len(value) > limit:
        raise RowError(f"{name} of {len(value):,} characters, the limit is {limit:,}")
    if bad := forbidden_character(value):
        raise RowError(f"{name} holds a control character ({bad})")
    return value


def texts_of(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts, each collapsed, () for null.

    Raises:
        RowError: not a list of texts.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise RowError(f"{name} is {type_name(value)}, text or a list of texts is expected")
    return tuple(collapse(text_of(v, f"an entry of {name}", MAX_ABSTRACT)) for v in value)


def version_of(value: Any) -> int | None:
    """A version from 2, "2" or "v2"; None for null or blank.

    Raises:
        RowError: anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"v?[0-9]{1,3}", value.strip(), re.ASCII):
        value = int(value.strip().removeprefix("v"))
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 999:
        raise RowError(f"version is {str(value)[:20]!r}, a whole number from 1 up is expected")
    return value


def categories_of(value: Any) -> tuple[str, ...]:
    """Categories from one string (blanks or commas between) or a list.

    Raises:
        RowError: of another type.
    """
    if isinstance(value, str):
        return tuple(text_of(value, "categories", MAX_TITLE).replace(",", " ").split())
    return texts_of(value, "categories")


def check_json(value: Any) -> None:
    """Refuse what no store or text file could give back: NUL, lone surrogates, infinities, nesting over 50 levels.

    Raises:
        RowError: says which.
    """
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, (dict, list)):
            if depth > MAX_DEPTH:
                raise RowError(f"nested deeper than {MAX_DEPTH} levels")
            inner: Iterable[Any] = (*item.keys(), *item.values()) if isinstance(item, dict) else item
            stack += [(i, depth + 1) for i in inner]
        elif isinstance(item, str):
            if "\x00" in item:
                raise RowError("holds a NUL (U+0000)")
            if not item.isascii() and any("\ud800" <= c <= "\udfff" for c in item):
                raise RowError("holds half a character (a lone surrogate)")
        elif isinstance(item, float) and not math.isfinite(item):
            raise RowError("holds a number beyond all bounds")


def type_name(value: Any) -> str:
    """A JSON type in words."""
    if isinstance(value, bool):
        return "true or false"
    names = {int: "a number", float: "a number", list: "a list", dict: "an object", str: "text", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _required(value: Any, name: str, limit: int) -> str:
    text = text_of(value, name, limit)
    if not text.strip():
        raise RowError(f"no {name}" if value is None else f"{name} is blank")
    return text


def _clean(texts: Iterable[str], name: str) -> Iterable[str]:
    return (accents_to_unicode(collapse(text_of(t, name, MAX_AUTHORS))) for t in texts)


def _published(value: Any, flags: Counter[str]) -> str | None:
    if value is None or value == "":
        return None
    day = iso_day(value[:100]) if isinstance(value, str) else None
    if day is None:
        flags["published not understood"] += 1
    return day
