"""The HTTP door: parse, call a verb, shape the answer."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from access_control import views
from access_control.lifecycle import EmergencyStatus
from access_control.service import conduct, emergencies, feed, instructions, keys, orders, providers, receipts, state
from access_control.service.feed import Asked
from shared.contracts.http import access as wire
from shared.contracts.http.emergencies import EmergencyReport, EmergencyView
from shared.runtime.web.door import PUBLIC, IfMatch, Rt, Stopping, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

JOSE: Final = "application/jose"
LARGEST_BATCH: Final = 64 * 1024 * 1024
"""Bytes: 1,000 receipts with long reasons fit."""
MOST_ORDERS: Final = 500
LONGEST_WAIT_S: Final = 60
TOP: Final = 2**63 - 1

ACTS = router()
"""Acts of officials; a POST sent twice with one Idempotency-Key happens once."""
FEEDS = router(idempotent=False, tags=["providers' doors"])
"""What a provider reads and signs. Receipts carry their own identity, so they need no Idempotency-Key."""
ROUTERS: Final = (ACTS, FEEDS)

After = Annotated[int, Query(ge=0, le=TOP, description="Last sequence number you hold; 0 for none.")]
Sequence = Annotated[int, Path(ge=1, le=TOP)]


@ACTS.post("/providers", status_code=201, tags=["providers"])
async def register_provider(body: wire.NewProvider, who: Who, rt: Rt, response: Response) -> wire.ProviderView:
    """Enter a provider (access desk, own province). Its feed and its two topics exist within seconds."""
    async with rt.db.transaction() as tx:
        return _provider(response, await providers.register(tx, rt, who, body))


@ACTS.get("/providers", tags=["providers"])
async def list_providers(who: Who, rt: Rt, paging: Paging) -> Page[wire.ProviderView]:
    """Providers, newest first (officials; a provider sees itself)."""
    async with rt.db.connection() as tx:
        found = await providers.page(tx, who, paging)
    return page_of(found, paging, views.of_provider, lambda known: known.provider.id)


@ACTS.get("/providers/{provider_id}", tags=["providers"])
async def get_provider(provider_id: UUID, who: Who, rt: Rt, response: Response) -> wire.ProviderView:
    """A provider with its keys (officials; the provider itself). Its ETag is needed to change it."""
    async with rt.db.connection() as tx:
        return _provider(response, await providers.get(tx, who, provider_id))


@ACTS.put("/providers/{provider_id}", tags=["providers"])
async def change_provider(
    provider_id: UUID, body: wire.ChangedProvider, version: IfMatch, who: Who, rt: Rt, response: Response
) -> wire.ProviderView:
    """Change its name, whom to ask there, and who supervises it (access desk, own province)."""
    async with rt.db.transaction() as tx:
        return _provider(response, await providers.change(tx, rt, who, provider_id, version, body))


@ACTS.get("/providers/{provider_id}/conduct", tags=["providers"])
async def read_conduct(provider_id: UUID, who: Who, rt: Rt, paging: Paging) -> Page[wire.ConductEntryView]:
    """The conduct record of a provider, undone entries too (officials; the provider itself)."""
    async with rt.db.transaction() as tx:
        found = await conduct.page(tx, rt, who, provider_id, paging)
    return page_of(found, paging, views.of_conduct, lambda entry: entry.id)


@ACTS.post("/providers/{provider_id}/keys", status_code=201, tags=["providers"])
async def add_key(provider_id: UUID, body: wire.NewKey, who: Who, rt: Rt) -> wire.KeyView:
    """Enter a public Ed25519 key the provider will sign receipts with (access desk, own province)."""
    async with rt.db.transaction() as tx:
        return views.of_key(await keys.add(tx, rt, who, provider_id, body))


@ACTS.delete("/providers/{provider_id}/keys/{kid}", tags=["providers"])
async def revoke_key(provider_id: UUID, kid: str, who: Who, rt: Rt) -> wire.KeyView:
    """Trust nothing this key signs from now on; it stays on record (access desk, own province)."""
    async with rt.db.transaction() as tx:
        return views.of_key(await keys.revoke(tx, rt, who, provider_id, kid))


@ACTS.get("/orders", tags=["orders"])
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


@ACTS.get("/orders/{order_id}", tags=["orders"])
async def get_order(order_id: UUID, who: Who, rt: Rt) -> wire.OrderDetailView:
    """An order with its receipts (officials of the provinces concerned; its provider, once it was released)."""
    async with rt.db.transaction() as tx:
        return views.of_order_with_receipts(who, await orders.get(tx, rt, who, order_id))


@ACTS.post("/orders/{order_id}/withdrawal", tags=["orders"])
async def withdraw_order(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Take an order back before its provider has seen it (its issuer)."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.withdraw(tx, rt, who, order_id, reasons=body.reasons))


@ACTS.post("/orders/{order_id}/reissue-request", tags=["orders"])
async def ask_reissue(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Ask that a withdrawn order be sent again (its issuer; another person than took it back)."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.ask_reissue(tx, rt, who, order_id, reasons=body.reasons))


@ACTS.post("/orders/{order_id}/reissue", status_code=201, tags=["orders"])
async def reissue_order(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Send a withdrawn order again (its issuer; neither who took it back nor who asked). Answers with the new order."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.reissue(tx, rt, who, order_id, reasons=body.reasons))


@ACTS.post("/orders/{order_id}/answer", tags=["orders"])
async def answer_order(order_id: UUID, body: wire.OrderAnswer, who: Who, rt: Rt) -> wire.OrderView:
    """Answer a provider that objects or cannot (its issuer).

    `upheld`: a restore goes out and the measure goes back to its case; `rejected`: the clock goes on; `accepted`: it is
    impossible, and nothing more is expected.
    """
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.answer(tx, rt, who, order_id, body))


@ACTS.post("/orders/{order_id}/escalation", tags=["orders"])
async def escalate_order(order_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.OrderView:
    """Tell everybody a second time that an overdue order is not carried out (its issuer)."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await orders.escalate(tx, rt, who, order_id, reasons=body.reasons))


