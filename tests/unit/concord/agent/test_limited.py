"""Calls to the broker end in time, and when the agent is told to end, also where aiokafka swallows a cancellation."""

import asyncio

import pytest

from concord.agent.topic import limited


async def _deaf(ended: asyncio.Event) -> None:
    """As a client does that closes a connection: the first cancellation is lost."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await ended.wait()


async def test_a_limit_holds_where_a_cancellation_is_swallowed() -> None:
    ended = asyncio.Event()
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
            await limited(_deaf(ended), 0.05)
    ended.set()


async def test_whoever_is_told_to_end_ends() -> None:
    ended = asyncio.Event()
    calling = asyncio.create_task(limited(_deaf(ended), 60))
    await asyncio.sleep(0.01)
    calling.cancel()
    await asyncio.wait({calling}, timeout=5)
    assert calling.cancelled()
    ended.set()


async def test_what_the_call_gives_and_raises_is_handed_on() -> None:
    async def fails() -> int:
        raise OSError("gone")

    assert await limited(asyncio.sleep(0, 7), 1) == 7
    with pytest.raises(OSError, match="gone"):
        await limited(fails(), 1)
