"""Complaints about what others complained of already: those that come while one statement runs share the next one.

It waits for nobody, and is an economy alone: who is not put to an open matter by it, since there is none, or somebody
holds it, or since something is wrong with another complaint, is put to one alone, in a transaction (``complaints``).
"""

import asyncio
from collections import deque
from contextvars import Context
from typing import Final
from uuid import UUID

import structlog

from enforcement.store import complaints as store
from enforcement.store.complaints import NewComplaint
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import UNAVAILABLE, within

MOST: Final = 100
"""Complaints of one statement."""
_log = structlog.get_logger(__name__)


class Intake:
    """Those who wait in this process to be put to an open matter."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._waiting: deque[tuple[NewComplaint, asyncio.Future[bool]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def attach(self, new: NewComplaint) -> bool:
        """Whether it was put to an open matter; then it is kept for good. Raises what a database that is away does."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((new, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="complaints", context=Context())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            kept: set[UUID] | Exception
            try:
                kept = await self._together([new for new, _ in batch])
            except UNAVAILABLE as error:
                kept = error
            except Exception as error:  # its kind alone is logged: its words may be those of a complaint
                _log.warning("complaints.each_alone", error=type(error).__name__, complaints=len(batch))
                kept = set()
            for new, done in batch:
                if done.done():  # whoever complained waits no more
                    continue
                if isinstance(kept, Exception):
                    done.set_exception(kept)
                else:
                    done.set_result(new.id in kept)

    async def _together(self, said: list[NewComplaint]) -> set[UUID]:
        with within(self._rt.settings.http_database_s):
            async with self._rt.db.connection() as tx:  # one statement, so no transaction around it
                return await store.attach(tx, said, wait=False)
