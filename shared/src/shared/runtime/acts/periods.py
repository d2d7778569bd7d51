"""The time from the first of some days to the end of the last, as statistics are asked for."""

from datetime import date, datetime, time, timedelta
from typing import Final

from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.problems import Invalid

FIRST: Final = date(1990, 1, 1)
"""Before it nothing was done here."""


def period(rt: Runtime, since: date | None, until: date | None) -> tuple[datetime, datetime]:
    """When the first day begins and the day after the last one, in the profile's zone; until today if none is given.

    Raises Invalid (422).
    """
    today, first = rt.rules.day_of(rt.clock.now()), since or FIRST
    if first > today:
        raise Invalid.field("since", "must not lie ahead")
    if until is not None and until < first:
        raise Invalid.field("until", "must not be before since")
    last = min(until or today, today)  # what lies ahead is empty, and the last of all days has none after it
    begins = datetime.combine(first, time(), rt.rules.time_zone)
    return begins, datetime.combine(last + timedelta(days=1), time(), rt.rules.time_zone)
