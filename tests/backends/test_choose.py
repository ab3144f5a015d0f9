"""Which generator a choice comes to, and what is said where a model or a server is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranker.backends import transformers_files
from ranker.backends.choose import pick_generator
from ranker.cli import run
from ranker.cli.session import Session
from ranker.config import JudgeChoice, load_config
from ranker.errors import BackendError, ConfigError
from tests.backends.language_models import DIGITS, tiny_model

ABSENT = "http://127.0.0.1:9/v1"


def test_auto_does_without_a_server_that_does_not_answer() -> None:
    pytest.importorskip("openai", reason="openai is not installed: pip install '.[openai]'")
    choice = JudgeChoice("auto", ABSENT)
    for only_plan in (False, True):
        generator, why = pick_generator(choice, load_config(None), only_plan=only_plan)
        assert generator is None
        assert why == f"auto: no server answers at {ABSENT}, so the heads judge without a language model"


def test_a_server_that_was_asked_for_is_missed_by_the_name_of_its_option() -> None:
    pytest.importorskip("openai", reason="openai is not installed: pip install '.[openai]'")
    with pytest.raises(BackendError, match="given by --model") as told:
        pick_generator(JudgeChoice("openai", ABSENT), load_config(None))
    assert told.value.where == ABSENT and "base_url" not in str(told.value)


def test_a_configuration_without_a_model_names_its_key() -> None:
    with pytest.raises(ConfigError, match=r"^\[judge\] model: judge transformers needs a language model"):
        pick_generator(JudgeChoice("transformers", ""), load_config(None))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("/no/such/folder", "there is no such model folder"),
        ("./here", "there is no such model folder"),
        ("a/b/c", "there is no such model folder"),
        ("models/mine", "there is no such model folder, and no hub's model of this name"),
        ("weights.gguf", "is a file, not a model's folder"),
    ],
)
def test_a_model_that_is_not_there_is_told_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(transformers_files, "_hub_answers", lambda: False)
    with pytest.raises(ConfigError) as told:  # what a person named and is not there is bad input: exit code 4
        pick_generator(JudgeChoice("transformers", model), load_config(None))
    text = str(told.value)
    assert text.startswith(f"{model}: {says}") and "smollm2" in text and "huggingface" not in text.lower()


@pytest.mark.parametrize("option", ["--model", "--heads"])
def test_a_model_and_heads_that_are_not_there_end_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_day: Path, option: str
) -> None:
    absent = str(tmp_path / "absent")
    assert run(["rank", str(small_day), "--out", str(tmp_path / "out"), option, absent, "--dry-run"]) == 4
    assert f"error: {absent}: " in capsys.readouterr().err


def test_a_folder_without_a_model_is_told_what_it_lacks(tmp_path: Path) -> None:
    folder, named = tmp_path / "model", JudgeChoice("transformers", str(tmp_path / "model"))
    folder.mkdir()

    def said() -> str:
        with pytest.raises(ConfigError) as told:
            pick_generator(named, load_config(None))[0].check_labels(DIGITS)  # type: ignore[union-attr]
        return told.value.what

    tokenizer, weights = "a tokenizer (tokenizer.json)", "weights (*.safetensors)"
    assert said() == f"the folder lacks config.json, {tokenizer} and {weights}"
    (folder / "model.safetensors").write_bytes(b"")
    assert said() == f"the folder lacks config.json and {tokenizer}"
    tiny_model(folder)
    (folder / "model.safetensors").unlink()
    assert said() == f"the folder lacks {weights}"
    for path in folder.glob("*token*"):
        path.unlink()
    assert said() == f"the folder lacks {tokenizer}"  # weights are asked for later: a plan needs none


def test_a_model_that_is_there_and_not_understood_is_not_called_missing() -> None:
    said = transformers_files.unreadable("org/new", ValueError("does not recognize this architecture"), {})
    assert str(said).startswith("org/new: the model can't be loaded: does not recognize this architecture")


def test_a_model_named_alone_asks_for_the_best_judge_for_it() -> None:
    with Session(model="smollm2") as session:
        assert (session.judge_choice.name, session.judge_choice.model) == ("auto", "smollm2")
    with Session(model="smollm2", judge="transformers") as session:
        assert session.judge_choice.name == "transformers"
    with Session() as session:
        assert session.judge_choice.name == "heads"
