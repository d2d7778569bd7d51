"""The HTTP door: parse, call a verb, shape the answer."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Response, status
from fastapi.sse import EventSourceResponse, ServerSentEvent

from access_control import state
from access_control.bodies import NewKey, NewProvider, ReceiptBatch, ReceiptResults, Withdrawal
from access_control.lifecycle import Status
from access_control.service import feed, keys, orders, providers, receipts, withdraw
from access_control.service.feed import Asked
from access_control.service.orders import OrdersOf
from access_control.views import (
    FeedView,
    KeyView,
    OrderDetailView,
    OrderView,
    ProviderView,
    SnapshotView,
    StateView,
)
from shared.runtime.web.door import PUBLIC, Rt, Stopping, Who, router
from shared.runtime.web.paging import Page, Paging, page_of

JOSE: Final = "application/jose"
LARGEST_BATCH: Final = 64 * 1024 * 1024
"""Bytes: 1,000 receipts with long reasons fit."""
MOST_ORDERS: Final = 500
LONGEST_WAIT_S: Final = 60
TOP: Final = 2**63 - 1

acts = router(tags=["access-control"])
"""Acts of officials; a POST sent twice with one Idempotency-Key happens once."""
feeds = router(idempotent=False, tags=["providers' doors"])
"""What a provider reads and signs. Receipts carry their own identity, so they need no Idempotency-Key."""
routers: Final = (acts, feeds)

After = Annotated[int, Query(ge=0, le=TOP, description="Last sequence number you hold; 0 for none.")]
Sequence = Annotated[int, Path(ge=1, le=TOP)]


@acts.post("/providers", status_code=status.HTTP_201_CREATED)
async def register_provider(body: NewProvider, who: Who, rt: Rt) -> ProviderView:
    """Enter a provider (access desk, own province). Its feed and its two topics exist within seconds."""
    return ProviderView.of(await providers.register(rt, who, body))


@acts.get("/providers")
async def list_providers(who: Who, rt: Rt, paging: Paging) -> Page[ProviderView]:
    """Providers, newest first (officials)."""
    found = await providers.listed(rt, who, paging)
    return page_of(found, paging, ProviderView.of, lambda known: known.provider.id)


@acts.get("/providers/{provider_id}")
async def get_provider(provider_id: UUID, who: Who, rt: Rt) -> ProviderView:
    """A provider with its keys (officials; the provider itself)."""
    return ProviderView.of(await providers.get(rt, who, provider_id))


@acts.post("/providers/{provider_id}/keys", status_code=status.HTTP_201_CREATED)
async def add_key(provider_id: UUID, body: NewKey, who: Who, rt: Rt) -> KeyView:
    """Enter a public Ed25519 key the provider will sign receipts with (access desk, own province)."""
    return KeyView.of(await keys.add(rt, who, provider_id, body))


@acts.delete("/providers/{provider_id}/keys/{kid}")
async def revoke_key(provider_id: UUID, kid: str, who: Who, rt: Rt) -> KeyView:
    """Trust nothing this key signs from now on; it stays on record (access desk, own province)."""
    return KeyView.of(await keys.revoke(rt, who, provider_id, kid))


@acts.get("/orders")
async def list_orders(
    who: Who,
    rt: Rt,
    paging: Paging,
    status: Annotated[Status | None, Query()] = None,
    provider_id: UUID | None = None,
    site_id: UUID | None = None,
) -> Page[OrderView]:
    """Orders, newest first (officials; a provider names itself as `provider_id`)."""
    found = await orders.listed(rt, who, paging, OrdersOf(provider_id, site_id, status))
    return page_of(found, paging, OrderView.of, lambda order: order.id)


@acts.get("/orders/{order_id}")
async def get_order(order_id: UUID, who: Who, rt: Rt) -> OrderDetailView:
    """An order with its receipts (officials; its provider, once it was released)."""
    return OrderDetailView.with_receipts(await orders.get(rt, who, order_id))


@acts.post("/orders/{order_id}/withdrawal")
async def withdraw_order(order_id: UUID, body: Withdrawal, who: Who, rt: Rt) -> OrderView:
    """Take an order back inside its withdraw window (access desk, own province)."""
    return OrderView.of(await withdraw.withdraw(rt, who, order_id, body))


@acts.get("/.well-known/jwks.json", openapi_extra=PUBLIC)
async def order_signing_keys(rt: Rt, response: Response) -> dict[str, Any]:
    """Public keys orders are signed with, retired ones too (RFC 7517). No token needed."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return state.published_keys(rt)


