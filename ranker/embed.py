"""The embedding stage: only texts that the store lacks are encoded, and each batch is durable as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ranker.errors import BackendError
from ranker.protocols import Encoder
from ranker.types import TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray


class VectorStore(Protocol):
    """Where vectors are kept between runs."""

    def get_vectors(self, encoder_key: str, hashes: Sequence[str]) -> dict[str, NDArray[np.float32]]: ...

    def put_vectors(self, encoder_key: str, vectors: Sequence[tuple[str, NDArray[np.float32]]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """``vectors``: (n, dimension) unit float32 in input order; how many texts were encoded, how many had their vector
    in the store, and how many share that of an equal text of the call."""

    vectors: NDArray[np.float32]
    encoded: int
    reused: int
    shared: int


def embed(
    texts: Sequence[str],
    hashes: Sequence[str],
    encoder: Encoder,
    store: VectorStore,
    *,
    kind: TextKind = "document",
    on_batch: Callable[[int], None] | None = None,
    on_new: Callable[[], None] | None = None,
) -> Embedded:
    """Vectors of ``texts``; ``hashes`` are their keys, equal texts share one.

    ``on_batch`` is told how many were encoded; ``on_new``, once and before the first, that something is to be.

    Raises:
        BackendError: the encoder gave no vector for a text, or one that is not a unit vector.
    """
    known = store.get_vectors(encoder.info.key, hashes)
    found = dict(known)
    missing = {h: t for h, t in zip(hashes, texts, strict=True) if h not in known}
    keys = list(missing)
    if missing and on_new is not None:
        on_new()
    for positions, vectors in encoder.encode(list(missing.values()), kind) if missing else ():
        _check_unit(vectors)
        batch = [(keys[p], vectors[i]) for i, p in enumerate(positions.tolist())]
        store.put_vectors(encoder.info.key, batch)
        found.update(batch)
        if on_batch is not None:
            on_batch(len(batch))
    lost = [h for h in keys if h not in found]
    if lost:
        raise BackendError(f"the encoder gave no vector for {len(lost)} texts", where=encoder.info.name)
    result = np.zeros((len(texts), encoder.info.dimension), dtype=np.float32)
    for row, text_hash in enumerate(hashes):
        result[row] = found[text_hash]
    reused = sum(text_hash in known for text_hash in hashes)
    return Embedded(result, len(missing), reused, len(texts) - len(missing) - reused)


def _check_unit(vectors: NDArray[np.float32]) -> None:
    norms = np.linalg.norm(vectors, axis=1)
    if not np.all(np.abs(norms - 1.0) < 1e-3):
        raise BackendError("the encoder gave vectors that are not unit vectors", todo="check the model folder")
