"""Reads a sentence-transformers folder, without importing it: what it is, its prompts, and whether it is a plain BERT.

Only a plain BERT (absolute positions, exact GELU, mean or first-token pooling, nothing else behind it) may take the
fast path; everything else goes through sentence-transformers itself.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ranker.errors import BackendError

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_SHAPING = (
    "config.json", "modules.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "sentence_bert_config.json",
    "config_sentence_transformers.json",
)  # fmt: skip
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Bert:
    """The shape of a BERT encoder; ``pooling`` is mean or cls; ``epsilon`` of its layer norms."""

    layers: int
    heads: int
    width: int
    inner: int
    epsilon: float
    pooling: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model folder says of itself.

    ``bert`` is None where the fast path does not apply, ``why_not`` then says why. ``query`` and ``document`` are the
    prompts put before texts of that kind. ``config_hash``: of every file besides the weights that shapes vectors.
    """

    dimension: int
    max_tokens: int
    query: str
    document: str
    config_hash: str
    bert: Bert | None = None
    why_not: str = ""
    default_prompts: dict[str, str] = field(default_factory=dict)


class _NotPlainError(Exception):
    """Why a folder can't take the fast path."""


def read_plan(folder: Path) -> Plan:
    """The plan of a sentence-transformers folder.

    Raises:
        BackendError: a file of the folder is unreadable or says nothing of the vectors' dimension.
    """
    prompts = _json(folder, "config_sentence_transformers.json")
    named: dict[str, str] = dict(prompts.get("prompts") or {})
    default = named.get(prompts.get("default_prompt_name") or "", "")
    document = next((named[n] for n in _DOCUMENT_PROMPTS if n in named), default)
    config = _json(folder, "config.json")
    limits = _json(folder, "sentence_bert_config.json")
    tokenizer = _json(folder, "tokenizer_config.json")
    asked = limits.get("max_seq_length") or tokenizer.get("model_max_length") or _LONGEST
    max_tokens = int(min(asked, config.get("max_position_embeddings") or asked, 1 << 20))
    bert, why_not = None, ""
    try:
        bert = _bert(folder, config, limits)
    except _NotPlainError as reason:
        why_not = str(reason)
    return Plan(
        dimension=_dimension(folder, config),
        max_tokens=max_tokens,
        query=named.get("query", default),
        document=document,
        config_hash=_hash_configs(folder),
        bert=bert,
        why_not=why_not,
        default_prompts=named,
    )


def _bert(folder: Path, config: dict[str, Any], limits: dict[str, Any]) -> Bert:
    modules = [(str(m["type"]).rsplit(".", 1)[-1], folder / m["path"]) for m in _modules(folder)]
    names = [name for name, _ in modules]
    _need(names in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]), f"modules {names}")
    _need(
        (folder / "modules.json").is_file() and modules[0][1] == folder, "its transformer lies in a folder of its own"
    )
    _need(config.get("model_type") == "bert", f"model type {config.get('model_type')}")
    _need(config.get("position_embedding_type", "absolute") == "absolute", "relative positions")
    _need(config.get("hidden_act") == "gelu", f"activation {config.get('hidden_act')}")
    _need(not config.get("is_decoder") and not config.get("add_cross_attention"), "a decoder")
    _need(not limits.get("do_lower_case"), "sentence-transformers lower-cases its texts")
    _need(not limits.get("model_args") and not limits.get("tokenizer_args"), "arguments for its classes")
    _need(limits.get("module_output_name", "token_embeddings") == "token_embeddings", "another output")
    _need((folder / "tokenizer.json").is_file(), "no tokenizer.json")
    _need((folder / "model.safetensors").is_file(), "weights in several files")
    width = int(config["hidden_size"])
    return Bert(
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        width=width,
        inner=int(config["intermediate_size"]),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        pooling=_pooling(_json(modules[1][1], "config.json")),
    )


def _pooling(config: dict[str, Any]) -> str:
    mode = config.get("pooling_mode")
    if mode is None:  # the older form: one switch a mode
        on = [k.removeprefix("pooling_mode_") for k, v in config.items() if k.startswith("pooling_mode_") and v is True]
        mode = {"mean_tokens": "mean", "cls_token": "cls"}.get(on[0], on[0]) if len(on) == 1 else str(on)
    _need(mode in ("mean", "cls"), f"pooling {mode}")
    _need(config.get("include_prompt", True) is True, "pooling without the prompt")
    return str(mode)


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _NotPlainError(otherwise)


def _dimension(folder: Path, config: dict[str, Any]) -> int:
    """Of the last module that says one, else the transformer's width."""
    found = config.get("hidden_size") or config.get("d_model") or config.get("dim")
    for module in _modules(folder):
        own = _json(folder / module["path"], "config.json") if module["path"] else {}
        found = (
            own.get("out_features") or own.get("embedding_dimension") or own.get("word_embedding_dimension") or found
        )
    if not isinstance(found, int):
        raise BackendError("says nothing of its vectors' dimension", where=str(folder), todo="use another model folder")
    return found


def _modules(folder: Path) -> list[dict[str, Any]]:
    path = folder / "modules.json"
    if not path.is_file():
        return [{"type": "Transformer", "path": ""}, {"type": "Pooling", "path": "absent"}]
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [{"type": str(r["type"]), "path": str(r["path"])} for r in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackendError(f"can't be read: {error}", where=str(path), todo="copy the model folder again") from error


def _json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object of the folder; empty where the file is absent."""
    path = folder / name
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"can't be read: {error}", where=str(path), todo="copy the model folder again") from error
    return value if isinstance(value, dict) else {}


def _hash_configs(folder: Path) -> str:
    digest = hashlib.sha256()
    inner = sorted(p.relative_to(folder).as_posix() for p in folder.glob("*/config.json"))
    for name in (*_SHAPING, *inner):
        path = folder / name
        digest.update(f"\0{name}\0".encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()
