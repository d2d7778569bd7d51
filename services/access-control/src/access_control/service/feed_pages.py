"""Reads pages of the feeds: for one provider few reads at a time, each for all who wait for what it covers.

However many readers one provider has, when an order comes they wake together, and everybody else's receipts, feeds and
acts want a database connection as well. Nobody who asks is refused: a stolen token that asks for page after page must
not keep a provider's own restores from it. All pages are windows on one sequence, so those asked for together are read
in one walk from the lowest place up: however many there are, they cost no more than the feed is long.
"""

import asyncio
from bisect import bisect_right
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from access_control.store import feed as store
from access_control.store.feed import FeedPage
from shared.runtime.acts.runtime import Runtime

AT_ONCE: Final = 2
"""Reads of one provider's pages that are under way, of the connections that all share."""
FURTHER: Final = 200
"""Orders that a read takes besides its first page, where others wait that begin behind it."""

Wanted = dict[tuple[int, int], "asyncio.Future[FeedPage | None]"]
"""``(after, limit)`` → the page, once it is read."""


class FeedPages:
    """The pages that are asked for and not yet being read."""

    def __init__(self) -> None:
        self._asked: dict[UUID, Wanted] = {}
        self._under_way: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()
        self._walks: set[asyncio.Task[None]] = set()

    async def get(self, rt: Runtime, provider_id: UUID, *, after: int, limit: int) -> FeedPage | None:
        """The page as it is after it was asked for, or later; none for an unknown provider."""
        if provider_id not in self._asked:
            self._asked[provider_id] = {}
            room = self._under_way.setdefault(provider_id, asyncio.Semaphore(AT_ONCE))
            walk = asyncio.create_task(self._walk(rt, room, provider_id))
            self._walks.add(walk)
            walk.add_done_callback(self._walks.discard)
        page = self._asked[provider_id].setdefault((after, limit), asyncio.get_running_loop().create_future())
        # Shielded: whoever goes away takes it from nobody else.
        return await asyncio.shield(page)

    async def _walk(self, rt: Runtime, room: asyncio.Semaphore, provider_id: UUID) -> None:
        """Answer all who asked until there was room; who asks later may have been woken by what this does not see."""
        asked: Wanted = {}
        try:
            try:
                await room.acquire()
            finally:
                asked = self._asked.pop(provider_id)
            try:
                left = sorted(asked)
                while left:
                    left = await _read(rt, provider_id, asked, left)
            finally:
                room.release()
        except BaseException as error:
            _fail(asked, error)
            if not isinstance(error, Exception):
                raise


async def _read(rt: Runtime, provider_id: UUID, asked: Wanted, keys: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Read from the lowest place on and answer every page that this has whole; gives those that are left."""
    lowest, most = keys[0][0], max(limit for _, limit in keys)
    size = most if len(keys) == 1 else most + FURTHER
    async with rt.db.connection() as tx:
        found = await store.orders_after(tx, provider_id, after=lowest, limit=size)
    places = [order.sequence for order in found.orders] if found else []
    to_the_end = len(places) < size
    left: list[tuple[int, int]] = []
    for number, (after, limit) in enumerate(keys):
        begin = bisect_right(places, after)
        if not to_the_end and begin == len(places) and limit:
            return left + keys[number:]
        if not to_the_end and len(places) - begin < limit:
            left.append((after, limit))
        elif not asked[after, limit].done():
            page = FeedPage(found.head, found.orders[begin : begin + limit]) if found else None
            asked[after, limit].set_result(page)
    return left


def _fail(asked: Wanted, error: BaseException) -> None:
    """Nobody waits for what will not come."""
    for page in asked.values():
        if page.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            page.cancel()
        else:
            page.set_exception(error)
            page.exception()  # who asked for it may have gone
