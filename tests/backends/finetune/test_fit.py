"""Training on a tiny random model: the loss is the plain one, it falls, and an interrupted one ends like any."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ranker.backends.finetune import fit as fitting
from ranker.backends.finetune.examples import Example
from ranker.backends.finetune.fit import FitSettings, batch_loss, fit, rate, with_adapters
from ranker.backends.finetune.merge import adapted, check_fits, merge, save_adapter
from ranker.backends.finetune.state import digest, state_file
from ranker.backends.transformers_files import read_weights
from ranker.errors import BackendError
from tests.backends.language_models import tiny_model

LABELS = (100, 101, 102)
SETTINGS = FitSettings(
    lora_rank=4, lora_alpha=8, frozen_share=0.0, learning_rate=0.02, batch=4, epochs=3, max_grad_norm=10.0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("peft", reason="peft is absent: pip install .[dev]")
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def model(folder: Path) -> Iterator[Any]:
    yield with_adapters(read_weights(str(folder), "float32", "cpu"), SETTINGS)


def examples(count: int = 24) -> list[Example]:
    """Papers of differing length; which label is right shows in their first token."""
    found = []
    for i in range(count):
        tail = (40 + i % 3, *range(200, 203 + i % 5))
        target = (LABELS[i % 3], 300) if i % 2 else (LABELS[i % 3],)
        found.append(Example(f"p{i}", (11, 12, 13), tail, target, (1.0, 0.3)[: len(target)], i % 3 == 2))
    return found


def test_the_loss_is_that_of_whole_prompts_one_at_a_time(model: Any, folder: Path) -> None:
    batch = examples(5)
    with torch.no_grad():
        loss, readings = batch_loss(model, batch, LABELS)
    plain = read_weights(str(folder), "float32", "cpu")  # adapters begin as nothing
    wanted, expected = [], []
    for e in batch:
        with torch.no_grad():
            logits = plain(input_ids=torch.tensor([[*e.head_ids, *e.tail_ids, *e.target_ids]])).logits[0]
        start = len(e.head_ids) + len(e.tail_ids) - 1
        logs = torch.log_softmax(logits[start : start + len(e.target_ids)], dim=-1)
        wanted.append(-sum(w * float(logs[j, t]) for j, (t, w) in enumerate(zip(e.target_ids, e.weights, strict=True))))
        shares = torch.softmax(logits[start, list(LABELS)], dim=-1)
        expected.append(float(shares[1] + 2 * shares[2]))
    assert float(loss) == pytest.approx(sum(wanted) / 5, abs=1e-4)
    assert [v for _, v in readings] == pytest.approx(expected, abs=1e-4)
    assert [p for p, _ in readings] == [e.positive for e in batch]


def test_what_can_be_learned_is_learned(model: Any) -> None:
    steps = list(fit(model, examples(), SETTINGS, LABELS))
    assert [s.number for s in steps] == list(range(1, 19)) and {s.total for s in steps} == {18}
    assert sum(s.loss for s in steps[-6:]) < 0.7 * sum(s.loss for s in steps[:6])
    assert sum(s.tokens for s in steps) == 3 * sum(e.length for e in examples())


def test_only_adapters_are_trained(model: Any, folder: Path) -> None:
    list(fit(model, examples(), SETTINGS, LABELS))
    base = dict(read_weights(str(folder), "float32", "cpu").named_parameters())
    inner = model.get_base_model()
    for name, value in inner.named_parameters():
        if "lora_" not in name:
            assert torch.equal(value, base[name.replace(".base_layer", "")]), name


def test_lower_layers_get_no_adapters(folder: Path) -> None:
    half = with_adapters(read_weights(str(folder), "float32", "cpu"), FitSettings(frozen_share=0.5))
    trained = {name for name, p in half.named_parameters() if p.requires_grad}
    assert trained and all(".layers.1." in name for name in trained)


def test_an_interrupted_run_goes_on_to_the_same_end(
    model: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_KEEP_EVERY", 5)
    whole = [s.loss for s in fit(model, examples(), SETTINGS, LABELS)]
    first = with_adapters(read_weights(str(folder), "float32", "cpu"), SETTINGS)
    state = tmp_path / "state"
    begun = [s.loss for s in itertools.islice(fit(first, examples(), SETTINGS, LABELS, state=state), 7)]
    again = with_adapters(read_weights(str(folder), "float32", "cpu"), SETTINGS)
    rest = list(fit(again, examples(), SETTINGS, LABELS, state=state))
    assert rest[0].number == 6  # what came after the fifth step was not kept
    assert begun == pytest.approx(whole[:7]) and [s.loss for s in rest] == pytest.approx(whole[5:], rel=1e-4)


def test_slow_steps_are_kept_one_by_one(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_KEEP_SECONDS", -1.0)
    state = tmp_path / "state"
    list(itertools.islice(fit(model, examples(), SETTINGS, LABELS, state=state), 3))
    assert next(fit(model, examples(), SETTINGS, LABELS, state=state)).number == 4


def test_another_runs_state_has_another_name(tmp_path: Path) -> None:
    e = examples(3)
    mine = digest("base", SETTINGS, LABELS, e)
    assert mine == digest("base", SETTINGS, LABELS, examples(3))
    changed = [dataclasses.replace(e[0], head_ids=(11, 12)), *e[1:]]
    judged_anew = [dataclasses.replace(e[0], target_ids=(LABELS[1],)), *e[1:]]
    weighed = [dataclasses.replace(e[0], weights=(4.0,)), *e[1:]]
    others = [
        digest("other base", SETTINGS, LABELS, e),
        digest("base", dataclasses.replace(SETTINGS, seed=1), LABELS, e),
        digest("base", SETTINGS, LABELS[::-1], e),
        *(digest("base", SETTINGS, LABELS, x) for x in (changed, judged_anew, weighed, e[:2])),
    ]
    names = {state_file(tmp_path / "out", d).name for d in [mine, *others]}
    assert len(names) == 8 and all(n.startswith(".out.") and n.endswith(".state") for n in names)


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04"])
def test_a_damaged_state_is_named(model: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.state").write_bytes(content)
    with pytest.raises(BackendError, match=r"(?s)s\.state: can't be read as an interrupted run's state.*remove it"):
        next(fit(model, examples(4), SETTINGS, LABELS, state=tmp_path / "s.state"))


def test_logits_are_the_architectures_own(tmp_path: Path) -> None:
    """Gemma 2 caps its logits behind the output layer: a loss on the bare product is another one."""
    pytest.importorskip("peft", reason="peft is absent: pip install .[dev]")
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(1)
    config = Gemma2Config(
        vocab_size=400, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, final_logit_softcapping=2.0, initializer_range=0.5, pad_token_id=0,
    )  # fmt: skip
    Gemma2ForCausalLM(config).to(torch.float32).save_pretrained(tmp_path)
    adapted_model = with_adapters(read_weights(str(tmp_path), "float32", "cpu"), SETTINGS)
    batch = [dataclasses.replace(e, target_ids=e.target_ids[:1], weights=(1.0,)) for e in examples(1)]
    plain = read_weights(str(tmp_path), "float32", "cpu")
    with torch.no_grad():
        loss, _ = batch_loss(adapted_model, batch, LABELS)
        logits = plain(input_ids=torch.tensor([[*batch[0].head_ids, *batch[0].tail_ids]])).logits[0, -1]
    assert float(logits.abs().max()) <= 2.0
    assert float(loss) == pytest.approx(-float(torch.log_softmax(logits, -1)[batch[0].target_ids[0]]), abs=1e-4)


def test_the_rate_rises_and_falls() -> None:
    rates = [rate(n, 100, 0.1) for n in range(1, 101)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == 1.0 and rates[-1] == pytest.approx(0.05)
    assert rates[54] == pytest.approx(0.05 + 0.95 * 0.5)  # halfway down at step 55
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_settings_are_checked() -> None:
    for wrong in ({"lora_rank": 0}, {"frozen_share": 1.0}, {"learning_rate": 0.0}, {"max_grad_norm": 0.0}):
        with pytest.raises(ValueError, match=r"must"):
            FitSettings(**wrong)


def test_a_merged_model_says_what_the_adapted_one_says(model: Any, folder: Path, tmp_path: Path) -> None:
    list(fit(model, examples(), SETTINGS, LABELS))
    save_adapter(model, tmp_path / "adapter")
    out = tmp_path / "merged"
    out.mkdir()
    merge(folder, tmp_path / "adapter", out)
    assert {p.name for p in out.iterdir()} == {p.name for p in folder.iterdir() if p.is_file()}
    ids = torch.tensor([[11, 12, 13, 41, 200, 201]])
    with torch.no_grad():
        adapted, merged = model(input_ids=ids).logits, read_weights(str(out), "float32", "cpu")(input_ids=ids).logits
        plain = read_weights(str(folder), "float32", "cpu")(input_ids=ids).logits
    moved = float((adapted - plain).abs().max())
    assert moved > 0.5 and float((adapted - merged).abs().max()) < 0.02 * moved  # adapters are kept in bfloat16


def test_weights_that_can_t_be_merged_into_are_refused_before_the_work(
    model: Any, folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    shapes = adapted(model)
    check_fits(folder, shapes)
    assert len(shapes) == 14  # seven matrices in each of two layers
    weights = load_file(folder / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    for change, says in (
        ({f"language.{k}": v for k, v in weights.items()}, "holds no weights named"),
        (weights | {name: weights[name].to(torch.float8_e4m3fn)}, "is quantised"),
        (weights | {name: weights[name][:-1].contiguous()}, "its adapter"),
    ):
        base = tmp_path / says.replace(" ", "")
        base.mkdir()
        save_file(change, base / "model.safetensors")
        with pytest.raises(BackendError, match=says):
            check_fits(base, shapes)


def test_weights_in_several_files_are_merged_too(model: Any, folder: Path, tmp_path: Path) -> None:
    list(fit(model, examples(8), SETTINGS, LABELS))
    save_adapter(model, tmp_path / "adapter")
    shards = tmp_path / "shards"
    read_weights(str(folder), "float32", "cpu").save_pretrained(shards, max_shard_size="3MB")
    assert (shards / "model.safetensors.index.json").is_file()
    (shards / "pytorch_model.bin").write_bytes(b"a second form of the weights")
    ids = torch.tensor([[11, 12, 13, 41, 200]])
    said = []
    for base in (folder, shards):
        out = tmp_path / f"out-{base.name}"
        out.mkdir()
        merge(base, tmp_path / "adapter", out)
        with torch.no_grad():
            said.append(read_weights(str(out), "float32", "cpu")(input_ids=ids).logits)
    assert torch.equal(*said) and not (tmp_path / "out-shards" / "pytorch_model.bin").exists()


def test_adapters_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="can't be read as adapters"):
        merge(folder, tmp_path, tmp_path)
