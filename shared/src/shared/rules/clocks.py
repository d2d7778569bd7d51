"""What a clock counts, and when it runs out: pure arithmetic over the profile's calendar and zone."""

import calendar as solar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from shared.rules.calendar import Calendar
from shared.rules.row import Row


class Unit(StrEnum):
    """What a clock counts. Seconds, minutes and hours run from the moment; everything longer ends with its last day."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTHS = "months"
    YEARS = "years"
    DAY_OF_MONTH = "day_of_month"
    """The amount is a day: 20 is the next 20th after the day of the start, or the last day of a shorter month."""


BY_THE_MOMENT: Final = frozenset({Unit.SECONDS, Unit.MINUTES, Unit.HOURS})
Pause = tuple[datetime, datetime]
"""From when until when a clock stood still."""


class StageKind(StrEnum):
    """What a stage of a clock is for."""

    REMIND = "remind"
    """Somebody is told that the time runs out."""
    ESCALATE = "escalate"
    """Somebody above is told that it has run out."""


@dataclass(frozen=True, slots=True)
class Stage(Row):
    """Something that happens at a distance from the due time: before it (remind) or after it (escalate)."""

    name: str
    """Part of the kind of the deadline's row, e.g. remind_30; letters, digits and underscores."""
    kind: StageKind
    amount: int
    unit: Unit

    @property
    def shift(self) -> int:
        """The distance with its sign: negative is before the due time."""
        return -self.amount if self.kind is StageKind.REMIND else self.amount


@dataclass(frozen=True, slots=True)
class Clock(Row):
    """A statutory delay: so many units, from which source."""

    name: str
    amount: int
    unit: Unit
    source: str
    description: str
    carry_over: bool = False
    """Whether an end on a day off moves to the next working day."""
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """When a clock runs out. Every view that shows ``due_at`` shows ``provisional`` beside it."""

    due_at: datetime
    """Aware, UTC."""
    provisional: bool
    """Counted through a year whose working days are not published yet: the date may move."""
    source: str | None = None
    """Where the delay comes from, e.g. O33 §12; none for a window or a date that an act set."""
    stage: str = "due"
    """``due``, or the name of a stage of the clock."""


def counts_days_off(unit: Unit, *, carry_over: bool) -> bool:
    """Whether the calendar of working days has a say, so that another calendar may move the end."""
    return unit is Unit.WORKING_DAYS or (carry_over and unit not in BY_THE_MOMENT)


def due(
    calendar: Calendar,
    tz: ZoneInfo,
    start: datetime,
    amount: int,
    unit: Unit,
    *,
    carry_over: bool = False,
    pauses: Sequence[Pause] = (),
) -> Due:
    """When so many units after ``start`` are over.

    The day of the start never counts, nor does the day on which a clock goes on after a pause. Months and years end on
    the day of the same number, or on the last of a shorter month. Raises ValueError for a naive start.
    """
    if start.tzinfo is None:
        raise ValueError("a deadline needs an aware start")
    if unit in BY_THE_MOMENT:
        stood_still = sum((end - begin for begin, end in pauses), timedelta())
        return Due(start + timedelta(**{unit: amount}) + stood_still, provisional=False)
    first = start.astimezone(tz).date()
    if unit is Unit.WORKING_DAYS:
        amount += sum(calendar.working_days_between(begin, end, tz) for begin, end in pauses)
        end = calendar.add_working_days(start, amount, tz)
        return Due(end, calendar.is_provisional(start, end, tz))
    if unit is Unit.DAY_OF_MONTH:
        last = _next(first, amount)
    else:
        stood = sum((end.astimezone(tz).date() - begin.astimezone(tz).date()).days for begin, end in pauses)
        last = _later(first, amount, unit) + timedelta(days=stood)
    asked = last
    if carry_over:
        last = calendar.next_working_day(last)
    unsure = carry_over and not all(calendar.is_published(day.year) for day in (asked, last))
    return Due(calendar.end_of(last, tz), unsure)


def shifted(calendar: Calendar, tz: ZoneInfo, due_at: datetime, shift: int, unit: Unit) -> datetime:
    """The time of a stage: so many units after the due time, before it if negative. Days keep the time of day."""
    if unit in BY_THE_MOMENT:
        return due_at + timedelta(**{unit: shift})
    local = due_at.astimezone(tz)
    day = local.date()
    if unit is Unit.WORKING_DAYS:
        step = timedelta(days=1 if shift > 0 else -1)
        left = abs(shift)
        while left:
            day += step
            left -= calendar.is_working_day(day)
    else:
        day = _later(day, shift, unit)
    return datetime.combine(day, local.timetz()).astimezone(due_at.tzinfo)


def _later(day: date, amount: int, unit: Unit) -> date:
    if unit is Unit.DAYS:
        return day + timedelta(days=amount)
    months = day.year * 12 + day.month - 1 + amount * (12 if unit is Unit.YEARS else 1)
    year, month = divmod(months, 12)
    return _day_in(year, month + 1, day.day)


def _next(day: date, number: int) -> date:
    """The next day of the month with this number, after ``day``."""
    this = _day_in(day.year, day.month, number)
    return this if this > day else _day_in(day.year + day.month // 12, day.month % 12 + 1, number)


def _day_in(year: int, month: int, number: int) -> date:
    return date(year, month, min(number, solar.monthrange(year, month)[1]))
