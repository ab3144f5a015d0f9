"""Dates as inputs write them -> ISO days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]\S.*)?", re.ASCII)


def iso_day(text: str) -> str | None:
    """The day as it is written (no change of time zone): ISO date or time, or an RFC 2822 date; None if neither."""
    text = text.strip()
    if match := _ISO.fullmatch(text):
        try:
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        except ValueError:
            return None
    moment = _rfc2822(text)
    return moment.date().isoformat() if moment else None


def instant(text: str) -> datetime | None:
    """A time with its zone (UTC where none is given), from ISO 8601 or RFC 2822; None if neither."""
    text = text.strip()
    try:
        moment: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        moment = _rfc2822(text)
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment


def eastern_day(text: str) -> str | None:
    """The day in America/New_York, arXiv's own, of a time with zone; None if it is none."""
    moment = instant(text)
    return moment.astimezone(EASTERN).date().isoformat() if moment else None


def _rfc2822(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