@ACTS.get("/instructions", tags=["instructions"])
async def list_instructions(
    who: Who, rt: Rt, paging: Paging, status: Annotated[wire.InstructionStatus | None, Query()] = None
) -> Page[wire.InstructionView]:
    """Instructions to supervisors of public-interest networks, newest first (P3.4)."""
    async with rt.db.transaction() as tx:
        found = await instructions.page(tx, rt, who, paging, status=status)
    return page_of(found, paging, lambda each: views.of_instruction(who, each), lambda each: each.id)


@ACTS.get("/instructions/{instruction_id}", tags=["instructions"])
async def get_instruction(instruction_id: UUID, who: Who, rt: Rt) -> wire.InstructionView:
    """An instruction (its supervisor; the regulator that gave it)."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.get(tx, rt, who, instruction_id))


@ACTS.post("/instructions/{instruction_id}/acknowledgement", tags=["instructions"])
async def acknowledge(instruction_id: UUID, who: Who, rt: Rt) -> wire.InstructionView:
    """Sign for an instruction: the first of the supervisor's two people."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.acknowledge(tx, rt, who, instruction_id))


@ACTS.post("/instructions/{instruction_id}/issue", tags=["instructions"])
async def issue_order(instruction_id: UUID, who: Who, rt: Rt) -> wire.InstructionView:
    """Issue the order to the network, with the supervisor's key: the second person."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.issue_order(tx, rt, who, instruction_id))


@ACTS.post("/instructions/{instruction_id}/objection", tags=["instructions"])
async def object_to(instruction_id: UUID, body: wire.WithReasons, who: Who, rt: Rt) -> wire.InstructionView:
    """Point at an error instead; the clock stands still until the regulator answers."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(
            who, await instructions.object_to(tx, rt, who, instruction_id, reasons=body.reasons)
        )


@ACTS.post("/instructions/{instruction_id}/answer", tags=["instructions"])
async def answer_objection(
    instruction_id: UUID, body: wire.InstructionAnswer, who: Who, rt: Rt
) -> wire.InstructionView:
    """Answer a supervisor's objection (the regulator): `upheld` takes it back, `rejected` lets it stand."""
    async with rt.db.transaction() as tx:
        return views.of_instruction(who, await instructions.answer(tx, rt, who, instruction_id, body))


