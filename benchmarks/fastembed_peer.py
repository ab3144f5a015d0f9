"""fastembed, run by benchmarks/encoder.py in an environment of its own: a line of texts in, a line of vectors out."""

from __future__ import annotations

import json
import sys


def main(folder: str) -> None:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        model="local/all-MiniLM-L6-v2",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(url="https://localhost/none"),
        dim=384,
        model_file="model.onnx",
    )
    model = TextEmbedding("local/all-MiniLM-L6-v2", specific_model_path=folder, local_files_only=True)
    for line in sys.stdin:
        vectors = [v.tolist() for v in model.embed(json.loads(line))]
        print(json.dumps(vectors), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
