"""Errors that a person meets: what happened, where, and what to do. The cli prints them without a traceback."""

from __future__ import annotations


class RankerError(Exception):
    """Base of every error that ranker raises on purpose.

    Args:
        what: what happened, one sentence without a full stop at the end.
        where: the file, line, key or address concerned.
        todo: what the person can do about it.
    """

    exit_code = 5

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        self.what, self.where, self.todo = what, where, todo
        super().__init__(self.__str__())

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  -> {self.todo}" if self.todo else text


class InputError(RankerError):
    """The input can't be used at all: unreadable, empty, of no known kind (exit code 4)."""

    exit_code = 4


class ConfigError(RankerError):
    """A configuration or profile is wrong; names file, key, line and what would be right (exit code 4)."""

    exit_code = 4


class StoreError(RankerError):
    """The store is locked, damaged, newer than this program, or its disk is full."""


class BackendError(RankerError):
    """A backend (encoder, index, generator) is absent, incomplete or failed."""


class SourceError(RankerError):
    """A remote source refused, timed out or answered something unusable."""


class AccountingError(RankerError):
    """The counts don't add up: a paper was lost. A defect of ranker, never of the input."""
