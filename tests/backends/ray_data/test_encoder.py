"""The encoder's part in a replica, without Ray: what fails alone, and who may answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from ranker.backends.encoders import choose_encoder
from ranker.backends.ray_data.encoder import EncoderRecipe, encode_block
from ranker.config import EncoderSettings
from ranker.errors import BackendError
from ranker.types import EncoderInfo, TextKind
from tests.tiny_encoder import save_tiny_encoder


class Touchy:
    """Fails on the whole call if one text is bad; remembers what it was asked."""

    info = EncoderInfo("touchy", "0" * 64, 2, 256, "test", "float32", "key")

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def encode(self, texts: Sequence[str], kind: TextKind = "document") -> Iterator[tuple[np.ndarray, np.ndarray]]:
        self.asked.append(tuple(texts))
        if "bad" in texts:
            raise RuntimeError("this text")
        yield np.arange(len(texts)), np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))


def test_one_bad_text_does_not_cost_its_block() -> None:
    encoder = Touchy()
    positions, vectors, failed = encode_block(encoder, ["a", "bad", "c"], "document")
    assert (positions.tolist(), vectors.shape, failed) == ([0, 2], (2, 2), {1: "RuntimeError: this text"})
    assert encoder.asked == [("a", "bad", "c"), ("a",), ("bad",), ("c",)]
    with pytest.raises(RuntimeError):  # nothing could be done: the block is another replica's
        encode_block(encoder, ["bad"], "document")


def test_another_model_under_the_same_name_is_refused(tmp_path: Path) -> None:
    settings = EncoderSettings(model=str(save_tiny_encoder(tmp_path)))
    info = choose_encoder(settings).info
    exact = dataclasses.replace(settings, backend=info.backend, precision=info.precision)  # type: ignore[arg-type]
    work = EncoderRecipe(exact, info.key)()
    assert work((["one", "two"], "document"))[1].shape == (2, info.dimension)
    with pytest.raises(BackendError, match="another one than the driver's"):
        EncoderRecipe(exact, "another key")()
