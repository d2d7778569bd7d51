"""How soon providers stop hosting, and how soon they host again: for everybody, so that the way back is seen."""

from datetime import date, datetime

from access_control.store import statistics
from access_control.store.statistics import Counted
from shared.runtime.acts.periods import period
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def of_orders(
    tx: Tx, rt: Runtime, *, since: date | None, until: date | None
) -> tuple[datetime, datetime, list[Counted]]:
    """Orders issued from the first day to the end of the last, in the profile's zone. Raises Invalid (422)."""
    begins, ends = period(rt, since, until)
    seen = rt.rules.observations
    found = await statistics.count(tx, begins, ends, seen.least if seen is not None else 1, rt.clock.now())
    return begins, ends, found


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
