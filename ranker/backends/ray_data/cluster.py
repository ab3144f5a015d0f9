"""Joining a Ray cluster, or starting one on this machine: offline, quiet, and left as it was found."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from ranker.backends.extras import install
from ranker.backends.ray_data.settings import RaySettings
from ranker.errors import BackendError, ConfigError

# Read by Ray when it is imported or starts a process, so they are set before either.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}


@dataclass(frozen=True, slots=True)
class Share:
    """What one replica takes, and how many there are to be (0 = as many as fit)."""

    what: str
    replicas: int
    cpus: float
    gpus: float

    def options(self) -> dict[str, float]:
        """As Ray's options of an actor or a task."""
        return {"num_cpus": self.cpus, **({"num_gpus": self.gpus} if self.gpus else {})}


class Cluster:
    """Ray, joined when first needed. ``close`` leaves it; one that was started here ends."""

    def __init__(self, settings: RaySettings, say: Callable[[str], None] = print) -> None:
        try:
            metadata.version("ray")
        except metadata.PackageNotFoundError:
            raise BackendError("Ray is not installed", where="--engine ray", todo=install("ray")) from None
        self.settings, self.say = settings, say
        self._ray: Any = None

    def ray(self) -> Any:
        """The module, connected.

        Raises:
            BackendError: Ray can't be imported, started, or reached under its address.
        """
        if self._ray is None:
            self._ray = self._connect()
        return self._ray

    def _connect(self) -> Any:
        s = self.settings
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise BackendError(f"Ray can't be imported: {error}", where="--engine ray", todo=_INSTALL) from error
        given: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if s.address:
            given |= {"address": s.address}
        else:
            # "local" even where RAY_ADDRESS is set: an empty address in the configuration means this machine.
            given |= {"address": "local", "include_dashboard": False, "num_cpus": s.cpus or None}
            given |= {"object_store_memory": s.object_store_mb << 20 or None}
        try:
            with _stderr_closed():
                ray.init(**given)
        except Exception as error:  # a cluster that is not there raises half a dozen kinds
            why = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            todo = "start it (`ray start --head`), or name its HOST:PORT" if s.address else _INSTALL
            raise BackendError(f"Ray can't be used: {why}", where=f"[ray] address {s.address!r}", todo=todo) from error
        _hush()
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        # A block whose workers keep dying is given up alone; the driver sees that it is missing and counts it.
        context.max_errored_blocks = -1
        return ray

    def close(self) -> None:
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None

    def room(self, share: Share) -> int:
        """How many replicas of a kind can run at once, at most what was asked for; at least one.

        Raises:
            ConfigError: not one fits on any machine of the cluster, so that Ray would wait for ever.
        """
        nodes = [n["Resources"] for n in self.ray().nodes() if n["Alive"]]
        fits = 0
        for node in nodes:
            by_cpu = int(node.get("CPU", 0.0) / share.cpus + 1e-9)
            fits += min(by_cpu, int(node.get("GPU", 0.0) / share.gpus + 1e-9)) if share.gpus else by_cpu
        if not fits:
            most = {kind: max((n.get(kind, 0.0) for n in nodes), default=0.0) for kind in ("CPU", "GPU")}
            raise ConfigError(
                f"a replica takes {share.cpus:g} CPUs and {share.gpus:g} GPUs; "
                f"the largest machine has {most['CPU']:g} and {most['GPU']:g}",
                where=f"[ray] {share.what}_cpus, {share.what}_gpus",
                todo="ask for less, or start the machines with what they have (`ray start --num-gpus`)",
            )
        return min(fits, share.replicas or fits)


_INSTALL = f"reinstall it, {install('ray')}"


@contextmanager
def _stderr_closed() -> Iterator[None]:
    """Ray's C++ part tells on file descriptor 2 that it was told to be quiet; what fails is raised anyway."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _hush() -> None:
    """Ray tells of every start, and prints workers' tracebacks on standard output; our messages tell what counts."""
    for handler in logging.getLogger("ray.data").handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.setLevel(logging.CRITICAL)
    from ray._private import worker

    # There is no setting for these (log_to_driver is about the workers' own output); the logs of Ray keep them.
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = _log_only


def _log_only(data: dict[str, Any], **_: Any) -> None:
    logging.getLogger(__name__).debug("ray: %s", "\n".join(map(str, data.get("lines", ()))))
