"""TOML -> frozen dataclasses. Unknown keys, wrong types and broken bounds are refused with file, line and key."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ranker.errors import ConfigError

T = TypeVar("T")
KeyPath = tuple[str | int, ...]

_NAMES: dict[type, str] = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The parsed table and its text.

    Raises:
        ConfigError: not there, not readable, not UTF-8 or not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", where=str(path), todo="name another file") from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", where=str(path), todo="save it as UTF-8") from error
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}", where=str(path), todo="mend that line") from error


def find_line(text: str, path: KeyPath) -> int | None:
    """1-based line where a key path stands, e.g. ``("fields", 2, "keywords")``; None where it can't be told."""
    table: list[str | int] = []
    counts: dict[str, int] = {}
    best: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line)
        if header and "=" not in line.split("]")[0]:
            names = [part.strip().strip("\"'") for part in header[2].split(".")]
            table = list(names)
            if header[1] == "[[":
                counts[header[2]] = counts.get(header[2], -1) + 1
                table.append(counts[header[2]])
            if list(path[: len(table)]) == table:
                best = number
            if tuple(table) == path:
                return number
            continue
        key = re.match(r"\s*(?:\"([^\"]+)\"|'([^']+)'|([A-Za-z0-9_-]+))\s*=", line)
        if key and (*table, key[1] or key[2] or key[3]) == path[: len(table) + 1]:
            return number
    return best


class Reader:
    """Turns one parsed file into dataclasses and knows where each key stands."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text

    def error(self, path: KeyPath, what: str, todo: str) -> ConfigError:
        line = find_line(self.text, path)
        shown = ".".join(f"[{p}]" if isinstance(p, int) else p for p in path).replace(".[", "[")
        where = f"{self.file}:{line}" if line else self.file
        return ConfigError(f"{shown}: {what}" if shown else what, where=where, todo=todo)

    def build(self, cls: type[T], table: Any, path: KeyPath = ()) -> T:
        """An instance of the dataclass ``cls`` from a TOML table.

        Raises:
            ConfigError: unknown or missing key, wrong type, or a ValueError of ``cls.__post_init__``.
        """
        if not isinstance(table, dict):
            raise self.error(path, f"is {_show(table)}, not a table", "write it as a [table]")
        fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
        hints = typing.get_type_hints(cls)
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in fields:
                close = difflib.get_close_matches(key, fields, n=1)
                todo = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(fields)}"
                raise self.error((*path, key), "is not a known key", todo)
            values[key] = self._value(hints[key], value, (*path, key))
        for name, spec in fields.items():
            if (
                name not in values
                and spec.default is dataclasses.MISSING
                and spec.default_factory is dataclasses.MISSING
            ):
                raise self.error(path, f"the key {name!r} is missing", f"add {name} = ...")
        try:
            return cls(**values)
        except ValueError as error:
            named = str(error).split(" ", 1)[0].strip(":,'\"")
            at = (*path, named) if named in fields else path
            raise self.error(at, str(error), "set it inside that bound") from error

    def _value(self, hint: Any, value: Any, path: KeyPath) -> Any:
        origin = typing.get_origin(hint)
        if origin in (types.UnionType, typing.Union):
            return self._union(hint, value, path)
        if origin is typing.Literal:
            if value not in typing.get_args(hint):
                allowed = ", ".join(map(repr, typing.get_args(hint)))
                raise self.error(path, f"is {_show(value)}", f"use one of {allowed}")
            return value
        if origin is tuple:
            if not isinstance(value, list):
                raise self.error(path, f"is {_show(value)}, not a list", "write it as [ ... ]")
            item = typing.get_args(hint)[0]
            return tuple(self._value(item, v, (*path, i)) for i, v in enumerate(value))
        if origin in (dict, Mapping) or hint in (dict, Mapping):
            if not isinstance(value, dict):
                raise self.error(path, f"is {_show(value)}, not a table", "write it as a [table]")
            return dict(value)
        if hint is Path:
            return Path(self._value(str, value, path)).expanduser()
        if dataclasses.is_dataclass(hint):
            return self.build(typing.cast(type, hint), value, path)
        if hint is Any:
            return value
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
            raise self.error(path, f"is {_show(value)}, not {_NAMES.get(hint, hint)}", f"give {_NAMES.get(hint, hint)}")
        return value

    def _union(self, hint: Any, value: Any, path: KeyPath) -> Any:
        failure: ConfigError | None = None
        for option in typing.get_args(hint):
            if option is type(None):
                continue
            try:
                return self._value(option, value, path)
            except ConfigError as error:
                failure = error
        assert failure is not None
        raise failure


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
