"""Orders posted to an address of the provider's: the same bytes in the same order, one after the other, until taken.

Nothing rests on it: whoever reads the feed as well sees the same, and the order itself says whether to believe it.
"""

import asyncio
import random
import time
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final
from uuid import UUID

import httpx
import structlog

from access_control.errors import BadWebhook, NoWebhook, SequenceAhead, TooManyAddresses
from access_control.policy import POLICY, Act
from access_control.service.feed import FeedOf
from access_control.service.state import webhooks_of
from access_control.store import feed, providers
from access_control.store import webhooks as store
from access_control.store.webhooks import Webhook
from shared.runtime.acts import audit, deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import DATABASE_ERRORS, Tx
from shared.runtime.post import webhook
from shared.runtime.post.outside import NotOutside, addresses_of, client, place_of

POLL_S: Final = 0.5
AT_ONCE: Final = 20
"""Providers whose addresses are asked side by side."""
IN_A_ROW: Final = 50
"""Orders to one address before others have their turn."""
TURN_S: Final = 60.0
"""How long one address has its turn."""
LEASE: Final = timedelta(minutes=2)
"""How long an address is left to the process that took it up: longer than a turn and the slowest try."""
LONGEST_S: Final = 600.0
"""Between two tries. It is never given up: a restore may wait there."""
LOOK_UP_S: Final = 5.0
MEDIA_TYPE: Final = "application/jose"
_log = structlog.get_logger(__name__)


async def put(rt: Runtime, who: Caller, provider_id: UUID, *, url: str, after: int) -> Webhook:
    """Post what comes after this place to this address; it takes the place of any before.

    Raises UnknownProvider (404), Forbidden (403), BadWebhook (422), SequenceAhead (409), TooManyAddresses (429).
    """
    _allowed(who, provider_id)
    if wait := webhooks_of(rt).take(str(provider_id)):
        raise TooManyAddresses(retry_after=wait)
    private = rt.settings.webhooks_private
    try:
        place = place_of(url, private=private)
        if not private and place.port not in {None, 443}:
            raise BadWebhook.field("url", "no other port than 443 is asked")
        async with asyncio.timeout(LOOK_UP_S):
            await addresses_of(place, private=private)
    except TimeoutError:
        raise BadWebhook.field("url", "its name is not resolved in time: try again") from None
    except NotOutside as refused:
        raise BadWebhook.field("url", str(refused)) from refused
    at = await deadlines.time_of(rt)
    async with rt.db.transaction() as tx:
        head = (await providers.get(tx, provider_id)).head
        if after > head:
            raise SequenceAhead(after=after, head=head)
        await store.put(tx, provider_id, url, after, by=who.person, at=at)
        await _note(tx, who, provider_id, at)
        return await _found(tx, provider_id)


async def get(rt: Runtime, who: Caller, provider_id: UUID) -> Webhook:
    """Where a provider's orders are posted, and how that goes. Raises NoWebhook (404), Forbidden (403)."""
    _allowed(who, provider_id)
    async with rt.db.connection() as tx:
        return await _found(tx, provider_id)


async def delete(rt: Runtime, who: Caller, provider_id: UUID) -> None:
    """Post nothing any more; done again it changes nothing. Raises Forbidden (403)."""
    _allowed(who, provider_id)
    async with rt.db.transaction() as tx:
        await store.delete(tx, provider_id)
        await _note(tx, who, provider_id, rt.clock.now())


async def _note(tx: Tx, who: Caller, provider_id: UUID, at: datetime) -> None:
    """Who had a token when it was set: a stolen one leaves a trace."""
    resource = f"/providers/{provider_id}/webhook"
    await audit.record(tx, who=who, act=Act.SET_WEBHOOK, resource=resource, outcome="granted", at=at)


async def _found(tx: Tx, provider_id: UUID) -> Webhook:
    found = await store.get(tx, provider_id)
    if found is None:
        raise NoWebhook(provider_id=provider_id)
    return found


def _allowed(who: Caller, provider_id: UUID) -> None:
    POLICY.require(who, Act.SET_WEBHOOK, FeedOf(str(provider_id)))


async def post(rt: Runtime) -> None:
    """Post what is due for as long as the process lives; any number of processes may."""
    under_way = set[asyncio.Task[None]]()
    try:
        async with client(AT_ONCE) as http:
            while True:
                begun = await begin(rt, http, AT_ONCE - len(under_way))
                for task in begun:
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                if not begun:
                    await asyncio.sleep(POLL_S)
    finally:
        for task in under_way:
            task.cancel()


async def begin(rt: Runtime, http: httpx.AsyncClient, most: int) -> list[asyncio.Task[None]]:
    """Begin to post to so many addresses that something is due for: each for itself, so that none waits for another."""
    if most <= 0:
        return []
    try:
        at = await deadlines.time_of(rt)
        async with rt.db.transaction() as tx:
            due = await store.take(tx, at, at + LEASE, most)
    except DATABASE_ERRORS as error:
        _log.warning("webhooks.database_away", error=repr(error))
        return []
    return [asyncio.create_task(_turn(rt, http, hook)) for hook in due]


async def _turn(rt: Runtime, http: httpx.AsyncClient, hook: Webhook) -> None:
    try:
        await _post(rt, http, hook)
    except Exception as error:  # its lease runs out, and it is tried again; others go on
        _log.warning("webhooks.interrupted", provider_id=str(hook.provider_id), error=repr(error))


async def _post(rt: Runtime, http: httpx.AsyncClient, hook: Webhook) -> None:
    """One order after the other; the next one only once this one was taken."""
    async with rt.db.connection() as tx:
        page = await feed.orders_after(tx, hook.provider_id, after=hook.after, limit=IN_A_ROW)
    assert page is not None, "whoever has an address is a provider"
    until, failures = time.monotonic() + TURN_S, hook.attempts
    for order in takewhile(lambda _: time.monotonic() < until, page.orders):
        headers = {"content-type": MEDIA_TYPE, "concord-sequence": str(order.sequence)}
        try:
            await webhook.post(http, hook.url, order.jws, headers, private=rt.settings.webhooks_private)
        except webhook.WebhookRefused as refused:
            await _later(rt, hook, failures, str(refused))
            return
        at, failures = await deadlines.time_of(rt), 0
        async with rt.db.transaction() as tx:
            if not await store.took(tx, hook, order.sequence, at):
                return
    at = await deadlines.time_of(rt)
    async with rt.db.transaction() as tx:
        await store.again(tx, hook, at, failed=False, error=None)


async def _later(rt: Runtime, hook: Webhook, failures: int, why: str) -> None:
    _log.warning("webhooks.refused", provider_id=str(hook.provider_id), error=why)
    pause = min(2.0 ** min(failures, 20), LONGEST_S) * random.uniform(0.5, 1)  # noqa: S311 - spreads tries
    again = await deadlines.time_of(rt) + timedelta(seconds=pause)
    async with rt.db.transaction() as tx:
        await store.again(tx, hook, again, failed=True, error=why[:500].replace("\0", ""))
