"""What an interrupted training has learned so far: adapters, the optimiser's moments, and the step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ranker.backends.finetune.examples import Example
from ranker.errors import BackendError
from ranker.files import write_whole

if TYPE_CHECKING:
    import torch


def digest(base: str, settings: object, labels: Sequence[int], examples: Sequence[Example]) -> str:
    """sha256 (hex) of all that shapes a run: the weights' fingerprint, settings, label tokens, and every example."""
    assert is_dataclass(settings) and not isinstance(settings, type)
    parts = [base, asdict(settings), list(labels), [asdict(e) for e in examples]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def state_file(out: Path, digest: str) -> Path:
    """Beside the folder to be written, one for each run: another run's state is neither used nor replaced."""
    return out.with_name(f".{out.name}.{digest[:12]}.state")


def clear(out: Path) -> None:
    """Remove the states of all runs that were to write this folder: it is written."""
    for left in out.parent.glob(f".{out.name}.*.state"):
        left.unlink(missing_ok=True)


def keep(path: Path, number: int, trained: Sequence[torch.Tensor], optimiser: torch.optim.Optimizer) -> None:
    """Write the state whole.

    Raises:
        BackendError: the disk is full or not writable; the state before stands.
    """
    import torch

    values = [p.detach().cpu() for p in trained]
    content = {"number": number, "values": values, "optimiser": optimiser.state_dict()}
    try:
        write_whole(path, lambda stream: torch.save(content, stream))
    except OSError as error:
        todo = "free some space; the same command goes on from the state before"
        raise BackendError(f"can't be written ({error.strerror})", where=str(path), todo=todo) from error


def resume(path: Path, trained: Sequence[torch.Tensor], optimiser: torch.optim.Optimizer) -> int:
    """Load a state into adapters and optimiser; the step that it was kept after, 0 where there is none.

    Raises:
        BackendError: the file is damaged.
    """
    import pickle

    import torch

    if not path.is_file():
        return 0
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")
        with torch.no_grad():
            for parameter, value in zip(trained, kept["values"], strict=True):
                parameter.copy_(value)
        optimiser.load_state_dict(kept["optimiser"])
        return int(kept["number"])
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as error:
        what = f"can't be read as an interrupted run's state: {str(error).splitlines()[0] if str(error) else 'empty'}"
        raise BackendError(what, where=str(path), todo="remove it to begin anew") from error
