"""The encoder over a pool: each replica holds the same encoder, and hands back the vectors of whole blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ranker.backends.ray_data.cluster import Cluster, Share
from ranker.backends.ray_data.pool import run, split
from ranker.backends.ray_data.settings import AS_MODEL_NEEDS
from ranker.config import EncoderSettings
from ranker.errors import BackendError
from ranker.types import EncoderInfo, TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranker.protocols import Encoder

Work = tuple[list[str], TextKind]
Vectors = tuple["NDArray[np.int64]", "NDArray[np.float32]", dict[int, str]]
"""Positions in the block (b,), their vectors (b, dimension) float32, and position -> why there is none."""


@dataclass(frozen=True, slots=True)
class EncoderRecipe:
    """Opens the driver's encoder again elsewhere. ``key``: the driver's, so that no other model answers for it."""

    settings: EncoderSettings
    key: str

    def __call__(self) -> Callable[[Work], Vectors]:
        from ranker.backends.encoders import choose_encoder

        encoder = choose_encoder(self.settings)
        if encoder.info.key != self.key:
            raise BackendError(
                "the model on this machine is another one than the driver's",
                where=self.settings.model,
                todo="give every machine the same model folder and the same ranker",
            )
        return lambda work: encode_block(encoder, *work)


def encode_block(encoder: Encoder, texts: Sequence[str], kind: TextKind) -> Vectors:
    """All vectors of a block; where the whole block fails, of each text that can be encoded alone."""
    try:
        return (*_collected(encoder, texts, kind), {})
    except Exception:  # whatever its library raises; where no text can be encoded alone it is raised again
        positions, vectors, failed = [], [], {}
        for position, text in enumerate(texts):
            try:
                vectors.append(_collected(encoder, [text], kind)[1])
                positions.append(position)
            except Exception as error:  # whatever its library raises
                failed[position] = f"{type(error).__name__}: {error}"
        if not positions:
            raise
        return np.array(positions, dtype=np.int64), np.concatenate(vectors), failed


def _collected(encoder: Encoder, texts: Sequence[str], kind: TextKind) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    found = list(encoder.encode(texts, kind))
    return np.concatenate([p for p, _ in found]), np.concatenate([v for _, v in found])


class RayEncoder:
    """An `Encoder`. Vectors are those of the driver's own encoder, bit for bit, on machines of one kind.

    ``encoded``: texts that replicas have encoded so far (the driver's own few are not counted).
    """

    def __init__(self, own: Encoder, settings: EncoderSettings, cluster: Cluster) -> None:
        """``own``: what the settings choose here, not loaded; it tells who the replicas' encoders must be."""
        s, self._own, self._cluster = cluster.settings, own, cluster
        gpus = s.embed_gpus if s.embed_gpus != AS_MODEL_NEEDS else float(settings.device == "cuda")
        self._share = Share("embed", s.embed_replicas, s.embed_cpus, gpus)
        folder = Path(settings.model).expanduser()
        exact: dict[str, Any] = {
            # What "auto" came to here: a replica must not choose anew by its own measurements.
            "backend": own.info.backend.split(" ", 1)[0],
            "precision": own.info.precision,
            "model": str(folder.resolve()) if folder.is_dir() else settings.model,
            "threads": settings.threads or max(1, int(s.embed_cpus)),
        }
        self._recipe = EncoderRecipe(dataclasses.replace(settings, **exact), own.info.key)
        self.encoded = 0

    @property
    def info(self) -> EncoderInfo:
        return self._own.info

    def encode(
        self, texts: Sequence[str], kind: TextKind = "document"
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Groups of (positions (b,), unit vectors (b, dimension) float32), a block each.

        Raises:
            BackendError: replicas could not encode some texts, raised when all others were given.
        """
        if len(texts) < self._cluster.settings.batch_rows and not self._share.gpus:
            # A pool takes seconds to start; a profile's few descriptions are not worth one.
            yield from self._own.encode(texts, kind)
            return
        parts = split(len(texts), self._cluster.room(self._share), self._cluster.settings.batch_rows)
        blocks: list[Work] = [([texts[i] for i in part], kind) for part in parts]
        failed: list[str] = []
        for done in run(self._cluster, self._share, self._recipe, blocks):
            part = parts[done.number]
            if done.error is not None:
                failed += [done.error] * len(part)
                continue
            positions, vectors, why = cast("Vectors", done.result)
            failed += why.values()
            self.encoded += len(positions)
            yield positions + part.start, vectors
        if failed:
            raise BackendError(
                f"{len(failed)} of {len(texts)} texts could not be embedded; the first: {failed[0]}",
                where="--engine ray, embed",
                todo="what was embedded is stored: run the same command again, or with --engine local",
            )
