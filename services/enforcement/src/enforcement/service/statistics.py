"""What becomes of appeals, by the authority whose act each is against: for everybody, and nobody is named."""

from datetime import date, datetime

from enforcement.store import appeals
from enforcement.store.appeals import Counted
from shared.runtime.acts.periods import period
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def of_appeals(
    tx: Tx, rt: Runtime, *, authority: str | None, since: date | None, until: date | None
) -> tuple[datetime, datetime, list[Counted]]:
    """Appeals filed from the first day to the end of the last, in the profile's zone. Raises Invalid (422)."""
    begins, ends = period(rt, since, until)
    return begins, ends, await appeals.count(tx, authority, begins, ends)