@ACTS.get("/.well-known/jwks.json", openapi_extra=PUBLIC, tags=["orders"])
async def order_signing_keys(rt: Rt, response: Response) -> dict[str, Any]:
    """Public keys orders are signed with, retired ones too (RFC 7517); `organisation` says whose. No token needed."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return state.published_keys(rt)


@FEEDS.get("/providers/{provider_id}/orders")
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
    return views.of_feed(await feed.read(rt, who, provider_id, Asked(after, limit, wait), stopping), after)


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


@FEEDS.get("/providers/{provider_id}/orders/stream", response_class=EventSourceResponse)
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


@FEEDS.get(
    "/providers/{provider_id}/orders/{sequence}",
    response_class=Response,
    responses={200: {"content": {JOSE: {"schema": {"type": "string"}}}, "description": "The signed bytes."}},
)
async def read_order(provider_id: UUID, sequence: Sequence, who: Who, rt: Rt) -> Response:
    """One signed order: the very bytes that went out, as `application/jose`."""
    return Response(await feed.one(rt, who, provider_id, sequence), media_type=JOSE)


@FEEDS.get("/providers/{provider_id}/state")
async def read_state(provider_id: UUID, who: Who, rt: Rt) -> wire.StateView:
    r"""What is in force, in a few bytes, so that drift is found without sending the list.

    In force is every `cut_off` and `suspend` order that was released and that no released order takes back. `hash` is
    the SHA-256, in lower-case hexadecimal, over the lines `<order_id> <sequence>\n` (UTF-8, order id in lower case,
    one line per order) sorted by sequence number; with nothing in force it is the SHA-256 of no bytes.
    """
    found = await feed.state(rt, who, provider_id)
    return wire.StateView(provider_id=provider_id, head=found.head, in_force=found.in_force, hash=found.hash)


@FEEDS.get("/providers/{provider_id}/snapshot")
async def read_snapshot(provider_id: UUID, who: Who, rt: Rt) -> wire.SnapshotView:
    """Every order in force, of one moment, with the hash that `/state` gives for it."""
    return views.of_snapshot(provider_id, await feed.snapshot(rt, who, provider_id))


@FEEDS.post("/providers/{provider_id}/receipts", max_body_size=LARGEST_BATCH)
async def sign_receipts(provider_id: UUID, body: wire.ReceiptBatch, who: Who, rt: Rt) -> wire.ReceiptResults:
    """Hand in up to 1,000 signed receipts; each gets a result, and one that is refused does not stop the others.

    Codes of refusals: `bad_signature`, `unknown_key`, `foreign_key`, `key_revoked`, `invalid` (with `fields`),
    `foreign_provider`, `unknown_order`, `foreign_order`, `sequence_mismatch`, `digest_mismatch`, `receipt_replayed`,
    `receipt_id_reused`, `already_executed`, `action_refused` (with `allowed_outcomes`). Every refusal is audited.
    """
    return wire.ReceiptResults(results=await receipts.record_posted(rt, who, provider_id, body.receipts))


@FEEDS.post("/providers/{provider_id}/emergencies", status_code=201)
async def report_emergency(provider_id: UUID, body: EmergencyReport, who: Who, rt: Rt) -> EmergencyView:
    """Report, signed, that you suspended a site by yourself (N4.2.5). Its operator is told at once.

    Unless an authority confirms it by a released decision within 72 hours of `since`, it lapses, and a restore order
    reaches you by itself. The statement carries its own id, so it needs no Idempotency-Key.
    """
    async with rt.db.transaction() as tx:
        return views.of_emergency(await emergencies.report(tx, rt, who, provider_id, body.jws))


@ACTS.get("/emergencies", tags=["emergencies"])
async def list_emergencies(
    who: Who, rt: Rt, paging: Paging, status: Annotated[EmergencyStatus | None, Query()] = None
) -> Page[EmergencyView]:
    """What providers suspended by themselves, newest first (regulators of the province; a provider its own)."""
    async with rt.db.transaction() as tx:
        found = await emergencies.page(tx, rt, who, paging, status=status)
    return page_of(found, paging, views.of_emergency, lambda each: each.id)


@ACTS.get("/emergencies/{emergency_id}", tags=["emergencies"])
async def get_emergency(emergency_id: UUID, who: Who, rt: Rt) -> EmergencyView:
    """One emergency suspension, and what became of it."""
    async with rt.db.transaction() as tx:
        return views.of_emergency(await emergencies.get(tx, rt, who, emergency_id))


def _provider(response: Response, known: providers.ProviderWithKeys) -> wire.ProviderView:
    etag(response, known.provider.version)
    return views.of_provider(known)
