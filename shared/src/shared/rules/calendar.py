"""Working days, from a versioned table; years not yet published are provisional."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_FOLDER: Final = Path(__file__).parent / "calendars"
_DAY: Final = timedelta(days=1)
_LAST_SECOND: Final = time(23, 59, 59)


class UnknownCalendar(LookupError):
    """There is no calendar of this version."""


@dataclass(frozen=True)
class Calendar:
    """Which days are working days. Years outside the table count as provisional: weekends and fixed holidays only."""

    version: str
    digest: str
    """SHA-256 of the table, so that an edited file is not taken for the published one."""
    years: Mapping[int, str]
    """Status of each year in the table: published or provisional."""
    holidays: frozenset[date]
    """Days off that fall on a weekday."""
    working_weekends: frozenset[date]
    """Saturdays and Sundays that are worked to make up for a long holiday."""
    fixed_holidays: frozenset[tuple[int, int]]
    """Month and day of the holidays that fall on the same date every year: all that is known of an unpublished one."""

    @classmethod
    def load(cls, version: str, folder: Path = _FOLDER) -> "Calendar":
        """Read the calendar of this version, once per process. Raises UnknownCalendar."""
        return _load(version, folder)

    def is_published(self, year: int) -> bool:
        """Whether the State Council has announced this year's holidays, as far as the table knows."""
        return self.years.get(year) == "published"

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on this day."""
        if day.weekday() >= 5:
            return day in self.working_weekends
        if self.is_published(day.year):
            return day not in self.holidays
        return (day.month, day.day) not in self.fixed_holidays

    def end_of(self, day: date, tz: ZoneInfo) -> datetime:
        """The last second of a day, in UTC."""
        return datetime.combine(day, _LAST_SECOND, tz).astimezone(UTC)

    def add_working_days(self, start: datetime, n: int, tz: ZoneInfo) -> datetime:
        """The last second (in UTC) of the n-th working day after the day of ``start``, which itself never counts."""
        return self.end_of(self.last_day(start, n, tz), tz)

    def last_day(self, start: datetime, n: int, tz: ZoneInfo) -> date:
        """The date of the n-th working day after the day of ``start``."""
        if start.tzinfo is None:
            raise ValueError("a deadline needs an aware start")
        if n < 1:
            raise ValueError("a delay is at least one working day")
        day = start.astimezone(tz).date()
        while n:
            day += _DAY
            n -= self.is_working_day(day)
        return day

    def next_working_day(self, day: date) -> date:
        """This day, or the first working day after it."""
        while not self.is_working_day(day):
            day += _DAY
        return day

    def working_days_between(self, start: datetime, end: datetime, tz: ZoneInfo) -> int:
        """Working days after the day of ``start``, up to and with the day of ``end``; 0 if ``end`` is not later."""
        first, last = start.astimezone(tz).date(), end.astimezone(tz).date()
        return sum(self.is_working_day(first + _DAY * i) for i in range(1, (last - first).days + 1))

    def is_provisional(self, start: datetime, end: datetime, tz: ZoneInfo) -> bool:
        """Whether a count from ``start`` to ``end`` touched a year that is not published yet."""
        years = range(start.astimezone(tz).year, end.astimezone(tz).year + 1)
        return not all(self.is_published(year) for year in years)


@cache
def _load(version: str, folder: Path) -> Calendar:
    file = folder / f"{version}.toml"
    if not version.replace("-", "").replace(".", "").isalnum() or not file.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.toml")))
        raise UnknownCalendar(f"there is no working-day calendar {version!r}; known: {known}")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    fixed = frozenset((int(day[:2]), int(day[3:])) for day in data["fixed_holidays"])
    digest = hashlib.sha256(repr((sorted(fixed), sorted(data["years"].items()))).encode()).hexdigest()
    holidays, worked, status = set[date](), set[date](), dict[int, str]()
    for name, year in data["years"].items():
        status[int(name)] = year["status"]
        holidays.update(_days(name, year["holidays"]))
        worked.update(_days(name, year["working_weekends"]))
    return Calendar(data["version"], digest, status, frozenset(holidays), frozenset(worked), fixed)


def _days(year: str, days: list[str]) -> list[date]:
    return [date.fromisoformat(f"{year}-{day}") for day in days]
