"""Static vectors by hand: three words, known vectors, the weights and the common component worked out beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from ranker.backends.static import SMOOTHING, StaticVectors, open_static
from ranker.errors import BackendError
from ranker.progress import Silent, Tally
from ranker.types import EncoderInfo, TextKind

VECTORS = {"cat": (1.0, 0.0, 0.0), "dog": (0.6, 0.8, 0.0), "s": (0.0, 0.0, 1.0), "moon": (0.8, 0.0, 0.6)}


class Words:
    """An encoder that knows four words; remembers what it was asked."""

    info = EncoderInfo("words", "0" * 64, 3, 8, "test", "float32", "words-key")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], kind: TextKind = "document") -> Iterator[tuple[np.ndarray, np.ndarray]]:
        self.asked += texts
        for i, text in enumerate(texts):
            yield np.array([i]), np.array([VECTORS[text]], dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "cat", "dog", "##s", "moon"])}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def opened(folder: Path, encoder: Words) -> StaticVectors:
    return open_static(encoder, folder, folder / "cache", Tally(Silent()))


def test_every_token_is_asked_for_once_and_kept(folder: Path) -> None:
    encoder = Words()
    opened(folder, encoder)
    assert encoder.asked == ["cat", "dog", "s", "moon"]  # no special tokens, continuations without their mark
    again = Words()
    opened(folder, again)
    assert again.asked == []
    kept = next((folder / "cache").glob("static-*.npy"))
    kept.write_bytes(b"broken")
    opened(folder, again)
    assert again.asked == encoder.asked and [p.name for p in (folder / "cache").iterdir()] == [kept.name]


def test_weights_and_the_common_component_are_those_of_the_formula(folder: Path) -> None:
    static = opened(folder, Words())
    sample = ["cat dog", "cats moon", "cat cat"]
    static.fit(sample)
    # Counted by hand: cat 4, dog 1, ##s 1, moon 1 of 7 tokens.
    weight = {w: SMOOTHING / (SMOOTHING + n / 7) for w, n in {"cat": 4, "dog": 1, "s": 1, "moon": 1}.items()}

    def mean(*words: str) -> np.ndarray:
        total = sum(np.array(VECTORS[w]) * weight[w] for w in words)
        return np.asarray(total / np.linalg.norm(total))

    rows = np.stack([mean("cat", "dog"), mean("cat", "s", "moon"), mean("cat", "cat")])
    common = np.linalg.svd(rows)[2][0]
    expected = rows - (rows @ common)[:, None] * common
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(static.vectors(sample), expected, atol=1e-5)
    # A text's vector does not depend on its company, and one without a known token has none.
    np.testing.assert_array_equal(static.vectors(["cats moon"])[0], static.vectors(sample)[1])
    assert static.vectors(["", "zebra"]).tolist() == [[0.0] * 3] * 2
    assert static.vectors([]).shape == (0, 3)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="fast tokenizer"):
        opened(tmp_path, Words())
