"""What can be set about Ray; the table ``[ray]`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

AS_MODEL_NEEDS = -1.0


@dataclass(frozen=True, slots=True)
class RaySettings:
    """Checked on construction: ``ValueError`` names the key and its bound.

    ``address``: empty for a Ray of this machine's own, ``auto`` or ``HOST:PORT`` for a running cluster.
    ``*_replicas``: processes that each hold the model, 0 = as many as the cluster has room for. ``*_cpus`` and
    ``*_gpus``: what one replica takes (parts of a GPU are possible); GPUs of -1 mean one where the model runs on a GPU
    (``[encoder] device = "cuda"``; the judges ``vllm`` and, with device cuda, ``transformers``), else none.
    ``batch_rows`` and ``judge_rows``: papers of one block at most, which is what a lost worker costs; fewer texts than
    ``batch_rows`` are embedded in the driver where the encoder needs no GPU. ``object_store_mb`` and ``cpus``: only for
    a Ray of this machine's own, 0 = Ray's choice.
    """

    address: str = ""
    embed_replicas: int = 0
    embed_cpus: float = 1.0
    embed_gpus: float = AS_MODEL_NEEDS
    judge_replicas: int = 0
    judge_cpus: float = 1.0
    judge_gpus: float = AS_MODEL_NEEDS
    batch_rows: int = 256
    judge_rows: int = 1024
    cpus: int = 0
    object_store_mb: int = 0

    def __post_init__(self) -> None:
        for name in ("embed_replicas", "judge_replicas", "cpus"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 (chosen) or more")
        for name in ("embed_cpus", "judge_cpus"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be more than 0")
        for name in ("embed_gpus", "judge_gpus"):
            value = getattr(self, name)
            if value != AS_MODEL_NEEDS and not value >= 0.0:
                raise ValueError(f"{name} must be 0 or more, or -1 for what the model needs")
            if value > 1.0 and value != int(value):
                raise ValueError(f"{name} above 1 must be a whole number")
        for name in ("batch_rows", "judge_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more")
        if self.object_store_mb != 0 and self.object_store_mb < 80:
            raise ValueError("object_store_mb must be 0 (chosen) or 80 or more, which is Ray's least")
