"""How long finished runs are kept."""

from __future__ import annotations

import datetime


def cutoff(run_day: str, today: str, keep_days: int) -> str:
    """The first day (ISO) that is kept: runs before it are forgotten. 1 keeps a day, 7 a week.

    Counted from the run that was just stored, so that filling in an old day does not drop it at once; from today where
    the run's day lies ahead, so that a mistyped date costs no history.

    Raises:
        ValueError: ``keep_days`` is under 1, or a day is none.
    """
    if keep_days < 1:
        raise ValueError("keep_days must be 1 or more")
    newest = datetime.date.fromisoformat(min(run_day, today))
    oldest = max(newest.toordinal() - keep_days + 1, 1)
    return datetime.date.fromordinal(oldest).isoformat()
