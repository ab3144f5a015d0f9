"""The GPU's encoder on the CPU, where its arithmetic is the same: equal to one text a forward, whatever the batches."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from ranker.backends.bert_plan import read_plan
from ranker.backends.encoders import choose_encoder, open_encoder
from ranker.backends.packed_bert import PackedBert, batches
from ranker.backends.tune import encode_all
from ranker.config import EncoderSettings
from ranker.errors import BackendError
from ranker.model_files import find_encoder
from tests.tiny_encoder import LIMIT, save_tiny_encoder

_RANDOM = random.Random(5)
TEXTS = [" ".join(_RANDOM.choices("abcdefgh0123", k=_RANDOM.randint(0, 60))) for _ in range(90)]


@pytest.fixture(scope="module", params=["mean", "cls"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("tiny"), pooling=request.param)


def packed(model: Path, precision: str = "float32", *, budget: int = 200, window: int = 32) -> PackedBert:
    files = find_encoder(str(model))
    plan = read_plan(files.folder)
    alone = open_encoder(files, plan, "torch", precision)
    return PackedBert(files, plan, alone.info, device="cpu", budget=budget, window=window)


@pytest.mark.parametrize(("precision", "least"), [("float32", 0.999999), ("bfloat16", 0.999)])
def test_its_vectors_are_those_of_one_text_a_forward(model: Path, precision: str, least: float) -> None:
    files = find_encoder(str(model))
    encoder = packed(model, precision)
    alone = open_encoder(files, read_plan(files.folder), "torch", precision)
    ours, theirs = encode_all(encoder, TEXTS), encode_all(alone, TEXTS)
    assert (ours * theirs).sum(axis=1).min() >= least
    assert encoder.truncated == alone.truncated > 0  # type: ignore[attr-defined]


def test_batches_and_windows_move_rounding_only(model: Path) -> None:
    one, other = encode_all(packed(model), TEXTS), encode_all(packed(model, budget=10_000, window=1000), TEXTS)
    assert np.abs(one - other).max() < 1e-5
    assert np.abs(np.linalg.norm(one, axis=1) - 1).max() < 1e-5


def test_every_position_comes_once_and_queries_have_their_prompt(model: Path) -> None:
    encoder = packed(model)
    places = np.concatenate([positions for positions, _ in encoder.encode(TEXTS)])
    assert sorted(places.tolist()) == list(range(len(TEXTS)))
    ((_, query),) = encoder.encode(["abc"], "query")
    ((_, document),) = encoder.encode(["abc"], "document")
    assert float((query * document).sum()) < 0.999
    assert list(encoder.encode([])) == []
    assert encoder.info.max_tokens == LIMIT


def test_batches_hold_the_longest_first_up_to_a_budget() -> None:
    # 50 goes alone though it is over the budget; then 9 + 9 = 18 leave 2, too few for 7; 7 + 4 + 4 = 15
    assert batches([4, 9, 50, 7, 9, 4], 20) == [[2], [1, 4], [3, 0, 5]]
    assert batches([], 20) == []


def test_a_gpu_takes_a_plain_bert_packed_in_half_precision(model: Path) -> None:
    """Said without a GPU: choosing loads nothing."""
    on_gpu = choose_encoder(EncoderSettings(model=str(model), device="cuda"))
    assert isinstance(on_gpu, PackedBert)
    assert (on_gpu.info.backend, on_gpu.info.precision) == ("torch on cuda", "float16")
    keys = {on_gpu.info.key}
    for settings in (
        EncoderSettings(model=str(model), backend="torch", precision="bfloat16"),
        EncoderSettings(model=str(model), device="cuda", precision="bfloat16"),
        EncoderSettings(model=str(model), device="cuda", backend="sentence-transformers"),
    ):
        keys.add(choose_encoder(settings).info.key)
    assert len(keys) == 4
    with pytest.raises(BackendError, match="float16"):
        choose_encoder(EncoderSettings(model=str(model), backend="torch", precision="float16"))


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_on_a_gpu_packed_and_padded_are_near_to_float32(model: Path, precision: str) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch finds no GPU here")
    exact = encode_all(packed(model), TEXTS)
    encoder = choose_encoder(EncoderSettings(model=str(model), device="cuda", precision=precision))  # type: ignore[arg-type]
    assert isinstance(encoder, PackedBert)
    assert (encode_all(encoder, TEXTS) * exact).sum(axis=1).mean() >= 0.999
    forward = encoder.opened()[1]
    assert forward.varlen is not None
    forward.varlen = None
    assert (encode_all(encoder, TEXTS) * exact).sum(axis=1).mean() >= 0.999


def test_without_a_gpu_it_says_so(model: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(BackendError, match="no GPU"):
        encode_all(choose_encoder(EncoderSettings(model=str(model), device="cuda")), ["a"])
