"""How long to wait before trying again: the one way in which anything here does."""

import asyncio
import random
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[object]]


class Backoff:
    """Pauses that double from ``first_s`` up to ``cap_s`` seconds, each shortened at random by up to a half.

    Chance keeps those who failed together from trying again together. One object serves one loop; ``reset`` after a
    success makes the next pause a short one again.
    """

    def __init__(
        self,
        first_s: float = 0.1,
        cap_s: float = 5.0,
        *,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not 0 < first_s <= cap_s:
            raise ValueError("a backoff begins above zero and not above its cap")
        self._first_s, self._cap_s = first_s, cap_s
        self._sleep, self._chance = sleep, chance
        self._ceiling_s = first_s

    def next_s(self) -> float:
        """The pause that comes now, in seconds; the one after it may be twice as long."""
        pause = self._ceiling_s * (0.5 + self._chance() / 2)
        self._ceiling_s = min(self._ceiling_s * 2, self._cap_s)
        return pause

    async def wait(self) -> float:
        """Wait for it; says how long that was."""
        pause = self.next_s()
        await self._sleep(pause)
        return pause

    def reset(self) -> None:
        """It went well: begin again with the shortest pause."""
        self._ceiling_s = self._first_s
