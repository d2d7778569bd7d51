"""What a provider reads: its orders in sequence, and what is in force."""

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from access_control import views
from access_control.service import feed, webhooks
from access_control.service.feed import Asked
from shared.contracts.http import access as wire
from shared.contracts.http.webhooks import NewWebhook, WebhookView
from shared.runtime.web.door import Rt, Stopping, Who, router

JOSE: Final = "application/jose"
MOST_ORDERS: Final = 500
LONGEST_WAIT_S: Final = 60
TOP: Final = 2**63 - 1
ROUTER: Final[APIRouter] = router(idempotent=False, tags=["providers' doors"])

After = Annotated[int, Query(ge=0, le=TOP, description="Last sequence number you hold; 0 for none.")]
Sequence = Annotated[int, Path(ge=1, le=TOP)]


@ROUTER.get("/providers/{provider_id}/orders")
async def read_orders(
    provider_id: UUID,
    who: Who,
    rt: Rt,
    stopping: Stopping,
    after: After = 0,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait if there is none.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ORDERS)] = 100,
) -> wire.FeedView:
    """Signed orders after a place in the sequence, byte for byte as on Kafka; waits up to `wait` seconds for one.

    Sequence numbers have no gaps: if one is missing on your side, ask again from there. 409 `sequence_ahead`: you hold
    more than was given out, so compare `/state` and take a `/snapshot`.
    """
    asked = Asked(after, limit, wait)
    return views.of_feed(await feed.read(rt, who, provider_id, asked, stopping), asked)


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


@ROUTER.get("/providers/{provider_id}/orders/stream", response_class=EventSourceResponse)
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


@ROUTER.get(
    "/providers/{provider_id}/orders/{sequence}",
    response_class=Response,
    responses={200: {"content": {JOSE: {"schema": {"type": "string"}}}, "description": "The signed bytes."}},
)
async def read_order(provider_id: UUID, sequence: Sequence, who: Who, rt: Rt) -> Response:
    """One signed order: the very bytes that went out, as `application/jose`."""
    return Response(await feed.one(rt, who, provider_id, sequence), media_type=JOSE)


@ROUTER.get("/providers/{provider_id}/state")
async def read_state(provider_id: UUID, who: Who, rt: Rt) -> wire.StateView:
    r"""What is in force, in a few bytes, so that drift is found without sending the list.

    In force is every `cut_off` and `suspend` order that was released and that no released order takes back. `hash` is
    the SHA-256, in lower-case hexadecimal, over the lines `<order_id> <sequence>\n` (UTF-8, order id in lower case,
    one line per order) sorted by sequence number; with nothing in force it is the SHA-256 of no bytes.
    """
    found = await feed.state(rt, who, provider_id)
    return wire.StateView(provider_id=provider_id, head=found.head, in_force=found.in_force, hash=found.hash)


@ROUTER.get("/providers/{provider_id}/snapshot")
async def read_snapshot(provider_id: UUID, who: Who, rt: Rt) -> wire.SnapshotView:
    """Every order in force, with the hash that `/state` gives for it, and every open one: where to begin anew."""
    return views.of_snapshot(provider_id, await feed.snapshot(rt, who, provider_id))


@ROUTER.get("/providers/{provider_id}/webhook")
async def read_webhook(provider_id: UUID, who: Who, rt: Rt) -> WebhookView:
    """Where your orders are posted, and how that goes (the provider itself)."""
    return views.of_webhook(await webhooks.get(rt, who, provider_id))


@ROUTER.put("/providers/{provider_id}/webhook")
async def set_webhook(provider_id: UUID, body: NewWebhook, who: Who, rt: Rt) -> WebhookView:
    """Have the orders after a place posted to an address of yours (the provider itself): the same bytes, in order.

    Each is a POST of `application/jose` with `Concord-Sequence`, and is tried until a 2xx says that it is on your disk.
    """
    return views.of_webhook(await webhooks.put(rt, who, provider_id, url=body.url, after=body.after))


@ROUTER.delete("/providers/{provider_id}/webhook", status_code=204)
async def delete_webhook(provider_id: UUID, who: Who, rt: Rt) -> None:
    """Have nothing posted any more (the provider itself)."""
    await webhooks.delete(rt, who, provider_id)
