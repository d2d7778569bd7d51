"""Looking at orders: one with its receipts, or a list."""

from dataclasses import dataclass
from uuid import UUID

from access_control.errors import UnknownOrder
from access_control.lifecycle import Status
from access_control.policy import POLICY, Act
from access_control.store import orders as store
from access_control.store import receipts
from access_control.store.orders import AccessOrder
from access_control.store.receipts import RecordedReceipt
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.web.paging import PageQuery


@dataclass(frozen=True, slots=True)
class OrderWithReceipts:
    """An order and what its provider signed about it."""

    order: AccessOrder
    receipts: list[RecordedReceipt]


@dataclass(frozen=True, slots=True)
class OrdersOf:
    """Which orders are asked for; a provider may only ask for its own."""

    provider_id: UUID | None
    site_id: UUID | None
    status: Status | None

    @property
    def organisation(self) -> str:
        """The provider whose orders these are; empty if everybody's."""
        return str(self.provider_id) if self.provider_id else ""


async def get(rt: Runtime, who: Caller, order_id: UUID) -> OrderWithReceipts:
    """One order. 404, also for a provider that asks for an order it has not been sent; 403 for another provider."""
    async with rt.db.connection() as tx:
        order = await store.get(tx, order_id)
        if order is None:
            raise UnknownOrder(order=order_id)
        POLICY.require(who, Act.SEE_ORDER, order)
        if order.sequence is None and who.organisation == order.organisation:
            raise UnknownOrder(order=order_id)
        return OrderWithReceipts(order, await receipts.of_order(tx, order_id))


async def listed(rt: Runtime, who: Caller, query: PageQuery, which: OrdersOf) -> list[AccessOrder]:
    """Orders, newest first. 403 for a provider that does not ask for its own."""
    POLICY.require(who, Act.LIST_ORDERS, which)
    async with rt.db.connection() as tx:
        return await store.page(
            tx,
            query,
            status=which.status,
            provider_id=which.provider_id,
            site_id=which.site_id,
            released_only=bool(which.organisation) and who.organisation == which.organisation,
        )
