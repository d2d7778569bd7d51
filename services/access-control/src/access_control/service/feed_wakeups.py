"""Wakes the readers of a provider's feed when an order is released, with one database session for all of them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import structlog

from access_control.service.feed_pages import FeedPages
from access_control.store import feed, providers
from shared.runtime.acts.runtime import Runtime

MOST_READERS: Final = 20
"""Of one provider that wait at once in one process, long polls and streams: an agent needs one."""
POLL_S: Final = 1.0
ANSWER_S: Final = 5.0
_log = structlog.get_logger(__name__)


class Reader:
    """Somebody who has read up to a place and waits for more."""

    def __init__(self, after: int) -> None:
        self.after = after
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be more."""
        self._woken.set()

    async def wait(self, seconds: float, stopping: asyncio.Event) -> bool:
        """Wait to be woken; false if the time passed first, or the process stops. It may have happened already."""
        tasks = [asyncio.ensure_future(event.wait()) for event in (self._woken, stopping)]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken and not stopping.is_set()


class FeedWakeups:
    """Readers wait here; NOTIFY wakes one provider's at once, and a look at the heads every second backs it up."""

    def __init__(self) -> None:
        self._readers: defaultdict[UUID, set[Reader]] = defaultdict(set)
        self.pages: Final = FeedPages()

    @property
    def waiting(self) -> int:
        """How many readers there are."""
        return sum(map(len, self._readers.values()))

    def is_full(self, provider_id: UUID) -> bool:
        """Whether no more readers of this provider can wait."""
        return len(self._readers.get(provider_id, ())) >= MOST_READERS

    @contextmanager
    def reader(self, provider_id: UUID, after: int) -> Iterator[Reader | None]:
        """Take a place before looking for orders, so that one released in between still wakes; none if it is full."""
        if self.is_full(provider_id):
            yield None
            return
        reader = Reader(after)
        self._readers[provider_id].add(reader)
        try:
            yield reader
        finally:
            self._readers[provider_id].discard(reader)
            if not self._readers[provider_id]:
                del self._readers[provider_id]

    def wake(self, provider_id: UUID, head: int | None = None) -> None:
        """Wake a provider's readers; with its head known, only those who have not read up to it."""
        for reader in self._readers.get(provider_id, ()):
            if head is None or head > reader.after:
                reader.wake()

    async def run(self, rt: Runtime) -> None:
        """Listen for as long as the process lives; a session that is lost or does not answer is opened again."""
        while True:
            try:
                await self._listen(rt)
            except Exception as error:  # readers would wait their full time, so whatever it was, try again and say so
                _log.warning("feed.session_lost", error=repr(error))
                await asyncio.sleep(POLL_S)

    async def _listen(self, rt: Runtime) -> None:
        session = await rt.db.dedicated("feed")
        try:
            await session.add_listener(feed.CHANNEL, self._heard)
            while True:
                # The look goes over the listening session itself: a dead one is silent, and this is its heartbeat.
                async with asyncio.timeout(ANSWER_S):
                    heads = await providers.heads(session, list(self._readers))
                for provider_id, head in heads.items():
                    self.wake(provider_id, head)
                await asyncio.sleep(POLL_S)
        finally:
            session.terminate()

    def _heard(self, _session: Any, _pid: int, _channel: str, payload: object) -> None:
        self.wake(UUID(str(payload)))
