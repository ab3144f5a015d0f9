"""Configuration: packaged ``config/ranker.toml``, under the user's or ``--config``. Unknown keys are refused."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from ranker import resources
from ranker.errors import ConfigError
from ranker.toml import Reader, read_toml

if TYPE_CHECKING:
    from ranker.sources.settings import FetchSettings

T = TypeVar("T")
JudgeName = Literal["heads", "vllm", "transformers", "openai", "auto"]
JUDGES: tuple[str, ...] = get_args(JudgeName)
EngineName = Literal["local", "ray"]
ENGINES: tuple[str, ...] = get_args(EngineName)

# Who owns a table that is kept as it was written. By name: the core imports no backend, and a file that sets nothing of
# a table loads nothing for it.
_OWNERS = {
    "judging": "ranker.judging.settings:JudgeSettings",
    "vllm": "ranker.backends.vllm_settings:VllmSettings",
    "transformers": "ranker.backends.transformers:TransformersSettings",
    "openai": "ranker.backends.openai_server:OpenAISettings",
    "ray": "ranker.backends.ray_data.settings:RaySettings",
}


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """``path``: the SQLite file; empty means ``$XDG_DATA_HOME/ranker/ranker.db``. ``wait_seconds`` for another run."""

    path: str = ""
    wait_seconds: float = 0.0
    keep_days: int = 0

    def __post_init__(self) -> None:
        if not self.wait_seconds >= 0:  # refuses a NaN too
            raise ValueError("wait_seconds must be 0 or more")
        if self.keep_days < 0:
            raise ValueError("keep_days must be 0 (for ever) or more")


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """``model``: ``embedded``, a local sentence-transformers folder, or a hub name. ``threads`` 0 = all cores."""

    model: str = "embedded"
    backend: Literal["auto", "torch", "openvino", "sentence-transformers"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("model must name a model")
        if self.threads < 0:
            raise ValueError("threads must be 0 or more")


@dataclass(frozen=True, slots=True)
class JudgeChoice:
    """Which judge: the heads (no language model) or a language model's backend; ``model`` its path or name.

    ``heads``: ``auto`` (fitted ones for the profile, else centroids), ``none`` (centroids), or a folder.
    """

    name: JudgeName = "heads"
    model: str = ""
    heads: str = "auto"


@dataclass(frozen=True, slots=True)
class DigestSettings:
    """``forms``: a (recommendation), b (by category), c (keywords); ``site``: build the HTML pages."""

    forms: tuple[Literal["a", "b", "c"], ...] = ("a",)
    site: bool = True
    feeds: bool = True
    readme: bool = False
    history: bool = True

    def __post_init__(self) -> None:
        if not self.forms:
            raise ValueError("forms must name at least one of a, b, c")


@dataclass(frozen=True, slots=True)
class FetchChoice:
    """What `ranker fetch` asks arXiv for; ``http`` holds the keys of ``ranker.sources.settings.FetchSettings``."""

    categories: tuple[str, ...] = ("cs.AI", "cs.CL", "cs.CV", "cs.LG")
    include_cross: bool = False
    include_replacements: bool = False
    http: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.categories:
            raise ValueError("categories must name at least one, such as cs.LG")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be configured. The tables from ``judging`` on, and ``fetch.http``, belong to the parts that
    use them; ``check_all`` asks those.
    """

    profile: str = "default"
    engine: EngineName = "local"
    store: StoreSettings = StoreSettings()
    encoder: EncoderSettings = EncoderSettings()
    judge: JudgeChoice = JudgeChoice()
    digest: DigestSettings = DigestSettings()
    fetch: FetchChoice = FetchChoice()
    judging: Mapping[str, Any] = field(default_factory=dict)
    vllm: Mapping[str, Any] = field(default_factory=dict)
    transformers: Mapping[str, Any] = field(default_factory=dict)
    openai: Mapping[str, Any] = field(default_factory=dict)
    ray: Mapping[str, Any] = field(default_factory=dict)
    mail: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    text: str = ""

    def section(self, name: str, cls: type[T]) -> T:
        """The table ``[name]`` as its owner's dataclass.

        Raises:
            ConfigError: unknown key, wrong type or bound, with file and line.
        """
        return Reader(self.file, self.text).build(cls, dict(getattr(self, name)), (name,))

    def check_all(self) -> None:
        """Build every table by its owner, whether this run uses it or not: a misspelt key is never just ignored.

        Raises:
            ConfigError: unknown key, wrong type or bound, with file and line.
        """
        for name, owner in _OWNERS.items():
            if getattr(self, name):
                module, _, cls = owner.partition(":")
                self.section(name, getattr(importlib.import_module(module), cls))
        self.http_settings()
        if self.mail:
            from ranker.digest.mail import mail_settings

            try:
                mail_settings(self.mail)
            except ConfigError as error:
                raise Reader(self.file, self.text).error(
                    tuple(error.where.split(".")), error.what, error.todo
                ) from None

    def http_settings(self) -> FetchSettings:
        """The table ``[fetch.http]``.

        Raises:
            ConfigError: unknown key, wrong type or bound.
        """
        from ranker.sources.settings import FetchSettings

        return Reader(self.file, self.text).build(FetchSettings, dict(self.fetch.http), ("fetch", "http"))

    def store_path(self) -> Path:
        return Path(self.store.path).expanduser() if self.store.path else resources.user_data_dir() / "ranker.db"


def load_config(path: Path | None = None) -> Config:
    """``path`` if given, else the user's ``ranker.toml`` where there is one, else the packaged defaults.

    A file need only hold what differs: missing keys take the packaged default.

    Raises:
        ConfigError: names file, line, key and what would be right.
    """
    packaged = resources.config_dir() / "ranker.toml"
    user = resources.user_config_dir() / "ranker.toml"
    chosen = path or (user if user.is_file() else packaged)
    base, base_text = read_toml(packaged)
    table, text = (base, base_text) if chosen == packaged else read_toml(chosen)
    for reserved in ("file", "text"):
        if reserved in table:
            raise ConfigError(f"{reserved}: is not a known key", where=str(chosen), todo="remove it")
    Reader(str(chosen), text).build(Config, table)  # wrong keys are reported where the person wrote them
    config = Reader(str(packaged), base_text).build(Config, _merged(base, table))
    values = {f: getattr(config, f) for f in config.__slots__}
    return Config(**{**values, "file": str(chosen), "text": text})


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
