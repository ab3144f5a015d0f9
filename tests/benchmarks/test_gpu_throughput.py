"""The GPU benchmark without a GPU: the formula by hand, tokenizer and prompts, all of it on a stand-in engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu_throughput
from benchmarks.gpu import loop
from benchmarks.gpu.checks import contradictions
from benchmarks.gpu.report import Model, ceilings, model_row
from benchmarks.gpu.shapes import H200, SHAPES, Rates, Request, ceiling, decode_seconds, prefill_seconds
from benchmarks.gpu.tokenizer import MARKERS, train, write_model, write_tokenizer
from benchmarks.gpu.work import JSON_TOKENS, REASON_TOKENS, Work, chosen, sample_papers
from ranker.backends.chat import ChatRenderer
from ranker.backends.labels import label_tokens
from ranker.backends.vllm_model import model_tokenizer

STUB = Path(__file__).parents[1] / "backends" / "stub_vllm"
SMALL = Rates(flops=1e12, bandwidth=1e11)


@pytest.fixture(scope="module")
def work() -> Work:
    return Work(sample_papers(140))


@pytest.fixture(scope="module")
def folder(work: Work, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Qwen3-8B's shape without weights."""
    place = tmp_path_factory.mktemp("shape")
    write_tokenizer(train(work.texts(), 151_936, merged=4000), place / "tokenizer")
    return write_model(SHAPES["Qwen3-8B"], place / "tokenizer", place / "model")


@pytest.fixture(scope="module")
def renderer(folder: Path) -> ChatRenderer:
    return model_tokenizer(str(folder))[0]


def test_parameters_and_bytes_by_hand() -> None:
    dense = SHAPES["Qwen3-8B"]
    # a layer: q and out 2 x 4096 x 4096, k and v 2 x 4096 x 1024, three matrices 4096 x 12288
    assert dense.active == 36 * (33_554_432 + 8_388_608 + 150_994_944) == 6_945_767_424
    assert dense.weight_bytes == 2 * (6_945_767_424 + 151_936 * 4096)
    assert dense.kv_bytes == 2 * 36 * 8 * 128 * 2 == 147_456
    experts = SHAPES["Qwen3-30B-A3B"]
    # q and out 2 x 2048 x 4096, k and v 2 x 2048 x 512; 8 of 128 experts of 3 x 2048 x 768; a router of 2048 x 128
    assert experts.active == 48 * (16_777_216 + 2_097_152 + 8 * 4_718_592 + 262_144) == 2_730_491_904
    assert experts.weight_bytes == 2 * (48 * (18_874_368 + 128 * 4_718_592 + 262_144) + 151_936 * 2048)


def test_the_formula_by_hand() -> None:
    dense = SHAPES["Qwen3-8B"]
    request = Request(prefix=100, suffix=10, output=11)
    # 2NS = 138915348480; 4Lq(SP + S^2/2) = 4 x 36 x 4096 x 1050 = 619315200; 2Vd = 1244659712
    assert prefill_seconds(dense, SMALL, request) == pytest.approx(0.140779323392)
    # ten steps at a mean length of 115.5: 2N + 2Vd = 15136194560, attention 68124672: 0.15204319232 s of products;
    # the weights in a batch of 100: 10 x 15136194560 B / (100 x 1e11) = 0.015136194560 s; KV: 0.001703116800 s
    assert decode_seconds(dense, SMALL, request, 100) == pytest.approx(0.15204319232 + 0.0017031168)
    # alone, reading the weights takes longer than the products: 1.513619456 s
    assert decode_seconds(dense, SMALL, request, 1) == pytest.approx(1.513619456 + 0.0017031168)
    assert decode_seconds(dense, SMALL, Request(100, 10), 1) == 0.0


@pytest.mark.parametrize(
    ("name", "score", "one_pass", "two_passes"),
    [("Qwen3-4B", 371, 168, 316), ("Qwen3-8B", 198, 112, 173), ("Qwen3-14B", 105, 67, 93)],
)
def test_ceilings_of_an_h200_are_those_of_the_design(name: str, score: int, one_pass: int, two_passes: int) -> None:
    shape, count = SHAPES[name], 100
    labels, texts = [Request(512, 350)] * count, [Request(512, 350, 90)] * count
    assert ceiling(shape, H200, count, labels, 256) == pytest.approx(score, rel=0.01)
    alone = ceiling(shape, H200, count, [Request(512, 350, 90)] * 256 * count, 256) * 256
    assert alone == pytest.approx(one_pass, rel=0.01)
    written = [*labels * 32, *texts * 32][: count * 32 + 256]  # 8% of 3,200
    assert ceiling(shape, H200, count * 32, written, 256) == pytest.approx(two_passes, rel=0.01)


