"""Where the packaged ``config/`` and ``models/`` lie: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    packaged = _PACKAGE / f"_{name}"
    return packaged if packaged.is_dir() else _PACKAGE.parent / name


def config_dir() -> Path:
    """The packaged defaults: ranker.toml, profiles/, prompts/."""
    return _shipped("config")


def models_dir() -> Path:
    """What ships in models/: registry.toml and the fitted heads."""
    return _shipped("models")


def sample_day() -> Path:
    """The bundled day of invented papers that ``make demo`` ranks."""
    return _PACKAGE / "data" / "sample_day.jsonl"


def background_topics() -> Path:
    """One-line descriptions of common arXiv topics (see ``ranker.cold``)."""
    return _PACKAGE / "data" / "background_topics.json"


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG base directory specification: a relative path there is invalid and to be ignored.
    return (Path(value) if value and Path(value).is_absolute() else Path.home() / fallback) / "ranker"


def user_config_dir() -> Path:
    """``$XDG_CONFIG_HOME/ranker`` (``~/.config/ranker`` if unset)."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def user_data_dir() -> Path:
    """``$XDG_DATA_HOME/ranker`` (``~/.local/share/ranker`` if unset)."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def user_cache_dir() -> Path:
    """``$XDG_CACHE_HOME/ranker`` (``~/.cache/ranker`` if unset)."""
    return _xdg("XDG_CACHE_HOME", ".cache")
