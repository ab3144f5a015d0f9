"""Only what the store lacks is encoded, each batch is kept as it comes, and no text is lost in silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ranker.embed import embed
from ranker.errors import BackendError
from ranker.types import EncoderInfo, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES = {"x": 0, "y": 1, "z": 2}
INFO = EncoderInfo("axes", "0" * 64, 3, 8, "test", "float32", "key-of-axes")


class Axes:
    """A text's vector is the axis of its name; it remembers what it was asked, and answers backwards, two at a time."""

    def __init__(self, length: float = 1.0, forget: str = "", stop_after: int | None = None) -> None:
        self.asked: list[tuple[tuple[str, ...], TextKind]] = []
        self._length, self._forget, self._stop_after = length, forget, stop_after

    @property
    def info(self) -> EncoderInfo:
        return INFO

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        self.asked.append((tuple(texts), kind))
        order = [i for i in reversed(range(len(texts))) if texts[i] != self._forget]
        for number, start in enumerate(range(0, len(order), 2)):
            if number == self._stop_after:
                raise KeyboardInterrupt
            part = order[start : start + 2]
            rows = np.stack([self._length * np.eye(3, dtype=np.float32)[AXES[texts[i]]] for i in part])
            yield np.array(part), rows.astype(np.float32)


class Shelf:
    """A store in memory that remembers the size of each batch."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], NDArray[np.float32]] = {}
        self.batches: list[int] = []

    def get_vectors(self, encoder_key: str, hashes: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return {h: self.kept[encoder_key, h] for h in hashes if (encoder_key, h) in self.kept}

    def put_vectors(self, encoder_key: str, vectors: Sequence[tuple[str, NDArray[np.float32]]]) -> None:
        self.batches.append(len(vectors))
        self.kept.update({(encoder_key, h): v for h, v in vectors})


def test_vectors_come_in_input_order_and_equal_texts_are_encoded_once() -> None:
    encoder, shelf, told = Axes(), Shelf(), list[int]()
    result = embed(["x", "y", "x", "z"], ["hx", "hy", "hx", "hz"], encoder, shelf, on_batch=told.append)
    assert result.vectors.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert result.vectors.dtype == np.float32
    assert (result.encoded, result.reused, result.shared) == (3, 0, 1)
    assert encoder.asked == [(("x", "y", "z"), "document")]
    assert shelf.batches == told == [2, 1]


def test_what_the_store_holds_is_not_encoded_again() -> None:
    shelf = Shelf()
    embed(["x", "y"], ["hx", "hy"], Axes(), shelf)
    again = Axes()
    result = embed(["y", "x", "y"], ["hy", "hx", "hy"], again, shelf)
    assert (result.encoded, result.reused, result.shared) == (0, 3, 0)
    assert again.asked == []
    assert result.vectors.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]


def test_an_interrupted_run_keeps_its_batches_and_the_next_ends_like_an_unbroken_one() -> None:
    texts, hashes = ["x", "y", "z"], ["hx", "hy", "hz"]
    shelf = Shelf()
    with pytest.raises(KeyboardInterrupt):
        embed(texts, hashes, Axes(stop_after=1), shelf)
    assert sorted(h for _, h in shelf.kept) == ["hy", "hz"]
    rest = Axes()
    result = embed(texts, hashes, rest, shelf)
    assert rest.asked == [(("x",), "document")]
    assert (result.vectors == embed(texts, hashes, Axes(), Shelf()).vectors).all()


def test_kind_reaches_the_encoder() -> None:
    encoder = Axes()
    embed(["x"], ["hx"], encoder, Shelf(), kind="query")
    assert encoder.asked == [(("x",), "query")]


def test_a_forgotten_text_is_an_error() -> None:
    with pytest.raises(BackendError, match="no vector for 1 text"):
        embed(["x", "y"], ["hx", "hy"], Axes(forget="y"), Shelf())


def test_a_vector_that_is_no_unit_vector_is_never_kept() -> None:
    shelf = Shelf()
    with pytest.raises(BackendError, match="not unit"):
        embed(["x"], ["hx"], Axes(length=1.1), shelf)
    assert shelf.kept == {}


def test_nothing_in_nothing_out() -> None:
    result = embed([], [], Axes(), Shelf())
    assert result.vectors.shape == (0, 3)
    assert (result.encoded, result.reused, result.shared) == (0, 0, 0)
