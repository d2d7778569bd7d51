"""Working days: the table is the published one, and counting agrees with a day-by-day count."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules import load
from shared.rules.calendar import Calendar, UnknownCalendar
from shared.rules.generate_calendar import render

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = load("cn-2006").calendar
DAYS = st.dates(date(2004, 1, 1), date(2026, 12, 31))
MOMENTS = st.integers(0, 25 * 366 * 86_400).map(lambda s: datetime(2004, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


def test_the_file_is_what_the_generator_writes() -> None:
    import shared.rules.calendar as module  # noqa: PLC0415 - only its place is needed

    file = Path(module.__file__).parent / "calendars" / f"{CALENDAR.version}.toml"
    assert file.read_text(encoding="utf-8") == render(CALENDAR.version)


@given(DAYS)
def test_published_days_agree_with_the_source(day: date) -> None:
    assert CALENDAR.is_working_day(day) == chinese_calendar.is_workday(day)


@pytest.mark.parametrize(
    ("start", "n", "last"),
    [
        (datetime(2026, 9, 30, 9, tzinfo=SHANGHAI), 1, date(2026, 10, 8)),  # over the National Day week
        (datetime(2026, 9, 30, 9, tzinfo=SHANGHAI), 3, date(2026, 10, 10)),  # a worked Saturday counts
        (datetime(2026, 11, 20, 23, 59, tzinfo=SHANGHAI), 1, date(2026, 11, 23)),
        (datetime(2026, 11, 20, 16, 1, tzinfo=UTC), 1, date(2026, 11, 23)),  # already Saturday in Shanghai
        (datetime(2026, 12, 31, 9, tzinfo=SHANGHAI), 1, date(2027, 1, 4)),  # provisional year: 1 January is off
    ],
)
def test_working_days_run_from_the_day_after_to_the_end_of_the_last(start: datetime, n: int, last: date) -> None:
    due = CALENDAR.add_working_days(start, n, SHANGHAI).astimezone(SHANGHAI)
    assert (due.date(), due.hour, due.minute, due.second) == (last, 23, 59, 59)


@given(MOMENTS, st.integers(1, 70))
def test_counting_there_and_back_agrees(start: datetime, n: int) -> None:
    due = CALENDAR.add_working_days(start, n, SHANGHAI)
    assert due > start
    assert CALENDAR.is_working_day(due.astimezone(SHANGHAI).date())
    assert CALENDAR.working_days_between(start, due, SHANGHAI) == n
    assert CALENDAR.working_days_between(start, due - timedelta(days=1), SHANGHAI) == n - 1


def test_years_not_yet_published_are_provisional() -> None:
    start = datetime(2026, 12, 20, tzinfo=UTC)
    assert CALENDAR.years[2026] == "published"
    assert CALENDAR.years[2027] == "provisional"
    assert not CALENDAR.is_provisional(start, datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), SHANGHAI)
    assert CALENDAR.is_provisional(start, datetime(2026, 12, 31, 16, 0, tzinfo=UTC), SHANGHAI)  # 2027 in Shanghai
    assert CALENDAR.is_working_day(date(2040, 3, 1))
    assert not CALENDAR.is_working_day(date(2040, 10, 1))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        CALENDAR.add_working_days(datetime(2026, 1, 1, tzinfo=UTC), 0, SHANGHAI)
    with pytest.raises(ValueError, match="aware"):
        CALENDAR.add_working_days(datetime(2026, 1, 1), 1, SHANGHAI)  # noqa: DTZ001 - that is the point
    for name in ("cn-1999", "../profiles/cn-2006"):
        with pytest.raises(UnknownCalendar):
            Calendar.load(name)