@feeds.get("/providers/{provider_id}/orders")
async def read_orders(
    provider_id: UUID,
    who: Who,
    rt: Rt,
    stopping: Stopping,
    after: After = 0,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait if there is none.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ORDERS)] = 100,
) -> FeedView:
    """Signed orders after a place in the sequence, byte for byte as on Kafka; waits up to `wait` seconds for one.

    Sequence numbers have no gaps: if one is missing on your side, ask again from there. 409 `sequence_ahead`: you hold
    more than was given out, so compare `/state` and take a `/snapshot`.
    """
    return FeedView.of(await feed.read(rt, who, provider_id, Asked(after, limit, wait), stopping), after)


async def start_of(
    provider_id: UUID,
    who: Who,
    rt: Rt,
    after: After = 0,
    last_event_id: Annotated[
        int | None,
        Header(alias="Last-Event-ID", ge=0, le=TOP, description="Set by a reader that reconnects; wins over `after`."),
    ] = None,
) -> int:
    """Where a stream begins. What is to be refused is refused here, while there is a status code to say it with."""
    start = after if last_event_id is None else last_event_id
    await feed.may_follow(rt, who, provider_id, start)
    return start


@feeds.get("/providers/{provider_id}/orders/stream", response_class=EventSourceResponse)
async def stream_orders(
    provider_id: UUID, start: Annotated[int, Depends(start_of)], rt: Rt, stopping: Stopping
) -> AsyncIterator[ServerSentEvent]:
    """The feed as server-sent events: `id` is the sequence number, `data` the signed order.

    A comment is sent when nothing happens. The stream ends by itself after a while; reconnect with `Last-Event-ID`.
    """
    async for order in feed.follow(rt, provider_id, start, stopping):
        if order is None:
            yield ServerSentEvent(comment="still here")
        else:
            yield ServerSentEvent(id=str(order.sequence), event="order", raw_data=order.jws.decode("ascii"))


@feeds.get(
    "/providers/{provider_id}/orders/{sequence}",
    response_class=Response,
    responses={200: {"content": {JOSE: {"schema": {"type": "string"}}}, "description": "The signed bytes."}},
)
async def read_order(provider_id: UUID, sequence: Sequence, who: Who, rt: Rt) -> Response:
    """One signed order: the very bytes that went out, as `application/jose`."""
    return Response(await feed.one(rt, who, provider_id, sequence), media_type=JOSE)


@feeds.get("/providers/{provider_id}/state")
async def read_state(provider_id: UUID, who: Who, rt: Rt) -> StateView:
    r"""What is in force, in a few bytes, so that drift is found without sending the list.

    In force is every `cut_off` and `suspend` order that was released and that no released order takes back. `hash` is
    the SHA-256, in lower-case hexadecimal, over the lines `<order_id> <sequence>\n` (UTF-8, order id in lower case,
    one line per order) sorted by sequence number; with nothing in force it is the SHA-256 of no bytes.
    """
    return StateView.of(provider_id, await feed.state(rt, who, provider_id))


@feeds.get("/providers/{provider_id}/snapshot")
async def read_snapshot(provider_id: UUID, who: Who, rt: Rt) -> SnapshotView:
    """Every order in force, of one moment, with the hash that `/state` gives for it."""
    return SnapshotView.of(provider_id, await feed.snapshot(rt, who, provider_id))


@feeds.post("/providers/{provider_id}/receipts", max_body_size=LARGEST_BATCH)
async def sign_receipts(provider_id: UUID, body: ReceiptBatch, who: Who, rt: Rt) -> ReceiptResults:
    """Hand in up to 1,000 signed receipts; each gets a result, and one that is refused does not stop the others.

    Codes of refusals: `bad_signature`, `unknown_key`, `foreign_key`, `key_revoked`, `invalid` (with `fields`),
    `foreign_provider`, `unknown_order`, `foreign_order`, `sequence_mismatch`, `digest_mismatch`, `receipt_replayed`,
    `receipt_id_reused`, `already_executed`, `action_refused` (with `allowed_outcomes`). Every refusal is audited.
    """
    return ReceiptResults(results=await receipts.record_posted(rt, who, provider_id, body.receipts))
