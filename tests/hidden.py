"""A package that is installed, made to look absent in a process of its own."""

from __future__ import annotations

from pathlib import Path

_CODE = """
from importlib import metadata
real = metadata.version
def version(name):
    if name == {name!r}:
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
"""


def hide(name: str, folder: Path) -> None:
    """Write what hides a package's metadata from a Python that has ``folder`` on its PYTHONPATH."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_CODE.format(name=name), encoding="utf-8")
