"""Prompt templates: versioned TOML, checked when loaded. The head is static for a field, the body holds the paper."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ranker.errors import ConfigError
from ranker.toml import Reader, read_toml

Kind = Literal["label", "reason", "summary", "brief"]

_HEAD_FIELD = frozenset({"name", "description", "details", "keywords", "exclude", "unwanted"})
_HEAD_ALL = frozenset({"fields", "topics", "unwanted"})
_BODY = frozenset({"title", "abstract"})
_BODY_ALL = _BODY | {"topics"}
_FIELD_LINE = frozenset({"name", "description", "details", "keywords", "exclude"})
_UNWANTED_LINE = frozenset({"name", "description", "keywords"})
# What must stand in a head, so that a template can't silently judge without its field.
_NEEDED = {"field": frozenset({"name", "description"}), "all": frozenset({"fields"})}
_NEEDED_SHORT = frozenset({"topics"})  # instead of {fields}


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt. Placeholders are written ``{so}``, a literal brace twice.

    ``kind``: what is asked for; ``scope``: one field per head, or all fields in one head. Head placeholders: ``{name}
    {description} {details} {keywords} {exclude} {unwanted}`` (scope field) or ``{fields} {unwanted}`` (scope all, each
    field by ``field_line``). Body: ``{title} {abstract}`` with a fence (``open`` and ``close``) around them, and with
    scope all ``{topics}``: the fields' descriptions up to the first colon, for a question that names them once more, or
    for a head that names them briefly.
    ``labels``: answers of a label prompt from lowest to highest. ``max_tokens``, ``stop``, ``min_length`` and
    ``max_length`` (characters in Chinese, words in English): for written texts.
    """

    name: str
    version: int
    kind: Kind
    scope: Literal["field", "all"]
    language: Literal["zh", "en"]
    head: str
    body: str
    open: str = "<paper>"
    close: str = "</paper>"
    field_line: str = "- {name}: {description}"
    detail_line: str = "- {text}"
    unwanted_line: str = "- {name}: {description}"
    none: str = "-"
    max_keywords: int = 40
    labels: tuple[str, ...] = ()
    max_tokens: int = 0
    stop: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int = 0

    def __post_init__(self) -> None:
        if self.version < 1:
            raise ValueError("version must be 1 or more")
        head = _HEAD_FIELD if self.scope == "field" else _HEAD_ALL
        short = self.scope == "all" and "{topics}" in self.head
        _check("head", self.head, allowed=head, needed=_NEEDED_SHORT if short else _NEEDED[self.scope])
        _check("body", self.body, allowed=_BODY if self.scope == "field" else _BODY_ALL, needed=_BODY)
        _check("field_line", self.field_line, allowed=_FIELD_LINE, needed=frozenset({"description"}))
        _check("detail_line", self.detail_line, allowed=frozenset({"text"}), needed=frozenset({"text"}))
        _check("unwanted_line", self.unwanted_line, allowed=_UNWANTED_LINE, needed=frozenset())
        self._check_fence()
        if self.max_keywords < 0:
            raise ValueError("max_keywords must be 0 or more")
        if self.kind == "label":
            if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels) or not all(self.labels):
                raise ValueError("labels must be two or more different, non-empty answers")
        elif self.max_tokens < 8 or not 0 < self.min_length < self.max_length:
            raise ValueError("max_tokens must be 8 or more, and min_length lie between 0 and max_length")

    def _check_fence(self) -> None:
        """The paper stands between the fence's ends, once; the question after it."""
        places = [self.body.find(part) for part in (self.open, "{title}", "{abstract}", self.close)]
        if not self.open or not self.close or -1 in places or places != sorted(places):
            raise ValueError(f"body must hold {self.open!r}, {{title}}, {{abstract}}, {self.close!r} in that order")
        if self.body.count(self.open) != 1 or self.body.count(self.close) != 1:
            raise ValueError(f"body must hold {self.open!r} and {self.close!r} once each")
        if self.body.index(self.close) + len(self.close) >= len(self.body.rstrip()):
            raise ValueError("body must put the question after the paper")


def _check(key: str, text: str, *, allowed: frozenset[str], needed: frozenset[str]) -> None:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ValueError(f"{key} has an unpaired brace ({error}); write a literal brace twice") from error
    if names - allowed:
        known = ", ".join(f"{{{n}}}" for n in sorted(allowed))
        raise ValueError(f"{key} has unknown placeholders {sorted(names - allowed)}; known: {known}")
    if needed - names:
        raise ValueError(f"{key} lacks the placeholders {sorted(needed - names)}")


def load_template(path: Path) -> Template:
    """Read and check a template file.

    Raises:
        ConfigError: unknown key, wrong placeholder, missing version; with file, line and what would be right.
    """
    table, text = read_toml(path)
    return Reader(str(path), text).build(Template, table)


def find_template(name: str, *folders: Path, kind: Kind | None = None) -> Template:
    """A template by path, else by name in the first folder that has it.

    Raises:
        ConfigError: none of that name, or not of the kind that is wanted.
    """
    path = template_file(name, *folders)
    template = load_template(path)
    if kind is not None and template.kind != kind:
        what = f"is a template of kind {template.kind!r}, not {kind!r}"
        raise ConfigError(what, where=str(path), todo="name another template")
    return template


def template_file(name: str, *folders: Path) -> Path:
    """The file of a template by path, else by name in the first folder that has it.

    Raises:
        ConfigError: none of that name.
    """
    candidates = [Path(name).expanduser()] if name.endswith(".toml") else [f / f"{name}.toml" for f in folders]
    found = next((path for path in candidates if path.is_file()), None)
    if found is not None:
        return found
    known = sorted({p.stem for f in folders if f.is_dir() for p in f.glob("*.toml")})
    raise ConfigError(
        f"no prompt template {name!r}",
        where=" and ".join(map(str, folders)) or name,
        todo=f"known: {', '.join(known) or 'none'}; or give a path to a .toml file",
    )
