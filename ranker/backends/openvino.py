"""A plain BERT on OpenVINO (extra ``openvino``), built straight from the safetensors file: no torch, no conversion.

float32 and bfloat16 compute as their names say. int8 keeps the weights of the linear layers as int8 with one scale an
output channel, and quantises activations as they come, a group of values at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.backends.extras import install
from ranker.backends.lane_encoder import LaneEncoder
from ranker.backends.lanes import Forward
from ranker.errors import BackendError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "bf16"}


class OpenVinoBert(LaneEncoder):
    """float32, bfloat16 or int8 on the CPU, one text a forward, one stream a core."""

    def open_forwards(self, lanes: int) -> list[Forward]:
        try:
            import openvino
        except ImportError as error:
            raise BackendError(
                f"openvino can't be imported: {error}", where="[encoder] backend", todo=install("openvino")
            ) from error
        core = openvino.Core()
        settings: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": lanes,
            "NUM_STREAMS": lanes,
            "INFERENCE_PRECISION_HINT": _HINTS[self.info.precision],
            "ENABLE_CPU_PINNING": False,  # cores may be shared; a pinned lane would wait for its own one
        }
        if self.info.precision == "int8":
            settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = str(self.bert.width)
        compiled = core.compile_model(BertGraph(self).model(), "CPU", settings)
        return [_forward(compiled.create_infer_request()) for _ in range(lanes)]


def _forward(request: Any) -> Forward:
    def one(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = request.infer([ids[None].astype(np.int32)])[0][0].copy()
        return result

    return one


class BertGraph:
    """The graph: token ids (1, t) int32 -> unit vectors (1, width) float32; t is free."""

    def __init__(self, encoder: OpenVinoBert) -> None:
        from safetensors.numpy import load_file

        path = encoder.files.folder / "model.safetensors"
        self.bert, self.int8 = encoder.bert, encoder.info.precision == "int8"
        try:
            weights = load_file(str(path))
        except Exception as error:  # the library has its own family of errors, and numpy lacks bfloat16
            raise BackendError(
                f"the weights can't be read: {error}", where=str(path), todo='set [encoder] backend = "torch"'
            ) from error
        prefix = "" if "embeddings.word_embeddings.weight" in weights else "bert."
        self.weights = {k.removeprefix(prefix): np.asarray(v, dtype=np.float32) for k, v in weights.items()
                        if np.issubdtype(v.dtype, np.floating)}  # fmt: skip

    def model(self) -> Any:
        import openvino
        from openvino import opset13 as op

        bert, size = self.bert, self.bert.width // self.bert.heads
        ids = op.parameter([1, -1], np.int32, name="ids")
        words = op.gather(self._constant(self._weight("embeddings.word_embeddings.weight")), ids, op.constant(0))
        # One segment only: its type embedding is the same for every token, so it joins the positions'.
        places = self._weight("embeddings.position_embeddings.weight")
        places = places + self._weight("embeddings.token_type_embeddings.weight")[0]
        length = op.gather(op.shape_of(ids), self._ints(1), op.constant(0))
        positions = op.slice(self._constant(places), self._ints(0), length, self._ints(1), self._ints(0))
        x = self._norm(op.add(words, op.unsqueeze(positions, op.constant(0))), "embeddings.LayerNorm")
        for i in range(bert.layers):
            at = f"encoder.layer.{i}"
            heads = [
                op.transpose(
                    op.reshape(self._linear(x, f"{at}.attention.self.{n}"), self._ints(0, 0, bert.heads, size), True),
                    self._ints(0, 2, 1, 3),
                )
                for n in ("query", "key", "value")
            ]
            mixed = op.transpose(op.scaled_dot_product_attention(*heads), self._ints(0, 2, 1, 3))
            mixed = self._linear(op.reshape(mixed, self._ints(0, 0, bert.width), True), f"{at}.attention.output.dense")
            x = self._norm(op.add(mixed, x), f"{at}.attention.output.LayerNorm")
            inner = op.gelu(self._linear(x, f"{at}.intermediate.dense"), "erf")
            x = self._norm(op.add(self._linear(inner, f"{at}.output.dense"), x), f"{at}.output.LayerNorm")
        if bert.pooling == "mean":
            pooled = op.reduce_mean(x, self._ints(1), False)
        else:
            pooled = op.gather(x, op.constant(0), op.constant(1))
        return openvino.Model([op.normalize_l2(pooled, self._ints(1), 1e-12, "max")], [ids], "bert")

    def _linear(self, x: Any, name: str) -> Any:
        from openvino import opset13 as op

        weight, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        if self.int8:
            scale = np.maximum(np.abs(weight).max(axis=1, keepdims=True) / 127.0, np.float32(1e-12))
            whole = np.clip(np.round(weight / scale), -127, 127).astype(np.int8)
            factor = op.multiply(op.convert(op.constant(whole), "f32"), self._constant(scale))
        else:
            factor = self._constant(weight)
        return op.add(op.matmul(x, factor, False, True), self._constant(bias.reshape(1, 1, -1)))

    def _norm(self, x: Any, name: str) -> Any:
        from openvino import opset13 as op

        centred = op.mvn(x, self._ints(-1), True, self.bert.epsilon, "inside_sqrt")
        scaled = op.multiply(centred, self._constant(self._weight(f"{name}.weight").reshape(1, 1, -1)))
        return op.add(scaled, self._constant(self._weight(f"{name}.bias").reshape(1, 1, -1)))

    def _weight(self, name: str) -> NDArray[np.float32]:
        try:
            return self.weights[name]
        except KeyError:
            raise BackendError(
                f"the weights lack {name}", where="model.safetensors", todo="copy the model folder again"
            ) from None

    def _constant(self, values: NDArray[np.float32]) -> Any:
        from openvino import opset13 as op

        return op.constant(np.ascontiguousarray(values, dtype=np.float32))

    def _ints(self, *values: int) -> Any:
        from openvino import opset13 as op

        return op.constant(np.array(values, dtype=np.int64))
