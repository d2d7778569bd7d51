"""Waiting before trying again."""

import pytest

from shared.runtime.base.backoff import Backoff


async def nothing(_: float) -> None:
    """Sleep no time."""


async def test_pauses_double_up_to_the_cap_and_begin_again_after_a_success() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    backoff = Backoff(0.1, 0.5, sleep=sleep, chance=lambda: 1.0)
    said = [await backoff.wait() for _ in range(5)]
    assert slept == said == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.5])
    backoff.reset()
    assert await backoff.wait() == pytest.approx(0.1)


async def test_chance_shortens_a_pause_by_half_at_most() -> None:
    shortest = Backoff(1, 1, sleep=nothing, chance=lambda: 0.0)
    assert await shortest.wait() == 0.5
    many = Backoff(1, 1, sleep=nothing)
    pauses = {await many.wait() for _ in range(50)}
    assert all(0.5 <= pause <= 1 for pause in pauses)
    assert len(pauses) > 1


@pytest.mark.parametrize(("first", "cap"), [(0, 1), (-1, 1), (2, 1)])
def test_a_backoff_that_would_spin_is_a_mistake(first: float, cap: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Backoff(first, cap)
