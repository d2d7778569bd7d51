"""A consumer: reads the topics of others and applies each event once; one process per shard reads, others stand by.

It joins no Kafka group: an advisory lock of the service's own database says who reads a shard, so when a process is
killed another takes over at once. Offsets are committed under the group id after the events were applied; the inbox
makes reading something twice harmless.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import structlog

from shared.contracts.base import Fact
from shared.runtime.base import metrics
from shared.runtime.db.postgres import DATABASE_ERRORS
from shared.runtime.events import inbox
from shared.runtime.events import kafka as broker
from shared.runtime.events.delivery import Delivery, unpark
from shared.runtime.events.dispatch import Handler, Projection, RawHandler, Table
from shared.runtime.events.kafka import KafkaSettings
from shared.runtime.events.reading import Reading, Stalled, Topics
from shared.runtime.events.shards import Shard

if TYPE_CHECKING:
    from shared.runtime.acts.runtime import Runtime

__all__ = ["Consumer", "ConsumerHealth", "Handler", "Projection", "RawHandler", "Stalled", "unpark"]

log = structlog.get_logger(__name__)

REFRESH_S: Final = 5.0
STALL_S: Final = 60.0
WATCH_S: Final = 2.0
NOTE_S: Final = 5.0
"""Between two notes of how far it is; what rests on a copy counts in minutes."""


@dataclass(frozen=True, slots=True)
class ConsumerHealth:
    """How a consumer is. ``lag``: events not read yet, none while nobody can say: the broker is away, or a topic
    that it should read cannot be seen."""

    state: Literal["reading", "standby", "failing"]
    lag: int | None
    parked: int
    last_progress: datetime
    error: str | None = None
    illegible: tuple[str, ...] = ()
    """Records that cannot be taken apart, as topic/partition@offset: nothing behind them is read."""


def note_hearing(name: str, readings: Sequence[Reading]) -> None:
    """What machines are told of how far a consumer is: what nobody knows is never 0. ``readings``: those at work,
    and those that should be and cannot have their lease, whose lag nobody knows."""
    lags, of = [reading.lag for reading in readings], {"consumer": name}
    known = [lag for lag in lags if lag is not None]
    metrics.consumer_lag.set(sum(known) if len(known) == len(lags) else -1, of)
    metrics.consumer_deaf.set(max((reading.deaf for reading in readings), default=0), of)
    metrics.consumer_unread.set(max((reading.behind_s() for reading in readings), default=0.0), of)


class Consumer:
    """Reads topics and applies what its table lists."""

    def __init__(
        self,
        rt: Runtime,
        name: str,
        topics: Topics,
        handlers: Mapping[type[Fact], Handler],
        projections: Mapping[type[Fact], Projection] | None = None,
        *,
        kafka: KafkaSettings | None = None,
        raw: Mapping[str, RawHandler] | None = None,
        shards: int = 1,
        concurrency: int = 4,
        stall_s: float = STALL_S,
        refresh_s: float = REFRESH_S,
    ) -> None:
        """``name`` is the group id and the name in the inbox; ``raw`` maps how a topic's name begins to a handler.

        ``topics`` may be a function, also a coroutine function: it is asked again every ``refresh_s`` seconds.
        """
        self._rt = rt
        self._name = name
        table = Table(handlers, projections, raw)
        kafka = kafka or KafkaSettings.of(rt.settings, client_id=name)
        self._shards = [
            Shard(
                Delivery(rt, name, table, concurrency=concurrency),
                rt.db,
                name=name,
                number=number,
                of=shards,
                topics=topics,
                table=table,
                kafka=kafka,
                refresh_s=refresh_s,
            )
            for number in range(shards)
        ]
        self._kafka = kafka
        self._stall_s = stall_s
        self._parked = 0
        self._noted_at = float("-inf")

    def refresh(self) -> None:
        """Look for new topics now."""
        for shard in self._shards:
            shard.reading.refresh()

    def health(self) -> ConsumerHealth:
        """How it is, as of the last few seconds; the worst of its shards."""
        state: Literal["reading", "standby", "failing"] = "reading"
        if any(shard.error for shard in self._shards):
            state = "failing"
        elif not any(shard.holds_lease for shard in self._shards):
            state = "standby"
        lags = [shard.reading.lag for shard in self._shards if not shard.stands_by]
        known = [lag for lag in lags if lag is not None]
        quiet = timedelta(seconds=max(shard.reading.quiet_s() for shard in self._shards))
        return ConsumerHealth(
            state,
            sum(known) if len(known) == len(lags) else None,
            self._parked,
            datetime.now(UTC) - quiet,
            next((shard.error for shard in self._shards if shard.error), None),
            tuple(place for shard in self._shards for place in shard.reading.illegible),
        )

    async def run(self) -> None:
        """Read until cancelled. Raises Stalled when there is lag and no progress."""
        tasks = [asyncio.create_task(shard.run()) for shard in self._shards]
        tasks.append(asyncio.create_task(self._watch()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=broker.CALL_S)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(WATCH_S, self._stall_s / 3))
            readings = [shard.reading for shard in self._shards]
            asked_at = self._rt.clock.now()
            for reading in readings:
                await reading.measure()
            note_hearing(self._name, [shard.reading for shard in self._shards if not shard.stands_by])
            illegible = sum(len(reading.illegible) for reading in readings)
            metrics.illegible_records.set(illegible, {"consumer": self._name})
            database_up = await self._count_parked() and await self._note_caught_up(asked_at)
            for shard in self._shards:
                if not database_up:  # no reason to end: it is waited for, and that time does not count
                    shard.reading.excuse()
                elif shard.holds_lease:
                    await shard.reading.judge(self._stall_s)

    async def _note_caught_up(self, at: datetime) -> bool:
        """Writes down that nothing was left to read then, now and again; whether the database answered."""
        whole = [number for number, shard in enumerate(self._shards) if shard.holds_lease and shard.reading.lag == 0]
        if time.monotonic() < self._noted_at + NOTE_S or not whole:
            return True
        try:
            async with asyncio.timeout(5), self._rt.db.connection() as connection:
                for number in whole:
                    await inbox.note_caught_up(connection, self._name, number, at)
        except DATABASE_ERRORS:
            return False
        self._noted_at = time.monotonic()
        return True

    async def _count_parked(self) -> bool:
        """Counts what waits; whether the database answered."""
        try:
            async with asyncio.timeout(5), self._rt.db.connection() as connection:
                self._parked = await inbox.count_parked(connection, self._name)
        except DATABASE_ERRORS:
            return False
        metrics.parked_events.set(self._parked, {"consumer": self._name})
        return True
