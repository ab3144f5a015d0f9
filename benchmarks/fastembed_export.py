"""Makes the folder that ``benchmarks.encoder --fastembed-model`` wants: the embedded model as float32 ONNX.

python -m benchmarks.fastembed_export FOLDER       (needs the package onnx; nothing else here does)
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from ranker.model_files import find_encoder

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def main(target: Path) -> None:
    import torch
    from transformers import AutoModel

    folder = find_encoder("embedded").folder
    target.mkdir(parents=True, exist_ok=True)
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ones = torch.ones(2, 16, dtype=torch.long)

    class Hidden(torch.nn.Module):
        """The one output that fastembed pools."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
            found = self.model(input_ids=ids, attention_mask=mask, token_type_ids=types)
            hidden: torch.Tensor = found.last_hidden_state
            return hidden

    torch.onnx.export(
        Hidden(),
        (ones, ones, torch.zeros_like(ones)),
        str(target / "model.onnx"),
        input_names=list(_INPUTS),
        output_names=["last_hidden_state"],
        dynamic_axes={n: {0: "batch", 1: "tokens"} for n in (*_INPUTS, "last_hidden_state")},
        opset_version=17,
        dynamo=False,
    )
    for name in _FILES:
        shutil.copy(folder / name, target / name)
    settings = target / "tokenizer_config.json"
    # fastembed cuts at this length; sentence-transformers at the 256 of sentence_bert_config.json.
    table = json.loads(settings.read_text(encoding="utf-8")) | {"model_max_length": 256}
    settings.write_text(json.dumps(table), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
