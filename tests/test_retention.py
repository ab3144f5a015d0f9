"""Which runs are kept: days counted by hand."""

from __future__ import annotations

import pytest

from ranker.retention import cutoff


@pytest.mark.parametrize(
    ("run_day", "today", "keep", "first"),
    [
        ("2026-01-14", "2026-01-14", 1, "2026-01-14"),
        ("2026-01-14", "2026-01-14", 7, "2026-01-08"),
        ("2026-03-01", "2026-03-01", 2, "2026-02-28"),
        ("2020-01-10", "2026-01-14", 7, "2020-01-04"),  # an old day filled in is kept
        ("2099-01-01", "2026-01-14", 7, "2026-01-08"),  # a mistyped date costs no history
        ("2026-01-14", "2026-01-14", 10**7, "0001-01-01"),
    ],
)
def test_cutoff(run_day: str, today: str, keep: int, first: str) -> None:
    assert cutoff(run_day, today, keep) == first


def test_for_ever_has_no_cutoff() -> None:
    with pytest.raises(ValueError):
        cutoff("2026-01-14", "2026-01-14", 0)
