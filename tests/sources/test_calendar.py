"""The announcement calendar against dates worked out by hand (2026: 02-09 is a Monday)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker.sources.calendar import HOLIDAYS_2026, Calendar, announcement_day, expected_batch

ET, BEIJING = ZoneInfo("America/New_York"), ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar()


def et(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ET)


@pytest.mark.parametrize(
    ("now", "newest", "expected"),
    [
        ("2026-02-09 00:00", "2026-02-09", "2026-02-09"),  # Monday: Sunday evening's
        ("2026-02-10 00:00", "2026-02-10", "2026-02-10"),
        ("2026-02-10 23:59", "2026-02-10", "2026-02-10"),  # announced at 20:00, in the feed from midnight
        ("2026-02-13 12:00", "2026-02-13", "2026-02-13"),  # Friday: Thursday evening's
        ("2026-02-14 12:00", "2026-02-13", None),  # Saturday
        ("2026-02-15 23:59", "2026-02-13", None),  # Sunday
        ("2026-01-01 12:00", "2026-01-01", "2026-01-01"),  # Wednesday evening was no holiday
        ("2026-01-02 12:00", "2026-01-01", None),  # Friday after the holiday on Thursday
        ("2026-01-05 12:00", "2026-01-05", "2026-01-05"),
        ("2026-01-19 12:00", "2026-01-19", "2026-01-19"),  # the holiday itself: Sunday evening announced
        ("2026-01-20 12:00", "2026-01-19", None),
        ("2026-01-21 12:00", "2026-01-21", "2026-01-21"),
        ("2026-06-19 12:00", "2026-06-19", "2026-06-19"),  # a holiday on a Friday: no announcement anyway
        ("2026-06-22 12:00", "2026-06-22", "2026-06-22"),
        ("2026-09-08 12:00", "2026-09-07", None),  # the day after Labor Day
        ("2026-11-27 12:00", "2026-11-26", None),  # the day after Thanksgiving
        ("2026-12-29 12:00", "2026-12-29", "2026-12-29"),
        ("2026-12-30 12:00", "2026-12-29", None),
        ("2026-12-31 12:00", "2026-12-31", "2026-12-31"),
        ("2027-01-01 12:00", "2026-12-31", None),  # 12-31 is a holiday
    ],
)
def test_what_the_feed_should_hold(now: str, newest: str, expected: str | None) -> None:
    assert announcement_day(et(now)).isoformat() == newest
    batch = expected_batch(et(now))
    assert (batch.isoformat() if batch else None) == expected


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2026-02-10T04:59:59Z", "2026-02-09"),  # 23:59:59 EST on Monday
        ("2026-02-10T05:00:00Z", "2026-02-10"),
        ("2026-07-07T03:59:59Z", "2026-07-06"),  # 23:59:59 EDT on Monday
        ("2026-07-07T04:00:00Z", "2026-07-07"),
        ("2026-03-09T03:59:59Z", "2026-03-06"),  # clocks went forward on 03-08: Sunday 23:59:59 EDT
        ("2026-03-09T04:00:00Z", "2026-03-09"),
        ("2026-11-02T04:59:59Z", "2026-10-30"),  # clocks went back on 11-01: Sunday 23:59:59 EST
        ("2026-11-02T05:00:00Z", "2026-11-02"),
    ],
)
def test_midnight_is_eastern_in_summer_and_winter(utc: str, day: str) -> None:
    assert announcement_day(datetime.fromisoformat(utc)).isoformat() == day


def test_hours_in_beijing() -> None:
    winter, summer = date(2026, 2, 10), date(2026, 7, 7)
    assert CALENDAR.announced_at(winter).astimezone(BEIJING).isoformat() == "2026-02-10T09:00:00+08:00"
    assert CALENDAR.feed_at(winter).astimezone(BEIJING).isoformat() == "2026-02-10T13:00:00+08:00"
    assert CALENDAR.announced_at(summer).astimezone(BEIJING).isoformat() == "2026-07-07T08:00:00+08:00"
    assert CALENDAR.feed_at(summer).astimezone(BEIJING).isoformat() == "2026-07-07T12:00:00+08:00"


@pytest.mark.parametrize(
    ("submitted", "day"),
    [
        ("2026-02-09 14:00", "2026-02-11"),  # Mon 14:00 - Tue 14:00 -> Tue 20:00 -> Wednesday's feed
        ("2026-02-10 13:59", "2026-02-11"),
        ("2026-02-10 14:00", "2026-02-12"),
        ("2026-02-12 13:59", "2026-02-13"),  # Wed 14:00 - Thu 14:00 -> Thu 20:00 -> Friday's
        ("2026-02-12 14:00", "2026-02-16"),  # Thu 14:00 - Fri 14:00 -> Sun 20:00 -> Monday's
        ("2026-02-13 13:59", "2026-02-16"),
        ("2026-02-13 14:00", "2026-02-17"),  # Fri 14:00 - Mon 14:00 -> Mon 20:00 -> Tuesday's
        ("2026-02-14 12:00", "2026-02-17"),
        ("2026-02-15 19:00", "2026-02-17"),
        ("2026-02-16 13:59", "2026-02-17"),
        ("2026-01-19 10:00", "2026-01-21"),  # Monday's announcement falls out
        ("2026-11-26 10:00", "2026-11-30"),  # Thursday's falls out: Sunday 20:00
        ("2026-12-31 15:00", "2027-01-04"),
    ],
)
def test_when_a_submission_is_announced(submitted: str, day: str) -> None:
    assert CALENDAR.day_of_submission(et(submitted)).isoformat() == day


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2026-02-11", "2026-02-09T19:00Z", "2026-02-10T19:00Z"),
        ("2026-02-16", "2026-02-12T19:00Z", "2026-02-13T19:00Z"),
        ("2026-02-17", "2026-02-13T19:00Z", "2026-02-16T19:00Z"),
        ("2026-03-10", "2026-03-06T19:00Z", "2026-03-09T18:00Z"),  # EST to EDT: 71 hours
        ("2026-11-03", "2026-10-30T18:00Z", "2026-11-02T19:00Z"),  # EDT to EST: 73 hours
        ("2026-01-21", "2026-01-16T19:00Z", "2026-01-20T19:00Z"),  # the holiday's papers come along
    ],
)
def test_submission_windows(day: str, start: str, end: str) -> None:
    window = CALENDAR.submission_window(date.fromisoformat(day))
    assert window == (datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_days_without_batch_and_times_without_zone() -> None:
    with pytest.raises(ValueError, match="no batch"):
        CALENDAR.submission_window(date(2026, 2, 14))
    with pytest.raises(ValueError, match="without zone"):
        expected_batch(datetime(2026, 2, 10))


def test_holidays_can_be_set() -> None:
    assert len(HOLIDAYS_2026) == 9
    own = Calendar.of(["2026-02-09"])
    assert expected_batch(et("2026-02-10 12:00"), own) is None
    assert expected_batch(et("2026-01-02 12:00"), own) == date(2026, 1, 2)
    assert CALENDAR.knows_holidays_of(2026) and not CALENDAR.knows_holidays_of(2027)
    assert CALENDAR.next_feed(et("2026-02-13 12:00")) == et("2026-02-16 00:00")
    with pytest.raises(ValueError, match="Invalid isoformat"):
        Calendar.of(["soon"])


@settings(deadline=None)
@given(st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1)).map(lambda d: d.replace(tzinfo=UTC)))
def test_windows_tile_the_year(submitted: datetime) -> None:
    day = CALENDAR.day_of_submission(submitted)
    start, end = CALENDAR.submission_window(day)
    assert start <= submitted < end
    assert CALENDAR.announcement_day(CALENDAR.feed_at(day)) == day
    assert timedelta(0) < CALENDAR.feed_at(day) - submitted < timedelta(days=7)
