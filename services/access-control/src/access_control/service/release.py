"""Release: number an order under its provider's lock, sign it once, start its clock, and put the bytes on their way."""

from datetime import datetime
from uuid import UUID

from access_control import document
from access_control.lifecycle import LIFECYCLE, Move, Status
from access_control.service import facts, trail
from access_control.state import active_signer
from access_control.store import feed, orders, providers
from access_control.store.orders import AccessOrder
from shared.contracts.orders import ORDER_TYPE, Order
from shared.contracts.topics import orders_topic
from shared.runtime.acts import deadlines, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.at_commit import notify_at_commit
from shared.runtime.db.postgres import Tx

RELEASE_WINDOW = "release"
"""Kind of deadline: the withdraw window."""
EXECUTION = "execute"
"""Kind of deadline: the statutory delay of the provider."""
SYSTEM = Caller.system("access-control")


async def release(rt: Runtime, tx: Tx, draft: AccessOrder, *, why: str) -> AccessOrder:
    """Send out an order whose row is locked. The provider's row stays locked to the end, so its sequence has no gap.

    Lock orders before their providers, and providers in the order of their ids. Raises ActionRefused (409).
    """
    LIFECYCLE.after(draft.status, Move.RELEASE)
    now = rt.clock.now()
    sequence = await providers.next_sequence(tx, draft.provider_id)
    execute_by = await deadlines.start(
        tx, kind=EXECUTION, aggregate_id=draft.id, clock_name=f"execute_{draft.action}", rt=rt, at=now
    )
    complete = _complete(rt, draft, sequence=sequence, issued_at=now, execute_by=execute_by.due_at)
    signed = document.signed(complete, active_signer(rt))
    released = orders.release(tx, draft, signed)
    trail.moved(rt, tx, released, Move.RELEASE, before=draft.status, who=SYSTEM, why=why)
    outbox.add_raw(
        tx,
        topic=orders_topic(draft.provider_id).name,
        key=str(draft.site_id),
        type=ORDER_TYPE,
        value=signed.jws,
        event_id=uuid7(),
        at=now,
    )
    outbox.add(tx, facts.released(released), at=now)
    notify_at_commit(tx, feed.CHANNEL, str(draft.provider_id))
    return released


def _complete(rt: Runtime, draft: AccessOrder, *, sequence: int, issued_at: datetime, execute_by: datetime) -> Order:
    """The document, with its place in the sequence and its times."""
    return Order(
        order_id=draft.id,
        sequence=sequence,
        provider_id=draft.provider_id,
        action=draft.action,
        issuer=document.ISSUER,
        region=draft.region,
        registration_id=draft.registration_id,
        decision_id=draft.decision_id,
        issued_at=issued_at,
        execute_by=execute_by,
        undoes=draft.undoes,
        register_entry=document.register_entry(rt.settings.public_url, draft.content.registration_number),
        **dict(draft.content),
    )


async def release_due(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """The withdraw window closed: release the order unless it was withdrawn meanwhile."""
    order = await orders.lock(tx, order_id)
    if order is not None and order.status == Status.DRAFTED:
        await release(rt, tx, order, why="The withdraw window closed.")
