"""What every encoder of this room is: a folder and its plan, opened at the first text, once, whatever thread asks."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from ranker.backends.bert_plan import Bert, Plan
from ranker.errors import BackendError
from ranker.model_files import ModelFiles
from ranker.types import EncoderInfo, TextKind

Opened = TypeVar("Opened")


class LazyEncoder(ABC, Generic[Opened]):
    """The part of `ranker.protocols.Encoder` that has no weights. Nothing heavy is imported or read before ``opened``.

    ``truncated`` counts the texts that were cut at the model's limit so far.
    """

    def __init__(self, files: ModelFiles, plan: Plan, info: EncoderInfo) -> None:
        self.files, self.plan = files, plan
        self.truncated = 0
        self._info = info
        self._opened: Opened | None = None
        self._loading = threading.Lock()

    @property
    def info(self) -> EncoderInfo:
        return self._info

    def prompt(self, kind: TextKind) -> str:
        """What the model's folder wants before a text of that kind; often nothing."""
        return self.plan.query if kind == "query" else self.plan.document

    def opened(self) -> Opened:
        """What ``load`` gave, loaded now if it was not yet."""
        with self._loading:
            if self._opened is None:
                self._opened = self.load()
        return self._opened

    @abstractmethod
    def load(self) -> Opened:
        """Read the weights."""


def plain_bert(files: ModelFiles, plan: Plan) -> Bert:
    """The architecture that our own forwards compute.

    Raises:
        BackendError: the folder's is another.
    """
    if plan.bert is None:
        raise BackendError(
            f"has no fast path: {plan.why_not}", where=str(files.folder), todo='set [encoder] backend = "auto"'
        )
    return plan.bert
