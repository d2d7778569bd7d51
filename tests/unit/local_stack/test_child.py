"""Pauses before restarts."""

import asyncio
import sys
from pathlib import Path

from local_stack.child import Backoff, Child


def test_pauses_double_up_to_a_limit() -> None:
    backoff = Backoff(first=1, most=5)
    assert [backoff.next(0) for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_long_life_starts_over() -> None:
    backoff = Backoff(first=1, most=5, calm_after=30, loop_at=3)
    for _ in range(3):
        backoff.next(0)
    assert backoff.looping
    assert backoff.next(31) == 1
    assert not backoff.looping


async def test_a_process_that_dies_again_and_again_is_told_loudly(tmp_path: Path) -> None:
    told: list[str] = []
    command = [sys.executable, "-S", "-c", "print('out of luck'); raise SystemExit(7)"]
    child = Child("unlucky", command, {}, tmp_path / "unlucky.log", told.append)
    child.start()
    for _ in range(200):
        if child.looping:
            break
        await asyncio.sleep(0.05)
    await child.stop()
    assert "unlucky ended with exit code 7; starting it again in 0.2 s" in told
    loud = [line for line in told if "DIES AGAIN AND AGAIN" in line]
    assert loud
    assert "out of luck" in loud[0]
