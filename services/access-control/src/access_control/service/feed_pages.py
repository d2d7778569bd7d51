"""Reads pages of the feeds: one read for all who ask for the same page, and few at a time for one provider.

However many readers one provider has, when an order comes they wake together, and everybody else's receipts, feeds and
acts want a database connection as well.
"""

import asyncio
from contextlib import suppress
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from access_control.errors import TooManyReaders
from access_control.store import feed as store
from access_control.store.feed import FeedPage
from shared.runtime.acts.runtime import Runtime

AT_ONCE: Final = 2
"""Reads of one provider's pages that are under way, of the connections that all share."""
MOST_ASKED: Final = 50
"""Different pages of one provider that are asked for and not yet being read."""
SOON_S: Final = 2


class FeedPages:
    """The pages that are asked for and not yet being read."""

    def __init__(self) -> None:
        self._asked: dict[UUID, dict[tuple[int, int], asyncio.Task[FeedPage | None]]] = {}
        self._under_way: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()

    async def get(self, rt: Runtime, provider_id: UUID, *, after: int, limit: int) -> FeedPage | None:
        """The page as it is after it was asked for, or later; none for an unknown provider. Raises TooManyReaders."""
        asked = self._asked.setdefault(provider_id, {})
        reading = asked.get((after, limit))
        if reading is None:
            if len(asked) >= MOST_ASKED:
                raise TooManyReaders(retry_after=SOON_S)
            room = self._under_way.setdefault(provider_id, asyncio.Semaphore(AT_ONCE))
            reading = asyncio.create_task(self._read(rt, room, provider_id, after, limit))
            asked[after, limit] = reading
        # Shielded: whoever goes away takes it from nobody else.
        return await asyncio.shield(reading)

    async def _read(
        self, rt: Runtime, room: asyncio.Semaphore, provider_id: UUID, after: int, limit: int
    ) -> FeedPage | None:
        try:
            await room.acquire()
        finally:
            self._begun(provider_id, after, limit)
        try:
            async with rt.db.connection() as tx:
                return await store.orders_after(tx, provider_id, after=after, limit=limit)
        finally:
            room.release()

    def _begun(self, provider_id: UUID, after: int, limit: int) -> None:
        """Whoever asks from here on may have been woken by what this read does not see any more."""
        with suppress(KeyError):
            del self._asked[provider_id][after, limit]
            if not self._asked[provider_id]:
                del self._asked[provider_id]
