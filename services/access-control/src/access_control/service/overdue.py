"""Overdue: the statutory delay passed without a receipt that says the order is carried out."""

from uuid import UUID

from access_control.lifecycle import RUNNING
from access_control.service import facts, trail
from access_control.service.release import SYSTEM
from access_control.store import orders
from shared.runtime.acts import outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def mark_overdue(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """Flag the order and tell everybody. The order stands as it stood: nothing is ordered twice."""
    if await orders.lock(tx, order_id) is None:
        return
    order = await orders.mark_overdue(tx, order_id, running=sorted(RUNNING), at=rt.clock.now())
    if order is None:
        return
    trail.moved(rt, tx, order, "overdue", before=order.status, who=SYSTEM, why="The delay for carrying it out passed.")
    outbox.add(tx, facts.overdue(order), at=rt.clock.now())
