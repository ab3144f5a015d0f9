"""Static embeddings distilled from the encoder: its own output for every token of its vocabulary, alone.

Distilling as Model2Vec does it (Tulkens and van Dongen 2024): one forward a vocabulary entry, no training. Weights and
the common component as in smooth inverse frequency (Arora, Liang and Ma, ICLR 2017): a token's weight is a / (a + p),
p its share of all tokens of a sample; a text's vector is the weighted mean, less its part along the first principal
component of the sample's vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.errors import BackendError
from ranker.files import write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.progress import Tally
    from ranker.protocols import Encoder

SMOOTHING = 1e-3
_AT_ONCE = 256
_CONTINUED = "##"


class StaticVectors:
    """`ranker.bulk.prefilter.StaticEncoder`. Call ``fit`` before ``vectors``.

    ``table`` (V, dimension) float32: a row a token id, zeros where the token stands for nothing (special tokens).
    """

    def __init__(self, tokenizer: Any, table: NDArray[np.float32]) -> None:
        self._tokenizer, self._table = tokenizer, table
        self._weighted = table
        self._common = np.zeros(table.shape[1], dtype=np.float32)

    def fit(self, sample: Sequence[str]) -> None:
        """Weights and the common component, from texts like those to come; some thousands are enough."""
        counts = np.asarray(self._counts(sample).sum(axis=0)).ravel()
        share = counts / max(counts.sum(), 1.0)
        self._weighted = (self._table * (SMOOTHING / (SMOOTHING + share))[:, None]).astype(np.float32)
        self._common = np.zeros_like(self._common)
        found = self.vectors(sample)
        if len(found) > 1:
            # The eigenvector of X'X with the greatest eigenvalue: the first right singular vector of X, for less.
            self._common = np.linalg.eigh(found.T.astype(np.float64) @ found)[1][:, -1].astype(np.float32)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimension) float32 unit rows; zeros for a text without a token."""
        result = np.zeros((len(texts), self._table.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            found = np.asarray(self._counts(texts[start : start + _AT_ONCE]) @ self._weighted)
            found = _unit(found)
            # A sum along the row, no matrix product, whose last bit would depend on how many rows there are
            found -= (found * self._common).sum(axis=1, keepdims=True) * self._common
            result[start : start + len(found)] = _unit(found)
        return result

    def _counts(self, texts: Sequence[str]) -> Any:
        """(n, V) sparse float32: how often each token stands in each text."""
        from scipy.sparse import csr_matrix

        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [np.array(e.ids, dtype=np.int32) for e in encoded]
        ends = np.cumsum([0, *map(len, ids)])
        flat = np.concatenate(ids) if ids else np.zeros(0, dtype=np.int32)
        return csr_matrix((np.ones(len(flat), dtype=np.float32), flat, ends), shape=(len(texts), len(self._table)))


def open_static(encoder: Encoder, folder: Path, cache: Path, tally: Tally) -> StaticVectors:
    """Static vectors of an encoder whose files lie in ``folder``; distilled once (a minute or two) and kept in
    ``cache`` under the encoder's key.

    Raises:
        BackendError: the folder has no tokenizer that can be read.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BackendError(
            f"can't be read: {error}", where=str(path), todo="use an encoder with a fast tokenizer"
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    words = [tokenizer.id_to_token(i) or "" for i in range(tokenizer.get_vocab_size())]
    kept = cache / f"static-{encoder.info.key[:16]}.npy"
    table = _read(kept, (len(words), encoder.info.dimension))
    if table is None:
        table = _distil(words, encoder, tally)
        _write(kept, table)
    else:
        tally.reuse(len(words))
    return StaticVectors(tokenizer, table)


def _distil(words: Sequence[str], encoder: Encoder, tally: Tally) -> NDArray[np.float32]:
    table = np.zeros((len(words), encoder.info.dimension), dtype=np.float32)
    # Special tokens look like [CLS], <s> or [unused7]; a continuation (##ing, or a word without ▁) loses its mark.
    spoken = {i: w.removeprefix(_CONTINUED).lstrip("▁Ġ") for i, w in enumerate(words) if not _special(w)}
    spoken = {i: w for i, w in spoken.items() if w.strip()}
    places = list(spoken)
    for found, vectors in encoder.encode(list(spoken.values())):
        table[[places[i] for i in found.tolist()]] = vectors
        tally.advance(len(found))
    return table


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; what is nothing but rounding stays nothing."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-6, rows / np.maximum(length, 1e-12), 0.0), dtype=np.float32)


def _special(word: str) -> bool:
    return len(word) > 2 and (word[0] + word[-1]) in ("[]", "<>")


def _read(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    if not path.is_file():
        return None
    try:
        table: NDArray[np.float32] = np.load(path)
    except (OSError, ValueError):
        return None  # a cache: made again
    return table if table.shape == shape else None


def _write(path: Path, table: NDArray[np.float32]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda stream: np.save(stream, table))
    except OSError as error:
        raise BackendError(
            f"can't be written ({error.strerror})", where=str(path), todo="free some space, or set $XDG_CACHE_HOME"
        ) from error
