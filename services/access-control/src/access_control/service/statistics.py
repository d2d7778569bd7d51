"""How soon providers stop hosting, and how soon they host again: for everybody, so that the way back is seen."""

from datetime import date, datetime, time, timedelta
from typing import Final

from access_control.store import orders
from access_control.store.orders import Counted
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.problems import Invalid
from shared.runtime.db.postgres import Tx

FIRST: Final = date(1990, 1, 1)
"""Before it nothing was ordered here."""


async def of_orders(
    tx: Tx, rt: Runtime, *, since: date | None, until: date | None
) -> tuple[datetime, datetime, list[Counted]]:
    """Orders issued from the first day to the end of the last, in the profile's zone. Raises Invalid (422)."""
    last = until or rt.rules.day_of(rt.clock.now())
    first = since or FIRST
    if last < first:
        raise Invalid.field("until", "must not be before since")
    begins = datetime.combine(first, time(), rt.rules.time_zone)
    ends = datetime.combine(last + timedelta(days=1), time(), rt.rules.time_zone)
    return begins, ends, await orders.count(tx, begins, ends)
