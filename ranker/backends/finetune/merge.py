"""Adapters into weights: W + (alpha / rank) B A, a model folder that every backend loads. Needs neither peft nor the
model's code, only the tensors.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranker.errors import BackendError

if TYPE_CHECKING:
    import torch

_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model."


def merge(base: Path, adapter: Path, out: Path) -> None:
    """Write ``base`` with the adapters of ``adapter`` (peft's two files) into the existing folder ``out``.

    Weights keep their dtype; they are added up in float32. Files other than weights are copied.

    Raises:
        BackendError: an adapter fits no weight of the base, or the base is quantised.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    scale, deltas = _deltas(adapter)
    for file in sorted(base.iterdir()):
        if not file.is_file():
            continue
        if file.suffix != ".safetensors":
            shutil.copyfile(file, out / file.name)
            continue
        with safe_open(file, "pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (no mapping)
            about = stored.metadata()
        for name in tensors.keys() & deltas.keys():
            tensors[name] = _added(tensors[name], *deltas.pop(name), scale, name, base)
        save_file(tensors, out / file.name, metadata=about)
    if deltas:
        raise BackendError(
            f"the adapters fit no weight of the model: {', '.join(sorted(deltas)[:3])}",
            where=str(adapter),
            todo=f"they belong to another model than {base}",
        )


def _added(weight: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float, name: str, base: Path) -> torch.Tensor:
    if not weight.is_floating_point():
        raise BackendError(f"{name} is quantised", where=str(base), todo="take the model's unquantised weights")
    if (b.shape[0], a.shape[1]) != tuple(weight.shape):
        shape = f"{b.shape[0]} x {a.shape[1]}"
        raise BackendError(f"{name} is {tuple(weight.shape)}, its adapter {shape}", where=str(base))
    return (weight.float() + scale * (b.float() @ a.float())).to(weight.dtype)


def _deltas(adapter: Path) -> tuple[float, dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """(alpha / rank, weight's name -> (A (rank, in), B (out, rank)))."""
    from safetensors.torch import load_file

    try:
        config: dict[str, Any] = json.loads((adapter / _CONFIG).read_text(encoding="utf-8"))
        scale = float(config["lora_alpha"]) / int(config["r"])
        tensors = load_file(adapter / _WEIGHTS)
    except (OSError, ValueError, KeyError) as error:
        raise BackendError(f"can't be read as adapters: {error}", where=str(adapter)) from error
    found = {}
    for name, a in tensors.items():
        stem, is_a, _ = name.partition(".lora_A.")
        if is_a:
            found[f"{stem.removeprefix(_PREFIX)}.weight"] = (a, tensors[f"{stem}.lora_B.weight"])
    return scale, found


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
