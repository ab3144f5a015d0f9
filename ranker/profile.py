"""The profile of one reader or lab: fields, exclusions, thresholds, language. From TOML, checked on construction."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ranker import resources
from ranker.errors import ConfigError
from ranker.toml import Reader, read_toml


def _check_line(key: str, text: str) -> None:
    if not text.strip() or len(text.splitlines()) > 1:
        raise ValueError(f"{key} must be one non-empty line")


def _check_entries(key: str, entries: Sequence[str]) -> None:
    """Blank ones match nothing; hyphens count as blanks, as they do where keywords are matched."""
    for number, entry in enumerate(entries, 1):
        if not entry.replace("-", " ").strip():
            raise ValueError(f"{key} must hold no blank entry; number {number} is {entry!r}")


@dataclass(frozen=True, slots=True)
class Example:
    """An example paper of a field: title (and abstract) are embedded; ``id`` names it in reasons."""

    title: str
    abstract: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("title must be the paper's title")


@dataclass(frozen=True, slots=True)
class Field:
    """One research interest. ``exclude``: keywords that remove this field (only) from a paper."""

    name: str
    description: str
    descriptions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_line("name", self.name)
        if not self.description.strip():
            raise ValueError("description must say what the field is about")
        for key in ("descriptions", "keywords", "exclude"):
            _check_entries(key, getattr(self, key))


@dataclass(frozen=True, slots=True)
class Topic:
    """An unwanted topic: it only lowers the score of papers similar to it."""

    name: str
    description: str
    keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_line("name", self.name)
        if not self.description.strip():
            raise ValueError("description must say what the topic is about")
        _check_entries("keywords", self.keywords)


@dataclass(frozen=True, slots=True)
class Recommend:
    """What counts as recommended: exactly one of a score threshold, the day's top share, or the top N.

    ``threshold`` in score units (1-10); ``top_share`` in (0, 1]; ``top_n`` papers; ``max_per_field`` caps each field.
    """

    threshold: float | None = None
    top_share: float | None = None
    top_n: int | None = None
    max_per_field: int | None = None

    def __post_init__(self) -> None:
        if sum(v is not None for v in (self.threshold, self.top_share, self.top_n)) != 1:
            raise ValueError("recommend needs exactly one of threshold, top_share, top_n")
        if self.threshold is not None and not 1.0 <= self.threshold <= 10.0:
            raise ValueError("threshold must lie in 1..10")
        if self.top_share is not None and not 0.0 < self.top_share <= 1.0:
            raise ValueError("top_share must lie in (0, 1]")
        if self.top_n is not None and self.top_n < 0:
            raise ValueError("top_n must be 0 or more")
        if self.max_per_field is not None and self.max_per_field < 1:
            raise ValueError("max_per_field must be 1 or more")

    def describe(self) -> str:
        if self.threshold is not None:
            text = f"score >= {self.threshold:g}"
        elif self.top_share is not None:
            text = f"top {self.top_share:.0%} of the day"
        else:
            text = f"top {self.top_n}"
        return text if self.max_per_field is None else f"{text}, at most {self.max_per_field} a field"


@dataclass(frozen=True, slots=True)
class Routing:
    """``min_similarity`` [-1, 1]: below it a paper is unrouted. ``unwanted_penalty``: share of the similarity to an
    unwanted topic that is taken off.
    """

    min_similarity: float = 0.20
    unwanted_penalty: float = 0.5

    def __post_init__(self) -> None:
        if not -1.0 <= self.min_similarity <= 1.0:
            raise ValueError("min_similarity must lie in -1..1")
        if not 0.0 <= self.unwanted_penalty <= 2.0:
            raise ValueError("unwanted_penalty must lie in 0..2")


@dataclass(frozen=True, slots=True)
class Veto:
    """A paper with one of these keywords is left out and counted as vetoed."""

    keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_entries("keywords", self.keywords)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Followed authors and phrases (a section of their own), and the categories and phrases of the keyword digest."""

    authors: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            _check_entries(one.name, getattr(self, one.name))


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    title: str
    fields: tuple[Field, ...]
    recommend: Recommend
    language: Literal["zh", "en"] = "zh"
    routing: Routing = Routing()
    unwanted: tuple[Topic, ...] = ()
    veto: Veto = Veto()
    follow: Subscriptions = Subscriptions()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            raise ValueError("name must be a slug of a-z, 0-9 and -")
        if not self.fields:
            raise ValueError("fields must hold at least one [[fields]] table")
        names = [f.name for f in self.fields] + [t.name for t in self.unwanted]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"fields and unwanted topics need names of their own; twice: {', '.join(twice)}")

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    @property
    def veto_keywords(self) -> tuple[str, ...]:
        return self.veto.keywords

    def content_hash(self) -> str:
        """sha256 (hex) of what shapes a judgment: fields, unwanted topics and their penalty, language.

        Names label; vetoes and the least similarity decide before the judge who is judged, thresholds after it.
        """
        shaped = dataclasses.asdict(self)
        for key in ("name", "title", "recommend", "follow", "veto"):
            del shaped[key]
        del shaped["routing"]["min_similarity"]
        return hashlib.sha256(json.dumps(shaped, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def parse_profile(table: dict[str, Any], *, file: str, text: str) -> Profile:
    return Reader(file, text).build(Profile, table)


def load_profile(path: Path) -> Profile:
    """Read and check a profile file.

    Raises:
        ConfigError: names file, line, key and what would be right.
    """
    table, text = read_toml(path)
    return parse_profile(table, file=str(path), text=text)


def find_profile(name: str) -> Path:
    """A profile by path, else by name in the user's config folder, else among the packaged ones.

    A path ends in .toml or has a separator: a file that happens to be called ``default`` is not meant by that name.
    """
    as_path = Path(name).expanduser()
    if as_path.suffix == ".toml" or (len(as_path.parts) > 1 and as_path.is_file()):
        return as_path
    known = known_profiles()
    if name in known:
        return known[name]
    raise ConfigError(
        f"no profile {name!r}",
        where=" and ".join(map(str, _folders())),
        todo=f"known: {', '.join(known) or 'none'}; or give a path to a .toml file",
    )


def known_profiles() -> dict[str, Path]:
    """Name -> file of every profile that can be named, by name; a user's own stands before a packaged one."""
    packaged_first = reversed(_folders())
    found = {path.stem: path for folder in packaged_first if folder.is_dir() for path in folder.glob("*.toml")}
    return dict(sorted(found.items()))


def _folders() -> tuple[Path, Path]:
    return resources.user_config_dir() / "profiles", resources.config_dir() / "profiles"
