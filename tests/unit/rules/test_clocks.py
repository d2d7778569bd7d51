"""Clocks: days end with the day, wherever the process runs and whatever the time of the start."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules import Unit, load
from shared.rules.clocks import counts_days_off, shifted

RULES = load("cn-2006")
TZ = RULES.time_zone
MOMENTS = st.integers(0, 20 * 366 * 86_400).map(lambda s: datetime(2006, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
LONG = [Unit.DAYS, Unit.WORKING_DAYS, Unit.MONTHS, Unit.YEARS]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TZ)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("2026-03-02 00:30", 60, Unit.DAYS, "2026-05-01"),
        ("2026-03-02 23:59:59", 60, Unit.DAYS, "2026-05-01"),
        ("2026-01-31 09:00", 1, Unit.MONTHS, "2026-02-28"),
        ("2024-01-31 09:00", 1, Unit.MONTHS, "2024-02-29"),
        ("2026-11-15 09:00", 3, Unit.MONTHS, "2027-02-15"),
        ("2024-02-29 09:00", 1, Unit.YEARS, "2025-02-28"),
        ("2026-11-20 09:00", 5, Unit.YEARS, "2031-11-20"),
        ("2026-11-19 09:00", 20, Unit.DAY_OF_MONTH, "2026-11-20"),
        ("2026-11-20 09:00", 20, Unit.DAY_OF_MONTH, "2026-12-20"),
        ("2026-12-20 00:00", 20, Unit.DAY_OF_MONTH, "2027-01-20"),
        ("2026-02-01 09:00", 31, Unit.DAY_OF_MONTH, "2026-02-28"),
        ("2026-02-28 09:00", 31, Unit.DAY_OF_MONTH, "2026-03-31"),
        ("2026-11-20 09:00", 1, Unit.WORKING_DAYS, "2026-11-23"),
    ],
)
def test_what_is_counted_in_days_ends_with_its_last_one(start: str, amount: int, unit: Unit, end: str) -> None:
    assert RULES.count(at(start), amount, unit).due_at == at(f"{end} 23:59:59")


@pytest.mark.parametrize(
    ("amount", "unit", "later"),
    [
        (90, Unit.SECONDS, timedelta(seconds=90)),
        (90, Unit.MINUTES, timedelta(minutes=90)),
        (72, Unit.HOURS, timedelta(days=3)),
    ],
)
def test_hours_minutes_and_seconds_run_from_the_moment(amount: int, unit: Unit, later: timedelta) -> None:
    start = at("2026-11-20 23:59:58")
    assert RULES.count(start, amount, unit, carry_over=True).due_at == start + later


@given(MOMENTS, st.integers(1, 400), st.sampled_from(LONG), st.booleans())
def test_every_long_clock_ends_at_the_last_second_of_a_day_in_the_profiles_zone(
    start: datetime, amount: int, unit: Unit, carry_over: bool
) -> None:
    due = RULES.count(start, amount, unit, carry_over=carry_over).due_at
    assert due.astimezone(TZ).timetz().replace(tzinfo=None).isoformat() == "23:59:59"
    assert due.utcoffset() == timedelta(0)
    first_of_the_day = datetime.combine(RULES.day_of(start), datetime.min.time(), TZ)
    assert RULES.count(first_of_the_day, amount, unit, carry_over=carry_over).due_at == due
    if carry_over:
        assert RULES.calendar.is_working_day(RULES.day_of(due))


def test_the_time_to_appeal_ends_with_its_last_day_and_carries_over_days_off() -> None:
    released = at("2026-03-04 00:30")
    assert RULES.count(released, 60, Unit.DAYS).due_at == at("2026-05-03 23:59:59")  # in the May holidays
    until = RULES.appeal_until(released)
    assert until.due_at == at("2026-05-06 23:59:59")
    assert (until.provisional, until.source) == (False, "ARL §9")
    assert RULES.appeal_until(released, 15).due_at == at("2026-03-19 23:59:59")
    assert RULES.appeal_until(released.astimezone(UTC)) == until


@pytest.mark.parametrize(
    ("start", "amount", "unit", "carry_over", "provisional"),
    [
        ("2027-01-29 09:00", 20, Unit.WORKING_DAYS, False, True),
        ("2026-12-20 09:00", 30, Unit.DAYS, True, True),
        ("2026-12-20 09:00", 30, Unit.DAYS, False, False),  # a day is a day, whoever works on it
        ("2026-12-20 09:00", 5, Unit.DAYS, True, False),
        ("2026-12-02 09:00", 30, Unit.DAYS, True, True),  # 1 January is off, the next year decides what follows
        ("2026-12-20 09:00", 900, Unit.HOURS, True, False),
        ("2026-12-20 09:00", 1, Unit.YEARS, True, True),
    ],
)
def test_what_an_unpublished_year_may_move_is_provisional(
    start: str, amount: int, unit: Unit, carry_over: bool, provisional: bool
) -> None:
    due = RULES.count(at(start), amount, unit, carry_over=carry_over)
    assert due.provisional is provisional
    assert not provisional or counts_days_off(unit, carry_over=carry_over)


@given(MOMENTS, st.integers(1, 90), st.sampled_from(LONG), st.integers(0, 40), st.integers(0, 40))
def test_a_pause_never_shortens_and_a_pause_within_a_day_changes_nothing(
    start: datetime, amount: int, unit: Unit, after: int, length: int
) -> None:
    begin = start + timedelta(days=after)
    plain = RULES.count(start, amount, unit).due_at
    assert RULES.count(start, amount, unit, pauses=[(begin, begin + timedelta(days=length))]).due_at >= plain
    assert RULES.count(start, amount, unit, pauses=[(begin, begin)]).due_at == plain


def test_days_that_stood_still_come_back_at_the_end() -> None:
    pauses = [(at("2026-11-10 15:00"), at("2026-11-13 09:00")), (at("2026-11-13 17:00"), at("2026-11-14 08:00"))]
    assert RULES.count(at("2026-11-02 09:00"), 30, Unit.DAYS, pauses=pauses).due_at == at("2026-12-06 23:59:59")
    assert RULES.count(at("2026-11-02 09:00"), 1, Unit.MONTHS, pauses=pauses).due_at == at("2026-12-06 23:59:59")


@pytest.mark.parametrize(
    ("shift", "unit", "time"),
    [
        (-30, Unit.DAYS, "2026-10-21 23:59:59"),
        (-1, Unit.WORKING_DAYS, "2026-11-19 23:59:59"),
        (2, Unit.WORKING_DAYS, "2026-11-24 23:59:59"),
        (-1, Unit.MONTHS, "2026-10-20 23:59:59"),
        (-12, Unit.HOURS, "2026-11-20 11:59:59"),
        (1, Unit.YEARS, "2027-11-20 23:59:59"),
    ],
)
def test_stages_lie_before_and_after_the_due_time(shift: int, unit: Unit, time: str) -> None:
    assert shifted(RULES.calendar, TZ, at("2026-11-20 23:59:59").astimezone(UTC), shift, unit) == at(time)


def test_days_keep_their_length_where_clocks_are_turned() -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    end = datetime(2026, 10, 31, 23, 59, 59, tzinfo=lisbon).astimezone(UTC)
    before = shifted(RULES.calendar, lisbon, end, -30, Unit.DAYS)
    assert before == datetime(2026, 10, 1, 23, 59, 59, tzinfo=lisbon)
    assert end - before == timedelta(days=30, hours=1)


def test_a_start_without_a_zone_is_refused() -> None:
    for unit in Unit:
        with pytest.raises(ValueError, match="aware"):
            RULES.count(datetime(2026, 1, 1), 1, unit)  # noqa: DTZ001 - that is the point


def test_the_end_of_a_day_is_that_of_the_profiles_zone() -> None:
    assert RULES.end_of(date(2026, 11, 20)) == datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)
    assert RULES.day_of(datetime(2026, 11, 20, 16, 0, tzinfo=UTC)) == date(2026, 11, 21)
