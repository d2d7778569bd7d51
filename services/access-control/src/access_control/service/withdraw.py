"""Withdraw: take an order back inside its window, before its provider has seen it (safeguard 4)."""

from uuid import UUID

from access_control.bodies import Withdrawal
from access_control.errors import UnknownOrder
from access_control.lifecycle import LIFECYCLE, Move
from access_control.policy import POLICY, Act
from access_control.service import facts, trail
from access_control.service.release import RELEASE_WINDOW
from access_control.store import orders
from access_control.store.orders import AccessOrder
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx


async def withdraw(rt: Runtime, who: Caller, order_id: UUID, body: Withdrawal) -> AccessOrder:
    """Take an order back. 404; 403; 409 action_refused once it was released or withdrawn."""
    async with rt.db.transaction() as tx:
        order = await orders.lock(tx, order_id)
        if order is None:
            raise UnknownOrder(order=order_id)
        POLICY.require(who, Act.WITHDRAW_ORDER, order)
        return await take_back(rt, tx, order, who=who, why=body.reasons)


async def take_back(rt: Runtime, tx: Tx, order: AccessOrder, *, who: Caller, why: str) -> AccessOrder:
    """Withdraw an order whose row is locked. Raises ActionRefused (409)."""
    now = rt.clock.now()
    after = LIFECYCLE.after(order.status, Move.WITHDRAW)
    withdrawn = orders.move(tx, order, after, now)
    trail.moved(rt, tx, withdrawn, Move.WITHDRAW, before=order.status, who=who, why=why)
    await deadlines.met(tx, kind=RELEASE_WINDOW, aggregate_id=order.id, at=now)
    outbox.add(tx, facts.withdrawn(withdrawn, why), at=now)
    return withdrawn
