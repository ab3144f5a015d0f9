"""Imports point one way, and the front door is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ranker

PACKAGE = Path(ranker.__file__).parent
HEAVY = ("torch", "faiss", "vllm", "sentence_transformers", "transformers", "openvino", "ray", "onnxruntime", "peft")
STAGES = ("embed", "route", "rank", "outcomes", "report", "cold", "evidence", "near_duplicates")


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Names of the modules that a file imports; ``top_only`` leaves out those inside functions and TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return found


def ours(path: Path) -> set[str]:
    return {m for m in imports(path) if m.split(".")[0] == "ranker"}


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_load_inside_their_backend(path: Path) -> None:
    heavy = {m for m in imports(path, top_only=True) if m.split(".")[0] in HEAVY}
    assert heavy == set()
    if path.relative_to(PACKAGE).parts[0] not in ("backends", "cli"):
        everywhere = {m for m in imports(path) if m.split(".")[0] in HEAVY}
        assert everywhere == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_cli_chooses_backends_and_nobody_imports_the_cli(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    if room not in ("cli", "__main__.py"):
        assert not {m for m in ours(path) if m.startswith("ranker.cli")}
        if room != "backends":
            assert not {m for m in ours(path) if m.startswith("ranker.backends")}


def test_the_records_import_nothing_of_ours() -> None:
    assert ours(PACKAGE / "types.py") == set()
    assert ours(PACKAGE / "errors.py") == set()


@pytest.mark.parametrize("stage", STAGES)
def test_stages_import_neither_pipeline_nor_store(stage: str) -> None:
    above = ("ranker.pipeline", "ranker.bulk", "ranker.store")
    assert not {m for m in ours(PACKAGE / f"{stage}.py") if m.startswith(above)}


@pytest.mark.parametrize("stage", STAGES)
def test_stages_import_no_other_stage(stage: str) -> None:
    others = {f"ranker.{s}" for s in STAGES} - {f"ranker.{stage}", "ranker.cold"}  # what cold says is the router's
    assert not ours(PACKAGE / f"{stage}.py") & others


def test_import_ranker_loads_nothing_heavy() -> None:
    code = f"import sys, ranker; print([m for m in {HEAVY!r} + ('numpy',) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_resolves() -> None:
    assert [n for n in ranker.__all__ if getattr(ranker, n, None) is None] == []
    with pytest.raises(AttributeError):
        ranker.absent  # noqa: B018
