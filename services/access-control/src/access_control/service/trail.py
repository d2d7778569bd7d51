"""What every move of an order leaves behind: a history row."""

from access_control.lifecycle import Move, Status
from access_control.store.orders import AccessOrder
from shared.runtime import history
from shared.runtime.context import Caller, Runtime
from shared.runtime.postgres import Tx

AGGREGATE = "order"


async def moved(
    rt: Runtime, tx: Tx, order: AccessOrder, move: Move | str, *, before: Status | None, who: Caller, why: str
) -> None:
    """Record that an order moved to where it stands now."""
    await history.add(
        tx,
        aggregate=AGGREGATE,
        aggregate_id=order.id,
        action=str(move),
        from_status=before,
        to_status=order.status,
        who=who,
        why=why,
        at=rt.clock.now(),
    )
