"""When arXiv announces, all in Eastern time (https://info.arxiv.org/help/availability.html).

Submitted Mon 14:00 - Tue 14:00 -> announced Tue 20:00, and so on; Thu 14:00 - Fri 14:00 -> Sun 20:00; Fri 14:00 -
Mon 14:00 -> Mon 20:00; nothing on Friday or Saturday evening, nor on the evening of a holiday.

The *announcement day* is the day that the feeds carry, which begins at the midnight after the evening's announcement:
Sunday 20:00 gives Monday's batch, Thursday 20:00 Friday's. So a batch can come on Monday to Friday, and a holiday takes
out the batch of the day after it (no announcement on the evening of Thursday 2026-01-01, an empty feed on 01-02).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ranker.sources.dates import EASTERN

_DAY = timedelta(days=1)
_DEADLINE = time(14)
_ANNOUNCED = time(20)
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6

HOLIDAYS_2026 = tuple(
    date(2026, month, day)
    for month, day in ((1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31))
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The announcement calendar. ``holidays``: dates on whose evening nothing is announced.

    Every ``now`` and ``submitted`` is a time with zone; a naive one raises ValueError.
    """

    holidays: frozenset[date] = frozenset(HOLIDAYS_2026)

    @classmethod
    def of(cls, holidays: Iterable[str | date]) -> Calendar:
        """From ISO dates. Raises ValueError at a text that is none."""
        return cls(frozenset(date.fromisoformat(h) if isinstance(h, str) else h for h in holidays))

    def announces_on(self, evening: date) -> bool:
        """Is there an announcement at 20:00 Eastern on this date?"""
        return evening.weekday() not in (_FRIDAY, _SATURDAY) and evening not in self.holidays

    def has_batch(self, day: date) -> bool:
        """Does the feed of this day hold papers? (The evening before was one of announcement.)"""
        return self.announces_on(day - _DAY)

    def announcement_day(self, now: datetime) -> date:
        """The newest day with a batch whose feed is due by ``now`` (feeds are rebuilt at midnight Eastern)."""
        day = _eastern(now).date()
        while not self.has_batch(day):
            day -= _DAY
        return day

    def expected_batch(self, now: datetime) -> date | None:
        """The day whose batch the feed should hold at ``now``; None on a quiet day."""
        today = _eastern(now).date()
        return today if self.has_batch(today) else None

    def next_feed(self, now: datetime) -> datetime:
        """When the next batch's feed is due, in UTC."""
        day = _eastern(now).date() + _DAY
        while not self.has_batch(day):
            day += _DAY
        return self.feed_at(day)

    def announced_at(self, day: date) -> datetime:
        """When the batch of this day is announced (20:00 Eastern of the evening before), in UTC."""
        return _utc(day - _DAY, _ANNOUNCED)

    def feed_at(self, day: date) -> datetime:
        """When the feed of this day is built (midnight Eastern), in UTC."""
        return _utc(day, time())

    def day_of_submission(self, submitted: datetime) -> date:
        """The earliest day whose batch can hold a paper submitted then; moderation can hold a paper for longer."""
        evening = _eastern(submitted).date()
        while not (self.announces_on(evening) and submitted < self._deadline(evening)):
            evening += _DAY
        return evening + _DAY

    def submission_window(self, day: date) -> tuple[datetime, datetime]:
        """[from, to) in UTC of the submissions that the batch of this day announces.

        Raises:
            ValueError: the day has no batch.
        """
        if not self.has_batch(day):
            raise ValueError(f"{day} has no batch: arXiv announced nothing on the evening before")
        before = day - 2 * _DAY
        while not self.announces_on(before):
            before -= _DAY
        return self._deadline(before), self._deadline(day - _DAY)

    def knows_holidays_of(self, year: int) -> bool:
        """Is any holiday of this year listed? Where none is, a holiday will look like a stale feed."""
        return any(h.year == year for h in self.holidays)

    def _deadline(self, evening: date) -> datetime:
        # Sunday evening announces what came in until Friday.
        return _utc(evening - 2 * _DAY if evening.weekday() == _SUNDAY else evening, _DEADLINE)


def announcement_day(now: datetime, calendar: Calendar | None = None) -> date:
    """``Calendar.announcement_day`` with the built-in holidays."""
    return (calendar or Calendar()).announcement_day(now)


def expected_batch(now: datetime, calendar: Calendar | None = None) -> date | None:
    """``Calendar.expected_batch`` with the built-in holidays."""
    return (calendar or Calendar()).expected_batch(now)


def _eastern(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without zone: arXiv's calendar needs one")
    return moment.astimezone(EASTERN)


def _utc(day: date, at: time) -> datetime:
    return datetime.combine(day, at, EASTERN).astimezone(UTC)
