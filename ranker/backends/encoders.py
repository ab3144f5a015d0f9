"""Chooses the encoder's backend and precision, by the settings, by what was measured, or by rule; loads nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
from typing import TYPE_CHECKING

from ranker.backends.bert_plan import Plan, read_plan
from ranker.backends.cpu import has_bfloat16
from ranker.backends.extras import install
from ranker.errors import BackendError
from ranker.model_files import ModelFiles, find_encoder
from ranker.types import EncoderInfo

if TYPE_CHECKING:
    from ranker.config import EncoderSettings
    from ranker.protocols import Encoder

_ARITHMETIC = "1"
"""Raised when our own forward changes what it computes; goes into every key."""

PRECISIONS = {
    "torch": ("float32", "bfloat16", "float16"),
    "openvino": ("float32", "bfloat16", "int8"),
    "sentence-transformers": ("float32", "bfloat16", "float16"),
}


def choose_encoder(settings: EncoderSettings) -> Encoder:
    """The encoder that the settings ask for; where they say ``auto``, as `tune` measured, else by rule.

    The rule depends on nothing but the model, the installed packages and the CPU's kind: a plain BERT goes to
    OpenVINO where it is installed, else to torch; any other folder to sentence-transformers. Precision is bfloat16
    where the CPU has it, else float32. With ``device = "cuda"`` a plain BERT goes to torch in float16, texts packed.

    Raises:
        BackendError: the model can't be found or is altered, or the backend is absent or can't do what is asked.
    """
    files = find_encoder(settings.model)
    plan = read_plan(files.folder)
    measured = None
    if (settings.backend, settings.precision) == ("auto", "auto") and settings.device != "cuda":
        from ranker.backends.tune import recall

        measured = recall(files, plan)
    backend = measured[0] if measured else _backend(settings, plan)
    precision = settings.precision if settings.precision != "auto" else _precision(backend, settings.device)
    precision = measured[1] if measured else precision
    on_cpu_half = (backend, precision) == ("torch", "float16") and _device(settings.device) == "cpu"
    if precision not in PRECISIONS[backend] or on_cpu_half:
        raise BackendError(
            f"the backend {backend} has no precision {precision}",
            where="[encoder] precision",
            todo=f"use one of {', '.join(PRECISIONS[backend])}, or auto"
            + (" (float16: on a GPU)" if on_cpu_half else ""),
        )
    return open_encoder(files, plan, backend, precision, threads=settings.threads, device=settings.device)


def open_encoder(
    files: ModelFiles, plan: Plan, backend: str, precision: str, *, threads: int = 0, device: str = "cpu"
) -> Encoder:
    """An encoder of one backend and precision; its weights are read when the first text is encoded."""
    info = describe(files, plan, backend, precision)
    place = _device(device)
    if backend == "torch" and place != "cpu":
        from ranker.backends.packed_bert import PackedBert

        key = _key(files, plan, f"packed on {place}", precision)
        info = dataclasses.replace(info, backend=f"{backend} on {place}", key=key)
        return PackedBert(files, plan, info, device=place)
    if backend == "torch":
        from ranker.backends.torch_bert import TorchBert

        return TorchBert(files, plan, info, threads=threads)
    if backend == "openvino":
        if importlib.util.find_spec("openvino") is None:
            raise BackendError("openvino is not installed", where="[encoder] backend", todo=install("openvino"))
        from ranker.backends.openvino import OpenVinoBert

        return OpenVinoBert(files, plan, info, threads=threads)
    from ranker.backends.sentence_transformers import SentenceTransformersEncoder

    if place != "cpu":
        info = dataclasses.replace(info, backend=f"{backend} on {place}", key=_key(files, plan, place, precision))
    return SentenceTransformersEncoder(files, plan, info, threads=threads, device=place)


def describe(files: ModelFiles, plan: Plan, backend: str, precision: str) -> EncoderInfo:
    """Who this encoder is; computed from the files alone, so that a run that encodes nothing loads nothing."""
    return EncoderInfo(
        name=files.name,
        sha256=files.sha256,
        dimension=plan.dimension,
        max_tokens=plan.max_tokens,
        backend=backend,
        precision=precision,
        key=_key(files, plan, backend, precision),
        supports_prompts=bool(plan.query or plan.document),
    )


def _key(files: ModelFiles, plan: Plan, backend: str, precision: str) -> str:
    """sha256 (hex) of all that shapes vectors: weights, configs (tokenizer, prompts, limits), backend, precision."""
    parts = ("encoder", _ARITHMETIC, files.sha256, plan.config_hash, backend, precision)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _backend(settings: EncoderSettings, plan: Plan) -> str:
    if settings.backend != "auto":
        return settings.backend
    if plan.bert is not None and _device(settings.device) == "cuda":
        return "torch"
    if plan.bert is None or settings.precision == "float16":
        return "sentence-transformers"
    if settings.precision == "int8" or importlib.util.find_spec("openvino") is not None:
        return "openvino"
    return "torch"


def _precision(backend: str, device: str) -> str:
    if _device(device) == "cuda" and backend != "openvino":
        return "float16"  # half precision is what a GPU is made for
    if backend == "sentence-transformers":
        return "float32"  # unknown architectures: exact by default
    return "bfloat16" if has_bfloat16() else "float32"


def _device(asked: str) -> str:
    """``cuda`` only where it was asked for by name: loading torch to look for one would cost every run."""
    return "cuda" if asked == "cuda" else "cpu"
