"""Orders, what their issuers do about them, and the keys they are signed with."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from access_control import views
from access_control.service import orders, probing, state, statistics
from shared.contracts.http import access as wire
from shared.contracts.http.observed import ObservedView
from shared.runtime.web.door import PUBLIC, Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["orders"])


@ROUTER.get("/orders")
async def list_orders(
    who: Who,
    rt: Rt,
    paging: Paging,
    status: Annotated[wire.OrderStatus | None, Query()] = None,
    provider_id: UUID | None = None,
    site_id: UUID | None = None,
    execution_id: UUID | None = None,
) -> Page[wire.OrderView]:
    """Orders the caller reaches, newest first (officials of the provinces concerned; a provider: its own, once out)."""
    async with rt.db.transaction() as tx:
        found = await orders.page(
            tx, rt, who, paging, status=status, provider_id=provider_id, site_id=site_id, execution_id=execution_id
        )
    return page_of(found, paging, lambda seen: views.of_order(who, seen), lambda seen: seen.order.id)


@ROUTER.get("/orders/statistics", openapi_extra=PUBLIC)
async def count_orders(
    rt: Rt, response: Response,
    since: Annotated[
        date | None, Query(description="Issued on this day or later; 365 days before the last day at most, and if none "
        "is given")
    ] = None,
    until: Annotated[date | None, Query(description="Issued on this day or before; today if none is given")] = None,
) -> wire.OrderStatistics:  # fmt: skip
    """What each provider stopped hosting and hosted again, what it did not, and how soon, as recorded here. No token.

    `way_back_slower`: sites come back later than they went; what never came back counts. No site, no person is named.
    Counted once in five minutes (`as_of`); 429 where many other periods than the last year were asked for within them.
    """
    response.headers["Cache-Control"] = "public, max-age=300"
    return views.of_statistics(await statistics.of_orders(rt, since=since, until=until))


@ROUTER.get("/orders/{order_id}")
async def get_order(order_id: UUID, who: Who, rt: Rt) -> wire.OrderDetailView:
    """An order with its receipts (officials of the provinces concerned; its provider, once it was released)."""
    async with rt.db.transaction() as tx:
        return views.of_order_with_receipts(who, await orders.get(tx, rt, who, order_id))


@ROUTER.get("/orders/{order_id}/observed")
async def get_observed(order_id: UUID, who: Who, rt: Rt) -> ObservedView:
    """What its provider signed beside what was seen (who reads the order; the operator whose site it is).

    It orders nothing and enters no record; of what was served nothing was read.
    """
    async with rt.db.transaction() as tx:
        return views.of_observed(await probing.get(tx, rt, who, order_id))


@ROUTER.post("/orders/{order_id}/withdrawal")
async def withdraw_order(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Take an order back before its provider has seen it (its issuer)."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.withdraw(tx, rt, who, order_id, reasons=body.reasons))


@ROUTER.post("/orders/{order_id}/reissue-request")
async def ask_reissue(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Ask that a withdrawn order be sent again (its issuer; another person than took it back)."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.ask_reissue(tx, rt, who, order_id, reasons=body.reasons))


@ROUTER.post("/orders/{order_id}/reissue", status_code=201)
async def reissue_order(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Send a withdrawn order again (its issuer; neither who took it back nor who asked). Answers with the new order."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.reissue(tx, rt, who, order_id, reasons=body.reasons))


@ROUTER.post("/orders/{order_id}/answer")
async def answer_order(order_id: UUID, body: wire.OrderAnswer, who: Who, rt: Rt) -> wire.OrderView:
    """Answer a provider that objects or cannot (its issuer).

    `upheld`: a restore goes out and the measure goes back to its case; `rejected`: the clock goes on; `accepted`: it is
    impossible, and nothing more is expected.
    """
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.answer(tx, rt, who, order_id, body))


@ROUTER.post("/orders/{order_id}/escalation")
async def escalate_order(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Tell everybody a second time that an overdue order is not carried out (its issuer)."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.escalate(tx, rt, who, order_id, reasons=body.reasons))


@ROUTER.get("/.well-known/jwks.json", openapi_extra=PUBLIC)
async def order_signing_keys(rt: Rt, response: Response) -> dict[str, Any]:
    """Public keys orders are signed with, retired ones too (RFC 7517); `organisation` says whose. No token needed."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return state.published_keys(rt)
