"""What a command works with: configuration, profile, store, encoder, judge; the only place that chooses backends."""

from __future__ import annotations

import dataclasses
import os
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import typer

from ranker.cli.console import note
from ranker.config import ENGINES, JUDGES, Config, JudgeChoice, load_config
from ranker.errors import ConfigError, InputError
from ranker.profile import Profile, find_profile, load_profile
from ranker.store import Store, run_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ranker.backends.ray_data.cluster import Cluster
    from ranker.progress import Tally
    from ranker.protocols import Encoder, Judge
    from ranker.route import Search
    from ranker.types import Paper, Route

BEIJING = ZoneInfo("Asia/Shanghai")


class Session:
    """Everything is opened when first asked for: a command that needs no encoder loads none."""

    def __init__(
        self,
        *,
        config: Path | None = None,
        store: Path | None = None,
        profile: str | None = None,
        judge: str | None = None,
        model: str | None = None,
        heads: str | None = None,
        wait: float | None = None,
        engine: str | None = None,
        only_plan: bool = False,
        calibrating: bool = False,
    ) -> None:
        """``only_plan``: nothing will be judged, only counted. ``calibrating``: without any calibration."""
        self.config: Config = load_config(config)
        self.config.check_all()
        self.judge_choice = _chosen_judge(self.config.judge, judge, model, heads)
        self.engine = engine or self.config.engine
        if self.engine not in ENGINES:
            raise ConfigError(f"no engine {self.engine!r}", where="--engine", todo=f"use {' or '.join(ENGINES)}")
        self.store_path = store or self.config.store_path()
        self._profile_name = profile or self.config.profile
        self._wait = self.config.store.wait_seconds if wait is None else wait
        self._stack = ExitStack()
        self._locked = False
        self._only_plan, self._calibrating = only_plan, calibrating

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def profile(self) -> Profile:
        return load_profile(find_profile(self._profile_name))

    @cached_property
    def store(self) -> Store:
        return self._stack.enter_context(Store(self.store_path))

    def need_store(self) -> None:
        """For what only reads: opening the store would make an empty one where there is none.

        Raises:
            InputError: there is no store.
        """
        if not self.store_path.exists():
            todo = "`ranker rank` or `ranker import` makes one; another is named by --store"
            raise InputError("there is no store", where=str(self.store_path), todo=todo)

    def lock(self) -> None:
        """Hold the store's run lock until the session ends; asking again does nothing."""
        if self._locked:
            return
        self._stack.enter_context(run_lock(self.store_path, wait_seconds=self._wait))
        self._locked = True

    @cached_property
    def encoder(self) -> Encoder:
        from ranker.backends.encoders import choose_encoder

        own = choose_encoder(self.config.encoder)
        if self.engine == "local":
            return own
        from ranker.backends.ray_data.encoder import RayEncoder

        return RayEncoder(own, self.config.encoder, self.cluster)

    @cached_property
    def cluster(self) -> Cluster:
        """Ray, for ``--engine ray``; joined when first used."""
        from ranker.backends.ray_data.cluster import Cluster
        from ranker.backends.ray_data.settings import RaySettings

        cluster = Cluster(self.config.section("ray", RaySettings), note)
        self._stack.callback(cluster.close)
        return cluster

    @cached_property
    def search(self) -> Search:
        from ranker.backends.faiss import inner_products

        return inner_products

    @cached_property
    def judge(self) -> Judge:
        from ranker.backends.judges import built_in_judge, choose_judge

        record = self.store_path.with_name(f"{self.store_path.name}.anchors.json")
        config = _uncalibrated(self.config) if self._calibrating else self.config
        judge: Judge | None = None
        if self.engine == "ray" and not self._only_plan:
            from ranker.backends.ray_data.choose import spread_judge

            judge = spread_judge(
                self.judge_choice,
                config,
                self.profile,
                lambda: self.cluster,
                built_in=lambda: built_in_judge(self.judge_choice, self.profile, self.encoder),
                record=record,
            )
        judge = judge or choose_judge(
            self.judge_choice,
            config,
            self.profile,
            self.encoder,
            note,
            anchor_record=record,
            only_plan=self._only_plan,
        )
        self._stack.callback(judge.close)
        return judge

    def embed_and_route(
        self, papers: Sequence[Paper], tally: Tally | None = None
    ) -> tuple[NDArray[np.float32], list[Route]]:
        """`ranker.pipeline.embed_and_route` with this session's parts."""
        from ranker.pipeline import embed_and_route
        from ranker.progress import Silent, Tally

        return embed_and_route(
            papers,
            self.profile,
            encoder=self.encoder,
            search=self.search,
            store=self.store,
            tally=tally or Tally(Silent()),
        )

    def versions(self) -> dict[str, str]:
        """Versions of everything that shapes a result."""
        import platform
        from importlib import metadata

        import ranker

        names: tuple[str, ...] = (
            "torch",
            "sentence-transformers",
            "transformers",
            "faiss-cpu",
            "numpy",
            "openvino",
            "vllm",
        )
        names += ("ray",) if self.engine == "ray" else ()
        found = {"ranker": ranker.__version__, "python": platform.python_version()}
        for name in names:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return found


def _chosen_judge(configured: JudgeChoice, judge: str | None, model: str | None, heads: str | None) -> JudgeChoice:
    """The configured judge under the options'. A model named alone asks for the best judge for it (``auto``): it would
    be ignored by the heads.
    """
    if judge is None and model and configured.name == "heads":
        judge = "auto"
    chosen: dict[str, Any] = {"name": judge, "model": model, "heads": heads}
    choice = dataclasses.replace(configured, **{k: v for k, v in chosen.items() if v is not None})
    if choice.name not in JUDGES:
        raise ConfigError(f"no judge {choice.name!r}", where="--judge", todo=f"use {', '.join(JUDGES)}")
    if model and choice.name == "heads":
        raise typer.BadParameter("--judge heads uses no language model; leave one of the two out", param_hint="--model")
    if judge in ("vllm", "transformers") and not choice.model:
        raise typer.BadParameter(f"--judge {judge} needs one: a folder, or smollm2 to try", param_hint="--model")
    return choice


def _uncalibrated(config: Config) -> Config:
    return dataclasses.replace(config, judging={**config.judging, "calibration": "", "blend": 0.0})


def now() -> datetime:
    """The clock of the digests: Beijing time, as in the seeds. ``RANKER_NOW`` (ISO with offset) sets it, for tests."""
    injected = os.environ.get("RANKER_NOW")
    return datetime.fromisoformat(injected).astimezone(BEIJING) if injected else datetime.now(BEIJING)
