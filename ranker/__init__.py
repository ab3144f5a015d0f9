"""ranker: papers are embedded, routed, judged, ranked and written up, offline, and every one is accounted for.

The names below load their modules on first use, so that ``import ranker`` stays free of torch, faiss and vllm.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranker.config import Config, load_config
    from ranker.errors import RankerError
    from ranker.pipeline import rank
    from ranker.profile import Field, Profile, load_profile
    from ranker.protocols import Encoder, Generator, Judge
    from ranker.sources import read
    from ranker.store import Store
    from ranker.types import Judgment, Paper, Ranking, Run, Unscored

__version__ = "0.1.0"

_HOMES = {
    "Config": "ranker.config",
    "Encoder": "ranker.protocols",
    "Field": "ranker.profile",
    "Generator": "ranker.protocols",
    "Judge": "ranker.protocols",
    "Judgment": "ranker.types",
    "Paper": "ranker.types",
    "Profile": "ranker.profile",
    "Ranking": "ranker.types",
    "RankerError": "ranker.errors",
    "Run": "ranker.types",
    "Store": "ranker.store",
    "Unscored": "ranker.types",
    "load_config": "ranker.config",
    "load_profile": "ranker.profile",
    "rank": "ranker.pipeline",
    "read": "ranker.sources",
}

__all__ = [
    "Config",
    "Encoder",
    "Field",
    "Generator",
    "Judge",
    "Judgment",
    "Paper",
    "Profile",
    "RankerError",
    "Ranking",
    "Run",
    "Store",
    "Unscored",
    "load_config",
    "load_profile",
    "rank",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ranker' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