def test_the_tokenizer_fills_the_vocabulary_and_gives_texts_back(folder: Path, renderer: ChatRenderer) -> None:
    tokenizer = renderer.tokenizer
    assert len(tokenizer) == SHAPES["Qwen3-8B"].vocab
    assert tokenizer.convert_tokens_to_ids(list(MARKERS)) == [151_933, 151_934, 151_935]
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["eos_token_id"] == 151_935
    for text in ("用强化学习训练智能体，得到 87.5% 的成功率。\n\nWe don't <spare 5000> know: naïve 🙂", "  a\t b"):
        ids = renderer.encode_text(text)
        assert tokenizer.decode(ids) == text
        assert all(not tokenizer.convert_ids_to_tokens(i).startswith("<spare") for i in ids)
    assert tokenizer.decode([120_000]) == "<spare 120000>"  # what random weights choose has a token


def test_prompts_come_through_the_template_and_share_their_heads(work: Work, renderer: ChatRenderer) -> None:
    labels, whole = renderer.encode(work.labels()), renderer.encode(work.one_pass())
    assert len({e.head_ids for e in labels}) == len(work.profile.fields) == len({e.head_ids for e in whole})
    assert {e.head_ids for e in labels} == {e.head_ids for e in whole}  # one cache serves both ways of asking
    text = renderer.tokenizer.decode(whole[5].ids)
    assert text.startswith("<|im_start|>system\n") and text.endswith("。<|im_end|>\n<|im_start|>assistant\n")
    assert work.papers[5].title in text and work.papers[5].abstract in text and '{"score"' in text
    assert "只回答一个数字" not in text
    assert len(label_tokens(renderer, work.label.labels).ids) == 10
    assert len({p.body for p in work.labels()}) == 140


def test_reasons_are_spread_evenly() -> None:
    assert chosen(100, 0.08) == [12, 24, 37, 49, 62, 74, 87, 99]
    assert len(chosen(832, 0.25)) == 208


def test_a_stand_in_engine_goes_all_the_way(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranker.backends.vllm.vllm_folder", lambda: STUB / "vllm")
    monkeypatch.setattr("ranker.backends.vllm_process.WORKER", "ranker.backends.vllm_worker")  # put back afterwards
    root = Path(gpu_throughput.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STUB), str(root)]))
    monkeypatch.setenv("RANKER_STUB", "{}")
    plan = loop.Plan(
        model="Qwen3-8B",
        folder=str(folder),
        out=str(tmp_path / "raw.json"),
        papers=70,
        few=64,
        repeats=2,
        shares=(0.1, 0.5),
        seconds=120.0,
        starts=True,
        caches=str(tmp_path / "caches"),
        carried=str(tmp_path),  # holds no papers: the bundled sample
        settings={"max_num_seqs": 16},
    )
    raw = loop.run(plan)
    assert "error" not in raw and raw["source"].startswith("bundled day")
    assert set(raw["starts"]) == {"bulk_cold_s", "bulk_warm_s", "daily_cold_s", "daily_warm_s"}
    assert raw["papers_300"]["papers"] == 70
    first = raw["rounds"][0]
    assert first["ours_0.1"]["generated"] == 70 + 7 * REASON_TOKENS == first["bare_0.1"]["generated"]
    assert first["ours_0.5"]["generated"] == 70 + 35 * REASON_TOKENS
    assert first["one_generate"]["generated"] == 70 * JSON_TOKENS
    assert (first["barriers_of_64"]["papers"], first["barriers_of_64"]["generated"]) == (64, 64 * JSON_TOKENS)
    assert "error" in first["own_bench_0.1"]  # the stand-in has no benchmark: it alone fails
    assert first["ours_0.1"]["asked"] == first["bare_0.1"]["asked"]  # identical token ids
    assert 0 < first["ours_0.1"]["found"] == first["bare_0.1"]["found"]
    read_back: dict[str, Any] = json.loads((tmp_path / "raw.json").read_text(encoding="utf-8"))
    row = model_row(Model(SHAPES["Qwen3-8B"], H200, read_back, plan.shares))
    assert row["contenders"]["ours_0.1"]["runs"] == 2 and row["ratios"]["ours_over_bare"]["median"] > 0
    assert row["ratios"]["ours_over_own_bench"] is None
    said = contradictions(read_back, plan.shares, row)
    assert len(said) == 2 and all(line.startswith("own_bench_0.1 in round") for line in said), said
    limits = ceilings(Model(SHAPES["Qwen3-8B"], H200, read_back, plan.shares))
    assert limits["one_pass"] < limits["two_passes_0.5"] < limits["two_passes_0.1"]


def test_a_dry_run_prints_the_plan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--dry-run", "--models", "Qwen3-8B", "--papers", "70", "--prepared", str(tmp_path)]
    assert gpu_throughput.main(arguments) == 0
    said = capsys.readouterr().out
    assert "ceiling of an H200, reasons for 8%" in said and "in all about" in said
