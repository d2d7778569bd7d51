"""Nothing in a benchmark waits without a limit, and what was waited for is said."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

T = TypeVar("T")
LONGEST_S: Final = 60.0


class WaitedTooLong(Exception):
    """Something did not happen in time; the message says what."""


async def within(what: str, awaited: Awaitable[T], seconds: float = LONGEST_S) -> T:
    """What is awaited. Raises WaitedTooLong."""
    try:
        async with asyncio.timeout(seconds):
            return await awaited
    except TimeoutError:
        raise WaitedTooLong(f"waited {seconds:g} s for {what}") from None
