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
    last = until or rt.rules.day_of(rt.clock.now())
    first = since or FIRST
    if last < first and until is None:
        raise Invalid.field("since", "must not lie ahead")
    if last < first:
        raise Invalid.field("until", "must not be before since")
    begins = datetime.combine(first, time(), rt.rules.time_zone)
    return begins, datetime.combine(last + timedelta(days=1), time(), rt.rules.time_zone)
