"""How long a loop waits before it tries again: longer each time, never the same for two processes."""

import asyncio
import random
from collections.abc import Awaitable, Callable


class Backoff:
    """Waits ``first_s``, then ``factor`` times as long each time, up to ``most_s``; each wait varies by ``jitter``."""

    def __init__(
        self,
        first_s: float = 0.1,
        most_s: float = 5.0,
        factor: float = 2.0,
        jitter: float = 0.2,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._first_s, self._most_s = first_s, most_s
        self._factor, self._jitter = factor, jitter
        self._sleep = sleep
        self._next_s = first_s

    async def wait(self) -> None:
        """Sleep, and sleep longer the next time."""
        pause, self._next_s = self._next_s, min(self._next_s * self._factor, self._most_s)
        await self._sleep(pause * random.uniform(1 - self._jitter, 1 + self._jitter))  # noqa: S311 -- no secret

    def reset(self) -> None:
        """It works again: begin with the shortest wait."""
        self._next_s = self._first_s
