"""How soon providers stop hosting, and how soon they host again: for everybody, so that the way back is seen."""

from datetime import date, timedelta
from typing import Final

from access_control.service import state
from access_control.service.kept_counts import Counts, Period
from access_control.store.statistics import Counted
from shared.runtime.acts.periods import FIRST, period
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.problems import Invalid

YEAR: Final = timedelta(days=365)
"""The longest period from the first day to the last; where no first day is given, the usual one."""


async def of_orders(rt: Runtime, *, since: date | None, until: date | None) -> Counts:
    """Orders issued from the first day to the end of the last, in the profile's zone: the last year if none is given.

    They are counted once in some minutes. Raises Invalid (422), also for more than a year; TooManyPeriods (429).
    """
    today = rt.rules.day_of(rt.clock.now())
    last = min(until or today, today)
    first = since or (FIRST if last < FIRST + YEAR else last - YEAR)
    begins, ends = period(rt, first, last if until is not None and first <= today else None)
    if last - first > YEAR:
        raise Invalid.field("since", f"must be at most {YEAR.days} days before the last day")
    return await state.counts_of(rt).of(rt, Period(begins, ends), usual=since is None and until is None)


def slower(counted: Counted) -> bool | None:
    """Whether sites come back later than they went: half of them later, or a larger part not in its time.

    None: too little is done, or has lasted, to tell.
    """
    asked = max(counted.stops - counted.stops_over, 1)
    if counted.restores_not_done_in_time * asked > counted.stops_not_done_in_time * counted.restores:
        return True
    there, back = counted.stops_half_done_minutes, counted.restores_half_done_minutes
    if there is None:
        return None
    if back is not None:
        return back > there
    waits = counted.restores_longest_wait_minutes  # more than half of those that were out so long are not done
    return True if waits is not None and waits > there else None
