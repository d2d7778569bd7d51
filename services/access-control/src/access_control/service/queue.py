"""What a provider can carry out properly in a day, and the orders that wait for it at their issuer's side (ADR 23).

Who goes next follows from the decisions alone: urgent grounds first, then by when they were released. No verb moves
an order within a queue, and each goes out by itself. Whoever has no key to sign with keeps its place and is passed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from access_control.store import orders, providers
from access_control.store.orders import Waiting
from access_control.store.providers import Provider
from shared.runtime.acts import deadlines
from shared.runtime.acts.documents import IssuerHasNoKey, signer_of
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

PLACE: Final = "place"
"""Kind of deadline, of a provider: when the next order that waits can go out."""
DAY: Final = timedelta(days=1)
"""Any 24 hours: with calendar days two days' worth could go out within a minute, at midnight."""
FULL: Final = "Its provider was sent as many as it can carry out in a day."
TURN: Final = "It was its turn."


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a provider: a part of the list, how many there are, and when the next one can go out."""

    provider: Provider
    total: int
    opens_at: datetime
    waiting: list[Waiting]


async def read(tx: Tx, rt: Runtime, provider_id: UUID, *, after: int, limit: int) -> Queue:
    """The queue of a provider. Raises UnknownProvider (404)."""
    provider = await providers.get(tx, provider_id)
    waiting = await orders.queue(tx, provider_id, after=after, limit=limit)
    opens = await opens_at(tx, provider, rt.clock.now())
    return Queue(provider, await orders.queue_length(tx, provider_id), opens, waiting)


async def opens_at(tx: Tx, provider: Provider, at: datetime) -> datetime:
    """When the next order to stop hosting can go out to it: now, or when the oldest that fills its day is a day old."""
    if provider.daily_capacity is None:
        return at
    oldest = await orders.nth_last_sent(tx, provider.id, provider.daily_capacity)
    return at if oldest is None else max(at, oldest + DAY)


async def hold(tx: Tx, provider_id: UUID, at: datetime) -> tuple[Provider, bool]:
    """The provider, held so that nobody else takes a place meanwhile, and whether one is free."""
    provider = await providers.hold(tx, provider_id)
    return provider, await opens_at(tx, provider, at) <= at


async def next_to_go(tx: Tx, rt: Runtime, provider_id: UUID) -> UUID | None:
    """The first that waits and whose issuer can sign it."""
    mute = [issuer for issuer in await orders.waiting_issuers(tx, provider_id) if not _can_sign(rt, issuer)]
    return await orders.first_waiting(tx, provider_id, passing=mute)


def _can_sign(rt: Runtime, issuer: str) -> bool:
    try:
        signer_of(rt, issuer)
    except IssuerHasNoKey:
        return False
    return True


async def wake(tx: Tx, provider: Provider, at: datetime) -> None:
    """Let the next one go when a place is free; a clock that runs already is left. The provider is held."""
    opens = await opens_at(tx, provider, at)
    await deadlines.start_in(tx, PLACE, provider.id, (opens - at).total_seconds(), at=at)


async def ask_again(tx: Tx, provider: Provider, at: datetime) -> None:
    """Begin to wait anew, where anything waits: one went out, or the capacity changed. The provider is held."""
    await deadlines.met(tx, PLACE, provider.id, at)
    if await orders.first_waiting(tx, provider.id) is not None:
        await wake(tx, provider, at)
