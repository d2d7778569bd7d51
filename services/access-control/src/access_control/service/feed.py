"""What a provider reads over HTTP: its signed orders in sequence, new ones as they come, and the state in force."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from access_control.errors import SequenceAhead, TooManyReaders, UnknownOrder, UnknownProvider
from access_control.lifecycle import OPEN
from access_control.policy import POLICY, Act
from access_control.service.state import wakeups_of
from access_control.store import feed as store
from access_control.store.feed import FeedPage, InForce, SignedOrder, State
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller

STREAM_PAGE: Final = 100
FULL_S: Final = 5
"""After which somebody who finds no place asks again."""
ASK_AGAIN_S: Final = 30
"""For a reader that does not wait at the feed; at most so late hears it of a restore."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which orders a reader wants, and how many seconds it will wait if there are none."""

    after: int
    limit: int
    wait: float


@dataclass(frozen=True, slots=True)
class FeedOf:
    """The feed of a provider, as the policy sees it: known without asking the database, since many readers ask."""

    organisation: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything in force at a provider, the hash ``/state`` gives for it, and what it has yet to answer for good."""

    head: int
    hash: str
    orders: list[InForce]
    open: list[InForce]


async def read(rt: Runtime, who: Caller, provider_id: UUID, which: Asked, stopping: asyncio.Event) -> FeedPage:
    """Orders after a place; with none there yet, wait for one. 404; 403 for another provider; 409 sequence_ahead.

    However many wait already, what is there is given out: 429 too_many_readers only to who would have to wait.
    """
    _allowed(who, provider_id)
    until = time.monotonic() + which.wait
    with wakeups_of(rt).reader(provider_id, which.after) as reader:
        page = await _page(rt, provider_id, after=which.after, limit=which.limit)
        while not page.orders and (left := until - time.monotonic()) > 0:
            if reader is None:
                raise TooManyReaders(retry_after=FULL_S)
            if not await reader.wait(left, stopping):
                break
            page = await _page(rt, provider_id, after=which.after, limit=which.limit)
    return page


async def may_follow(rt: Runtime, who: Caller, provider_id: UUID, after: int) -> None:
    """Whether a stream can begin here; once it has, it can no longer be refused. 404; 403; 409 sequence_ahead; 429."""
    _allowed(who, provider_id)
    if wakeups_of(rt).is_full(provider_id):
        raise TooManyReaders(retry_after=FULL_S)
    await _page(rt, provider_id, after=after, limit=0)


async def follow(
    rt: Runtime, provider_id: UUID, after: int, stopping: asyncio.Event
) -> AsyncIterator[SignedOrder | None]:
    """Orders after a place, until the stream has had its time; none when it is time for a sign of life."""
    until = time.monotonic() + rt.settings.feed_stream_s
    with wakeups_of(rt).reader(provider_id, after) as reader:
        while reader is not None and time.monotonic() < until and not stopping.is_set():
            page = await _page(rt, provider_id, after=reader.after, limit=STREAM_PAGE)
            for order in page.orders:
                yield order
                reader.after = order.sequence
            if not page.orders and not await reader.wait(rt.settings.feed_heartbeat_s, stopping):
                yield None


async def one(rt: Runtime, who: Caller, provider_id: UUID, sequence: int) -> bytes:
    """The bytes of the order at a place of the sequence. 404; 403 for another provider."""
    _allowed(who, provider_id)
    async with rt.db.connection() as tx:
        jws = await store.one(tx, provider_id, sequence)
    if jws is None:
        raise UnknownOrder(order=sequence)
    return jws


async def state(rt: Runtime, who: Caller, provider_id: UUID) -> State:
    """Head, number and hash of the orders in force. 404; 403 for another provider."""
    _allowed(who, provider_id)
    async with rt.db.connection() as tx:
        found = await store.state(tx, provider_id)
    if found is None:
        raise UnknownProvider(provider_id=provider_id)
    return found


async def snapshot(rt: Runtime, who: Caller, provider_id: UUID) -> Snapshot:
    """The orders in force and those still open, of one moment. 404; 403 for another provider."""
    _allowed(who, provider_id)
    async with rt.db.connection() as tx:
        found = await store.snapshot(tx, provider_id, OPEN)
    if found is None:
        raise UnknownProvider(provider_id=provider_id)
    return Snapshot(found.head, state_hash(found.in_force), found.in_force, found.open)


def state_hash(orders: list[InForce]) -> str:
    """SHA-256 over ``<order_id> <sequence>\\n`` of each order in force, by sequence, in lower-case hexadecimal."""
    digest = hashlib.sha256()
    for order in sorted(orders, key=lambda order: order.sequence):
        digest.update(f"{order.order_id} {order.sequence}\n".encode())
    return digest.hexdigest()


def _allowed(who: Caller, provider_id: UUID) -> None:
    POLICY.require(who, Act.READ_FEED, FeedOf(str(provider_id)))


async def _page(rt: Runtime, provider_id: UUID, *, after: int, limit: int) -> FeedPage:
    page = await wakeups_of(rt).pages.get(rt, provider_id, after=after, limit=limit)
    if page is None:
        raise UnknownProvider(provider_id=provider_id)
    if after > page.head:
        raise SequenceAhead(after=after, head=page.head)
    return page
