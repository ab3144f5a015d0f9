"""A transformers model's files: tokenizer and configuration in a moment, the weights when they are needed."""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ranker.errors import BackendError, ConfigError, RankerError

_FOLDER = (
    "name a folder with config.json, tokenizer.json and safetensors, a downloaded model, or smollm2 (the packaged one)"
)
_CONFIG = "config.json"
_TOKENIZER = {"a tokenizer (tokenizer.json)": ("tokenizer*", "vocab.*", "*.model", "*.tiktoken", "tekken.json")}
_WEIGHTS = {"weights (*.safetensors)": ("*.safetensors", "pytorch_model*.bin")}
_FILES = {_CONFIG: (_CONFIG,), **_TOKENIZER, **_WEIGHTS}  # what a folder needs -> names that it goes by
_MODEL_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")  # no second form of the weights
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_SECONDS = 5.0
_SIZE = 1024  # of the square product that measures a device: 2 GFLOP, a few milliseconds


def read_config(name: str) -> tuple[Any, Any]:
    """(tokenizer, configuration) of a folder or a hub name.

    Raises:
        ConfigError: there is none, or the folder is not a model's.
        BackendError: transformers does not know it.
    """
    local = from_here(name)  # before the library, which takes seconds
    try:
        from transformers import AutoConfig, AutoTokenizer
    except ImportError as error:
        raise _no_library(error) from error
    try:
        return AutoTokenizer.from_pretrained(name, local_files_only=local), AutoConfig.from_pretrained(
            name, local_files_only=local
        )
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(name, error, _TOKENIZER) from error


def read_weights(name: str, dtype: str, device: str) -> Any:
    """The model in ``dtype`` on ``device``, ready for inference.

    Raises:
        ConfigError: the weights are not there.
        BackendError: they are broken, or larger than the memory.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ImportError as error:
        raise _no_library(error) from error
    logging.disable_progress_bar()  # the stages have their own
    try:
        model = AutoModelForCausalLM.from_pretrained(
            name, local_files_only=from_here(name), dtype=getattr(torch, dtype)
        )
        return model.to(device).eval()
    except (MemoryError, RuntimeError) as error:  # torch's own out-of-memory errors are RuntimeErrors
        raise BackendError(
            f"the model does not load: {_first_line(error)}",
            where=name,
            todo="take a smaller model, or set transformers.dtype or .device; others may hold memory",
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(name, error, _WEIGHTS) from error


def model_folder(name: str) -> Path:
    """The folder of a model's files: the named one, or a hub's download of that name (fetched where a hub answers).

    Raises:
        ConfigError: there is none.
        BackendError: it can't be had.
    """
    if Path(name).is_dir():
        return Path(name)
    local = from_here(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=local, allow_patterns=list(_MODEL_FILES)))
    except (OSError, ValueError) as error:
        raise unreadable(name, error, _FILES) from error


def chosen_device(device: str) -> str:
    """``auto`` comes to a GPU where torch has one."""
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def chosen_dtype(device: str) -> str:
    """bfloat16 where the processor multiplies it natively; float32 elsewhere (bfloat16 is slower there, not faster)."""
    if device != "cpu":
        return "bfloat16"
    from ranker.backends.cpu import has_bfloat16

    return "bfloat16" if has_bfloat16() else "float32"


def ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Ids that end a text: the generation config's, the tokenizer's, and the template's end of turn."""
    found: set[int] = set()
    for ids in (getattr(model.generation_config, "eos_token_id", None), tokenizer.eos_token_id):
        found.update(ids if isinstance(ids, list) else [ids] if ids is not None else [])
    known = tokenizer.get_added_vocab()
    found.update(known[t] for t in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>") if t in known)
    return frozenset(int(i) for i in found)


def flop_per_s(device: str, dtype: str) -> float:
    """Floating-point operations a second in one large product, the best of three."""
    import torch

    a = torch.ones(_SIZE, _SIZE, dtype=getattr(torch, dtype), device=device)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        float((a @ a)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - start)
    return 2.0 * _SIZE**3 / best


def from_here(name: str) -> bool:
    """Whether a model is taken from this machine alone: a folder, or a downloaded one where no hub answers.

    Raises:
        ConfigError: it is no folder, and can't be a hub's name either; or a folder without a model's config.json.
    """
    path = Path(name)
    if path.is_dir():
        if not (path / _CONFIG).is_file():
            raise _incomplete(name, _lacking(path, _FILES))
        return True
    if path.is_file():
        raise ConfigError("is a file, not a model's folder", where=name, todo=_FOLDER)
    if not _HUB_NAME.fullmatch(name):
        raise ConfigError("there is no such model folder", where=name, todo=f"check the path; {_FOLDER}")
    return os.environ.get("HF_HUB_OFFLINE") == "1" or not _hub_answers()


def _lacking(folder: Path, needed: Mapping[str, Sequence[str]]) -> list[str]:
    return [what for what, names in needed.items() if not any(any(folder.glob(n)) for n in names)]


def _incomplete(name: str, lacking: Sequence[str]) -> ConfigError:
    *others, last = lacking
    said = f"{', '.join(others)} and {last}" if others else last
    return ConfigError(f"the folder lacks {said}", where=name, todo=_FOLDER)


@lru_cache(maxsize=1)
def _hub_answers() -> bool:
    """Asked once and for seconds: the library would try for a minute where there is no network."""
    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        urllib.request.urlopen(address, timeout=_HUB_SECONDS).close()
    except urllib.error.HTTPError:
        return True  # a refusal is an answer
    except (OSError, ValueError):
        return False
    return True


def unreadable(name: str, error: Exception, needed: Mapping[str, Sequence[str]]) -> RankerError:
    """What is wrong with a model that can't be read, in our words where it, or a ``needed`` file, is not there at all.

    One that is there and can't be had or understood (gated, of an unknown kind) keeps the library's words.
    """
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    if Path(name).is_dir() and (lacking := _lacking(Path(name), needed)):
        return _incomplete(name, lacking)
    causes = (error, error.__cause__)  # the hub's own error, or transformers' around it
    absent = any(isinstance(e, LocalEntryNotFoundError | RepositoryNotFoundError) for e in causes)
    if Path(name).is_dir() or not absent or any(isinstance(e, GatedRepoError) for e in causes):
        return BackendError(f"the model can't be loaded: {_first_line(error)}", where=name, todo=_FOLDER)
    return ConfigError(
        "there is no such model folder, and no hub's model of this name is downloaded or to be had",
        where=name,
        todo=f"check the path; {_FOLDER}",
    )


def _no_library(error: ImportError) -> BackendError:
    return BackendError(f"transformers does not import: {error}", where="backend transformers", todo="reinstall ranker")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
