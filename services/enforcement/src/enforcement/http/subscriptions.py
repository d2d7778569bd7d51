"""Subscriptions to a name: asked for, shown, ended."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from enforcement import views
from enforcement.errors import CodeWrong
from enforcement.service import subscriptions
from shared.contracts.http import subscriptions as wire
from shared.runtime.web.door import Rt, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

ROUTER: Final[APIRouter] = router(prefix="/name-subscriptions", tags=["name subscriptions"])
CODES: Final[APIRouter] = router(idempotent=False, prefix="/name-subscriptions", tags=["name subscriptions"])
"""A wrong code is refused and counted all the same, so nothing is taken back with the refusal."""


@ROUTER.post("", status_code=201)
async def subscribe(rt: Rt, who: Who, body: wire.NewSubscription, response: Response) -> wire.SubscriptionView:
    """Ask to hear, by mail or webhook, of every act about a name. The answer says how to show that it is yours.

    Nobody need know you here: the owner of a found site may ask too. What comes is a copy, from which no time runs.
    """
    async with rt.db.transaction() as tx:
        shown = await subscriptions.subscribe(tx, rt, who, body)
    response.headers["Location"] = f"/name-subscriptions/{shown.subscription.id}"
    return views.of_subscription(who, shown)


@ROUTER.get("")
async def list_subscriptions(rt: Rt, who: Who, paging: Paging) -> Page[wire.SubscriptionView]:
    """Your subscriptions, newest first, ended ones too."""
    async with rt.db.connection() as tx:
        found = await subscriptions.page(tx, who, after=paging.after, limit=paging.fetch)
    return page_of(found, paging, lambda each: views.of_subscription(who, each), lambda each: each.subscription.id)


@ROUTER.get("/{subscription_id}")
async def read_subscription(rt: Rt, who: Who, subscription_id: UUID) -> wire.SubscriptionView:
    """A subscription: whether the name shows that it is yours, what was missing, and when it is looked at next."""
    async with rt.db.connection() as tx:
        return views.of_subscription(who, await subscriptions.get(tx, who, subscription_id))


@ROUTER.post("/{subscription_id}/look")
async def look(rt: Rt, who: Who, subscription_id: UUID) -> wire.SubscriptionView:
    """Have the name looked at now, a moment after this answer."""
    async with rt.db.transaction() as tx:
        return views.of_subscription(who, await subscriptions.look(tx, rt, who, subscription_id))


@ROUTER.post("/{subscription_id}/code")
async def send_code(rt: Rt, who: Who, subscription_id: UUID) -> wire.SubscriptionView:
    """Have another code mailed to the address; the one before counts no more. There is an end to how many in a day."""
    async with rt.db.transaction() as tx:
        return views.of_subscription(who, await subscriptions.send_code(tx, rt, who, subscription_id))


@CODES.post("/{subscription_id}/confirmation")
async def confirm_address(rt: Rt, who: Who, subscription_id: UUID, body: wire.Code) -> wire.SubscriptionView:
    """Enter the code that was mailed to the address: only then is it told anything.

    A wrong one is counted (422 `code_wrong`); after five, or an hour, have another one sent.
    """
    async with rt.db.transaction() as tx:
        confirmed = await subscriptions.confirm(tx, rt, who, subscription_id, body.code)
    if confirmed is None:
        raise CodeWrong.field("code", "is another one than was mailed")
    return views.of_subscription(who, confirmed)


@ROUTER.post("/{subscription_id}/end")
async def end(rt: Rt, who: Who, subscription_id: UUID) -> wire.SubscriptionView:
    """Hear no more."""
    async with rt.db.transaction() as tx:
        return views.of_subscription(who, await subscriptions.end(tx, rt, who, subscription_id))
