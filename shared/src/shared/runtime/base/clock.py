"""Time comes from a clock that is handed in, so that a test can say what time it is."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    def of_database(self, told: datetime) -> datetime:
        """What the database's clock shows when it tells this time."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)

    def of_database(self, told: datetime) -> datetime:
        """What it tells."""
        return told


class FixedClock:
    """A clock that stands still until it is told to move on."""

    def __init__(self, at: datetime, *, alone: bool = False) -> None:
        """``alone``: the database goes by its own clock; otherwise the test's time is the database's time too."""
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware time")
        self._at = at.astimezone(UTC)
        self._alone = alone

    def now(self) -> datetime:
        """The time it was last set to."""
        return self._at

    def of_database(self, told: datetime) -> datetime:
        """The same time as here, unless this clock is alone."""
        return told if self._alone else self._at

    def advance(self, by: timedelta) -> datetime:
        """Move on, and say the new time."""
        self._at += by
        return self._at
