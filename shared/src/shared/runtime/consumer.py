"""A consumer: reads the topics of others and applies each event once; one process per shard reads, others stand by.

It joins no Kafka group: an advisory lock of the service's own database says who reads a shard, so when a process is
killed another takes over at once. Offsets are committed under the group id after the events were applied; the inbox
makes reading something twice harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from zlib import crc32

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from shared.contracts.base import Fact, Topic
from shared.runtime import inbox, metrics
from shared.runtime import kafka as broker
from shared.runtime.delivery import Delivery, unpark
from shared.runtime.dispatch import Handler, Projection, RawHandler, Table
from shared.runtime.kafka import BROKER_ERRORS, KafkaSettings, bounded
from shared.runtime.leases import Lease, hold
from shared.runtime.postgres import DATABASE_ERRORS

if TYPE_CHECKING:
    from shared.runtime.context import Runtime
    from shared.runtime.postgres import Database

__all__ = ["Consumer", "ConsumerHealth", "ConsumerStalled", "Handler", "Projection", "RawHandler", "unpark"]

log = structlog.get_logger(__name__)

Names: TypeAlias = Sequence[Topic | str] | Sequence[Topic] | Sequence[str]
Topics: TypeAlias = Names | Callable[[], Names | Awaitable[Names]]

POLL_MS: Final = 500
POLL_RECORDS: Final = 1000
REFRESH_S: Final = 5.0
MISSING_S: Final = 0.5
"""How soon to look again for topics that are not there yet."""
PROVIDER: Final = "provider"
STALL_S: Final = 60.0
WATCH_S: Final = 2.0
LONGEST_PAUSE_S: Final = 5.0


class ConsumerStalled(RuntimeError):
    """There is something to read and nothing is read: the process must end, so that a fresh one takes over."""


@dataclass(frozen=True, slots=True)
class ConsumerHealth:
    """How a consumer is. ``lag``: events not read yet, none while the broker cannot say."""

    state: Literal["reading", "standby", "failing"]
    lag: int | None
    parked: int
    last_progress: datetime
    error: str | None = None


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
            _Shard(
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

    def refresh(self) -> None:
        """Look for new topics now."""
        for shard in self._shards:
            shard.refresh()

    def health(self) -> ConsumerHealth:
        """How it is, as of the last few seconds; the worst of its shards."""
        state: Literal["reading", "standby", "failing"] = "reading"
        if any(shard.error for shard in self._shards):
            state = "failing"
        elif not any(shard.reading for shard in self._shards):
            state = "standby"
        lags = [shard.lag for shard in self._shards if shard.reading]
        known = [lag for lag in lags if lag is not None]
        quiet = timedelta(seconds=max(shard.quiet_s() for shard in self._shards))
        return ConsumerHealth(
            state,
            sum(known) if len(known) == len(lags) else None,
            self._parked,
            datetime.now(UTC) - quiet,
            next((shard.error for shard in self._shards if shard.error), None),
        )

    async def run(self) -> None:
        """Read until cancelled. Raises ConsumerStalled when there is lag and no progress."""
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
            for shard in self._shards:
                await shard.measure()
            lag = sum(shard.lag or 0 for shard in self._shards)
            metrics.consumer_lag.set(lag, {"consumer": self._name})
            database_up = await self._count_parked()
            for shard in self._shards:
                if shard.reading:
                    await self._judge(shard, database_up)

    async def _judge(self, shard: _Shard, database_up: bool) -> None:
        """Raise if it has made no progress for too long while it had something to read, or cannot even tell."""
        quiet = shard.quiet_s()
        if quiet < self._stall_s / 2:
            return
        # A database or a broker that is away is no reason to end: it is waited for, and that time does not count.
        if not database_up or (shard.lag is None and not await broker.is_reachable(self._kafka)):
            shard.excuse()
        elif quiet > self._stall_s and shard.lag != 0:
            log.critical("consumer_stalled", consumer=self._name, shard=shard.number, quiet_s=quiet, lag=shard.lag)
            raise ConsumerStalled(f"{self._name}: lag {shard.lag}, no progress for {quiet:.0f} s")

    async def _count_parked(self) -> bool:
        """Counts what waits; whether the database answered."""
        try:
            async with asyncio.timeout(5), self._rt.db.connection() as connection:
                self._parked = await inbox.count_parked(connection, self._name)
        except DATABASE_ERRORS:
            return False
        metrics.parked_events.set(self._parked, {"consumer": self._name})
        return True


class _Shard:
    """Reads the partitions that fall to one shard, while it holds the shard's lease."""

    def __init__(
        self,
        delivery: Delivery,
        db: Database,
        *,
        name: str,
        number: int,
        of: int,
        topics: Topics,
        table: Table,
        kafka: KafkaSettings,
        refresh_s: float,
    ) -> None:
        self.number = number
        self.lag: int | None = None
        self.error: str | None = None
        self.reading = False
        self._delivery = delivery
        self._db = db
        self._name = name
        self._of = of
        self._topics = topics
        self._table = table
        self._kafka = kafka
        self._refresh_s = refresh_s
        self._client: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._refresh_at = 0.0

    def quiet_s(self) -> float:
        """How long ago something was applied, or there was nothing to do, or it was excused."""
        return time.monotonic() - self._delivery.progress_at

    def excuse(self) -> None:
        """Count its silence from now on."""
        self._delivery.progress_at = time.monotonic()

    def refresh(self) -> None:
        """Look for new topics before the next poll."""
        self._refresh_at = 0.0

    async def run(self) -> None:
        """Hold the lease and read; start again after whatever database or broker do to us."""
        pause = 0.1
        while True:
            try:
                async with hold(self._db, f"consumer {self._name} {self.number}") as lease:
                    self.excuse()
                    self.reading, pause = True, 0.1
                    await self._read_while(lease)
            except DATABASE_ERRORS as error:
                self.error = repr(error)
                log.warning("consumer_lost_database", consumer=self._name, error=self.error, pause_s=pause)
            finally:
                self.reading, self.lag = False, None
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _read_while(self, lease: Lease) -> None:
        """Read until the lease is lost."""
        reading = asyncio.create_task(self._read())
        beating = asyncio.create_task(lease.beat())
        try:
            done, _ = await asyncio.wait({reading, beating}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            reading.cancel()
            beating.cancel()
            await asyncio.wait({reading, beating}, timeout=broker.CALL_S)

    async def _read(self) -> None:
        """Read; when the broker fails, throw the client away and try again with a new one."""
        pause = 0.1
        while True:
            try:
                self._client = await broker.start_consumer(self._kafka, self._name)
                self._next.clear()
                self._committed.clear()
                self.refresh()
                while True:
                    await self._poll(self._client)
                    self.error, pause = None, 0.1
            except BROKER_ERRORS as error:
                self.error, self.lag = repr(error), None
                log.warning("consumer_broker_failed", consumer=self._name, error=self.error, pause_s=pause)
            finally:
                if self._client is not None:
                    client, self._client = self._client, None
                    await broker.stop(client)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _poll(self, client: AIOKafkaConsumer) -> None:
        if time.monotonic() >= self._refresh_at:
            await self._assign(client)
        if not self._next:  # nothing to read yet; aiokafka would wait for an assignment, past every time limit
            await asyncio.sleep(POLL_MS / 1000)
            return
        try:
            async with bounded():
                polled = await client.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
        except OffsetOutOfRangeError as error:
            partitions = list(error.args[0]) if error.args else list(self._next)
            log.warning(
                "offset_out_of_range", consumer=self._name, partitions=[f"{p.topic}/{p.partition}" for p in partitions]
            )
            await self._rewind(client, partitions)
            return
        if not polled:
            return
        await self._delivery.apply([self._table.read(record) for records in polled.values() for record in records])
        moved = {partition: records[-1].offset + 1 for partition, records in polled.items()}
        self._next.update(moved)
        try:
            async with bounded():
                await client.commit(moved)
            self._committed.update(moved)
        except BROKER_ERRORS as error:
            # No harm: the events are applied, and the inbox knows them if they are read again.
            log.warning("offsets_not_committed", consumer=self._name, error=repr(error))

    async def _assign(self, client: AIOKafkaConsumer) -> None:
        """Find the partitions that are ours: keep our place in those we have, begin the new ones where we left off."""
        wanted = self._topics() if callable(self._topics) else self._topics
        if inspect.isawaitable(wanted):
            wanted = await wanted
        names = {topic.name if isinstance(topic, Topic) else topic for topic in wanted}
        async with bounded():
            cluster = await client._client.fetch_all_metadata()
        missing = names - cluster.topics(exclude_internal_topics=False)
        if await self._make(missing):
            async with bounded():
                cluster = await client._client.fetch_all_metadata()
        ours = {
            TopicPartition(name, partition)
            for name in names
            for partition in self._ours(name, cluster.partitions_for_topic(name) or ())
        }
        await self._look_for_wipe(client)
        if ours != self._next.keys() and ours:
            start = await self._starts(client, ours - self._next.keys())
            self._next = {partition: self._next.get(partition, start.get(partition, 0)) for partition in ours}
            client.assign(list(ours))
            for partition, offset in self._next.items():
                client.seek(partition, offset)
        again = min(self._refresh_s, MISSING_S) if missing else self._refresh_s
        self._refresh_at = time.monotonic() + again

    def _ours(self, topic: str, partitions: Collection[int]) -> list[int]:
        if len(partitions) == 1:  # or every one-partition topic would fall to shard 0
            return [0] if crc32(topic.encode()) % self._of == self.number else []
        return [partition for partition in partitions if partition % self._of == self.number]

    async def _make(self, names: Collection[str]) -> bool:
        """Make missing topics that only providers write to; all others are for the relay of their department to make.

        It must see that they are missing: so it learns that the broker lost them. Returns whether one was made.
        """
        specs = []
        for name in names:
            with contextlib.suppress(broker.TopicRefused):
                if (spec := broker.topic_of(name)).producer == PROVIDER:
                    specs.append(spec)
        refused = await broker.ensure_topics(self._kafka, specs)
        if refused:  # no right to make it: its owner will
            log.info("topics_not_made", topics=refused)
        return len(specs) > len(refused)

    async def _starts(
        self, client: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Where to begin: where this group left off, or at the beginning."""
        if not partitions:
            return {}
        async with bounded():
            committed = await client._coordinator.fetch_committed_offsets(list(partitions))
            earliest = await client.beginning_offsets(list(partitions))
        found = {p: meta.offset for p, meta in committed.items() if meta.offset >= 0}
        self._committed.update(found)
        return {partition: found.get(partition, earliest[partition]) for partition in partitions}

    async def _look_for_wipe(self, client: AIOKafkaConsumer) -> None:
        """A broker that lost everything also forgot what we committed; then its offsets begin anew, and so do we."""
        if not self._committed:
            return
        async with bounded():
            now = await client._coordinator.fetch_committed_offsets(list(self._committed))
        gone = [p for p, offset in self._committed.items() if p not in now or now[p].offset < offset]
        if gone:
            log.error("broker_was_wiped", consumer=self._name, partitions=len(gone))
            self._committed.clear()
            self._next.clear()

    async def _rewind(self, client: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        async with bounded():
            earliest = await client.beginning_offsets(partitions)
        for partition, offset in earliest.items():
            self._next[partition] = offset
            client.seek(partition, offset)

    async def measure(self) -> None:
        """Ask the broker how much there is still to read."""
        client, places = self._client, dict(self._next)
        if client is None:
            self.lag = None
            return
        try:
            async with bounded(5):
                ends = await client.end_offsets(list(places)) if places else {}
        except BROKER_ERRORS:
            self.lag = None
            return
        self.lag = sum(max(0, ends[partition] - offset) for partition, offset in places.items())
        if self.lag == 0 and self._client is client:
            self.excuse()
