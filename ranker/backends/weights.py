"""A language model's folder as a short fingerprint, in a second even where the weights are tens of gigabytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_SMALL = 32 << 20
_SAMPLES, _SAMPLE = 64, 1 << 18
_NAMES = ("*.json", "*.jinja", "*.model", "*.txt", "*.safetensors", "*.bin", "*.gguf")


def fingerprint(folder: Path) -> str:
    """First 16 hex digits of a SHA-256 over names and sizes of the model's files, all bytes of the small ones, and of
    the large ones 64 evenly spread stretches of 256 KiB: any other training or quantisation changes those everywhere.
    """
    digest = hashlib.sha256()
    for file in sorted({f for pattern in _NAMES for f in folder.glob(pattern)}):
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        with file.open("rb") as stream:
            if size <= _SMALL:
                digest.update(stream.read())
                continue
            for i in range(_SAMPLES):
                stream.seek((size - _SAMPLE) * i // (_SAMPLES - 1))
                digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()[:16]


def read_ahead(folder: Path) -> None:
    """Ask the system to read the weights into its cache now, without waiting; nothing where it knows no such call."""
    if not hasattr(os, "posix_fadvise"):
        return
    for file in sorted(folder.glob("*.safetensors")):
        try:
            handle = os.open(file, os.O_RDONLY)
        except OSError:
            continue  # only a hint: whoever loads the weights says what is wrong with them
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(handle)


def weight_bytes(folder: Path) -> int:
    """Bytes of the safetensors files; 0 where there are none."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
