"""Which judges go to a cluster: those that hold a language model in their own process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ranker.backends.choose import best_there, open_generator
from ranker.backends.ray_data.cluster import Cluster
from ranker.backends.ray_data.judge import JudgeRecipe, RayJudge
from ranker.config import Config, JudgeChoice
from ranker.errors import ConfigError
from ranker.profile import Profile
from ranker.protocols import Judge


def spread_judge(
    choice: JudgeChoice,
    config: Config,
    profile: Profile,
    cluster: Callable[[], Cluster],
    *,
    built_in: Callable[[], Judge] | None = None,
    record: Path | None = None,
) -> RayJudge | None:
    """A judge over the cluster for vllm and transformers; None for the heads and for servers, which the driver asks.

    ``auto`` comes to what it would on the driver's machine. ``built_in`` and ``record``: as for
    `language_model_judge`; blending, calibration and the anchors' record are the driver's work.

    Raises:
        ConfigError: no model is named.
        BackendError: it can't be opened in the cluster.
    """
    name, why = best_there(choice) if choice.name == "auto" else (choice.name, f"judge {choice.name}, as asked for")
    if name not in ("vllm", "transformers"):
        return None
    if not choice.model:
        todo = "name a folder there or by --model"
        raise ConfigError(f"judge {name} needs a language model, and none is named", where="[judge] model", todo=todo)
    folder = Path(choice.model).expanduser()
    model = str(folder.resolve()) if folder.is_dir() else choice.model
    # A replica needs neither the driver's files nor its tables of other parts.
    lean = dataclasses.replace(config, mail={}, openai={})
    recipe = JudgeRecipe(lean, profile, partial(open_generator, name, model, lean))
    on_gpu = name == "vllm" or str(config.transformers.get("device", "")).startswith("cuda")
    joined = cluster()
    joined.say(why)
    return RayJudge(recipe, joined, gpus=float(on_gpu), built_in=built_in, record=record)
