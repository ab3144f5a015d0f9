"""The house model: SmolLM2-135M-Instruct with the adapters under ``models/house``, merged once into the cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from ranker import resources
from ranker.backends.finetune.merge import merge
from ranker.backends.smollm2 import cache_folder, ensure_smollm2
from ranker.backends.tuned import NOTE, read_tuned
from ranker.backends.weights import fingerprint
from ranker.errors import BackendError


def adapter_folder() -> Path:
    return resources.models_dir() / "house"


def ensure_house() -> Path:
    """Folder of the merged model (safetensors in bfloat16); made on first use, in seconds.

    The folder appears by one rename, so that a crash or a second process never leaves half of it.

    Raises:
        BackendError: the small model that it rests on is not installed, or the shipped adapters are damaged.
    """
    base, adapter = ensure_smollm2(), adapter_folder()
    tuned = read_tuned(adapter)
    if tuned is None:
        raise BackendError("the house model's adapters are not there", where=str(adapter), todo="reinstall ranker")
    digest = hashlib.sha256(f"{fingerprint(base)} {fingerprint(adapter)}".encode())
    for file in tuned.template_files(adapter):
        digest.update(Path(file).read_bytes())
    target = cache_folder() / f"smollm2-135m-house-{digest.hexdigest()[:12]}"
    if target.is_dir():
        return target
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        merge(base, adapter, draft)
        for name in (NOTE, *tuned.templates):
            shutil.copyfile(adapter / name, draft / name)
        draft.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster, and its folder is as good
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target
