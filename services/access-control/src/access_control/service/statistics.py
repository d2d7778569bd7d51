"""How soon providers stop hosting, and how soon they host again: for everybody, so that the way back is seen."""

from datetime import date, datetime

from access_control.store import orders
from access_control.store.orders import Counted
from shared.runtime.acts.periods import period
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def of_orders(
    tx: Tx, rt: Runtime, *, since: date | None, until: date | None
) -> tuple[datetime, datetime, list[Counted]]:
    """Orders issued from the first day to the end of the last, in the profile's zone. Raises Invalid (422)."""
    begins, ends = period(rt, since, until)
    seen = rt.rules.observations
    return begins, ends, await orders.count(tx, begins, ends, seen.least if seen is not None else 1)
