"""Release: number an order under its provider's lock, sign it once, start its clock, and put the bytes on their way."""

from uuid import UUID

from access_control import document, facts
from access_control.lifecycle import LIFECYCLE, Move, Status
from access_control.service import trail
from access_control.state import active_signer
from access_control.store import feed, orders, providers
from access_control.store.orders import AccessOrder
from shared.contracts.orders import ORDER_TYPE
from shared.contracts.topics import orders_topic
from shared.runtime import deadlines, outbox
from shared.runtime.context import Caller, Runtime
from shared.runtime.ids import uuid7
from shared.runtime.postgres import Tx

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
    signed = document.sign(
        draft,
        sequence=sequence,
        issued_at=now,
        execute_by=execute_by,
        public_url=rt.settings.public_url,
        signer=active_signer(rt),
    )
    released = await orders.release(tx, draft.id, signed)
    if released is None:
        raise LIFECYCLE.refusal(draft.status, Move.RELEASE)
    await trail.moved(rt, tx, released, Move.RELEASE, before=draft.status, who=SYSTEM, why=why)
    await outbox.add_raw(
        tx,
        topic=orders_topic(draft.provider_id).name,
        key=str(draft.site_id),
        type=ORDER_TYPE,
        value=signed.jws,
        event_id=uuid7(),
        at=now,
    )
    await outbox.add(tx, facts.released(released), at=now)
    await feed.notify(tx, draft.provider_id)
    return released


async def release_due(rt: Runtime, tx: Tx, order_id: UUID) -> None:
    """The withdraw window closed: release the order unless it was withdrawn meanwhile."""
    order = await orders.lock_now(tx, order_id)
    if order is not None and order.status == Status.DRAFTED:
        await release(rt, tx, order, why="The withdraw window closed.")
