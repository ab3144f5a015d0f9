"""Adapters into weights: W + (alpha / rank) B A, a model folder that every backend loads. Needs neither peft nor the
model's code, only the tensors.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranker.errors import BackendError

if TYPE_CHECKING:
    import torch

_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model."
_COPIED = (".json", ".txt", ".model", ".jinja")
_PLAIN = ("F32", "F16", "BF16")


def merge(base: Path, adapter: Path, out: Path) -> None:
    """Write ``base`` with the adapters of ``adapter`` (peft's two files) into the existing folder ``out``.

    Weights keep their dtype; they are added up in float32. Configuration and tokenizer are copied, no second form of
    the weights is.

    Raises:
        BackendError: an adapter fits no weight of the base, or the base is quantised.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    scale, deltas = _deltas(adapter)
    check_fits(base, {name: (b.shape[0], a.shape[1]) for name, (a, b) in deltas.items()})
    for file in sorted(f for f in base.iterdir() if f.is_file() and f.suffix in _COPIED):
        shutil.copyfile(file, out / file.name)
    for file in weight_files(base):
        with safe_open(file, "pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (no mapping)
            about = stored.metadata()
        for name in tensors.keys() & deltas.keys():
            a, b = deltas[name]
            tensors[name] = (tensors[name].float() + scale * (b.float() @ a.float())).to(tensors[name].dtype)
        save_file(tensors, out / file.name, metadata=about)


def check_fits(base: Path, shapes: Mapping[str, tuple[int, int]]) -> None:
    """Whether weights of these names and shapes (out, in) lie in the base's files, unquantised. Reads no weight.

    Raises:
        BackendError: they do not, so what is trained could not be written.
    """
    from safetensors import safe_open

    there: dict[str, tuple[tuple[int, ...], str]] = {}
    for file in weight_files(base):
        with safe_open(file, "pt") as stored:
            for name in shapes.keys() & set(stored.keys()):
                part = stored.get_slice(name)
                there[name] = (tuple(part.get_shape()), part.get_dtype())
    todo = "take a model with unquantised weights in safetensors, under the names that transformers has for them"
    if lost := sorted(shapes.keys() - there.keys()):
        raise BackendError(f"holds no weights named {', '.join(lost[:3])}", where=str(base), todo=todo)
    for name, (shape, dtype) in there.items():
        if dtype not in _PLAIN:
            raise BackendError(f"{name} is quantised ({dtype})", where=str(base), todo=todo)
        if shape != tuple(shapes[name]):
            raise BackendError(f"{name} is {shape}, its adapter {tuple(shapes[name])}", where=str(base), todo=todo)


def weight_files(base: Path) -> list[Path]:
    """The safetensors files that the model is loaded from: those of its index, else ``model.safetensors``."""
    index = base / "model.safetensors.index.json"
    if not index.is_file():
        return [base / "model.safetensors"] if (base / "model.safetensors").is_file() else []
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [base / name for name in sorted(set(names))]


def adapted(model: Any) -> dict[str, tuple[int, int]]:
    """Names (as the base's files have them) and shapes (out, in) of the weights that have adapters."""
    found = {}
    for name, parameter in model.named_parameters():
        stem, is_a, _ = name.partition(".lora_A.")
        if is_a:
            out = model.get_submodule(stem).lora_B["default"].weight.shape[0]
            found[f"{stem.removeprefix(_PREFIX)}.weight"] = (int(out), int(parameter.shape[1]))
    return found


def save_adapter(model: Any, folder: Path) -> None:
    """peft's two files, the weights in bfloat16: half the size, and a merge rounds more than that."""
    import torch
    from safetensors.torch import load_file, save_file

    model.save_pretrained(str(folder))
    path = folder / _WEIGHTS
    save_file({k: v.to(torch.bfloat16) for k, v in load_file(path).items()}, path)
    (folder / "README.md").unlink(missing_ok=True)  # peft's template of a model card, unfilled
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = ""  # a path of this machine
    (folder / _CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _deltas(adapter: Path) -> tuple[float, dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """(alpha / rank, weight's name -> (A (rank, in), B (out, rank)))."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config: dict[str, Any] = json.loads((adapter / _CONFIG).read_text(encoding="utf-8"))
        scale = float(config["lora_alpha"]) / int(config["r"])
        tensors = load_file(adapter / _WEIGHTS)
        stems = [name.partition(".lora_A.")[0] for name in tensors if ".lora_A." in name]
        pairs = {s: (tensors[f"{s}.lora_A.weight"], tensors[f"{s}.lora_B.weight"]) for s in stems}
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise BackendError(f"can't be read as adapters: {error}", where=str(adapter)) from error
    return scale, {f"{stem.removeprefix(_PREFIX)}.weight": pair for stem, pair in pairs.items()}
