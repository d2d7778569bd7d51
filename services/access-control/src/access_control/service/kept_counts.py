"""What was counted for everybody, kept in the process for some minutes: strangers ask as often as they like."""

import asyncio
import contextlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from access_control.errors import TooManyPeriods
from access_control.store import statistics
from access_control.store.statistics import Counted
from shared.runtime.acts.runtime import Runtime

KEPT: Final = timedelta(minutes=5)
MOST: Final = 8
"""Periods that are counted within that time; the usual one always is."""


class Period(NamedTuple):
    """When orders were issued: from, and before."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, and when."""

    period: Period
    as_of: datetime
    providers: list[Counted]


@dataclass(frozen=True, slots=True)
class _Asked:
    at: datetime
    counting: asyncio.Task[Counts]


class KeptCounts:
    """One count at a time, each for all who ask meanwhile; what is kept also bounds how much is counted."""

    def __init__(self) -> None:
        self.kept: dict[Period, _Asked] = {}
        self._one_at_a_time = asyncio.Lock()

    async def of(self, rt: Runtime, period: Period, *, usual: bool) -> Counts:
        """What was ordered in a period, as it stood some minutes ago at most. Raises TooManyPeriods (429).

        Whoever asked first may go away: others wait for the same count.
        """
        now = rt.clock.now()
        self.kept = {each: asked for each, asked in self.kept.items() if _holds(asked, now)}
        asked = self.kept.get(period)
        if asked is None:
            if not usual and len(self.kept) >= MOST:
                oldest = min(each.at for each in self.kept.values())
                raise TooManyPeriods(retry_after=max(1, math.ceil((oldest + KEPT - now).total_seconds())))
            asked = self.kept[period] = _Asked(now, asyncio.create_task(self._count(rt, period)))
            asked.counting.add_done_callback(_seen)
        return await asyncio.shield(asked.counting)

    async def _count(self, rt: Runtime, period: Period) -> Counts:
        try:
            async with self._one_at_a_time, rt.db.transaction() as tx:
                at, seen = rt.clock.now(), rt.rules.observations
                least = seen.least if seen is not None else 1
                return Counts(period, at, await statistics.count(tx, *period, least, at))
        except BaseException:
            self.kept.pop(period, None)
            raise

    async def stop(self) -> None:
        """Count no more."""
        for asked in [*self.kept.values()]:
            asked.counting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asked.counting


def _holds(asked: _Asked, now: datetime) -> bool:
    return not asked.counting.done() or timedelta() <= now - asked.at < KEPT


def _seen(counting: asyncio.Task[Counts]) -> None:
    """That it failed is told whoever waits; where all went away nobody is to hear of it at the end."""
    if not counting.cancelled():
        counting.exception()
