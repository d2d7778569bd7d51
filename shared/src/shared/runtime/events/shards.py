"""One shard of a consumer: holds its lease, reads its partitions, applies what it reads, commits its offsets."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias
from zlib import crc32

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError, UnsupportedCodecError

from shared.contracts.base import Topic
from shared.runtime.db.leases import Lease, hold
from shared.runtime.db.postgres import DATABASE_ERRORS
from shared.runtime.events import kafka as broker
from shared.runtime.events.kafka import BROKER_ERRORS, KafkaSettings, Reader

if TYPE_CHECKING:
    from shared.runtime.db.postgres import Database
    from shared.runtime.events.delivery import Delivery
    from shared.runtime.events.dispatch import Record, Table

log = structlog.get_logger(__name__)

Names: TypeAlias = Sequence[Topic | str] | Sequence[Topic] | Sequence[str]
Polled: TypeAlias = "Mapping[TopicPartition, Sequence[Record]]"
Topics: TypeAlias = Names | Callable[[], Names | Awaitable[Names]]

POLL_MS: Final = 500
POLL_RECORDS: Final = 1000
COMMIT_S: Final = 1.0
"""How far the committed offsets may be behind what was applied; the inbox knows what is read again after a crash."""
MISSING_S: Final = 0.5
"""How soon to look again for topics that are not there yet."""
LONGEST_PAUSE_S: Final = 5.0
ASIDE_S: Final = 60.0
"""How long a partition is left alone whose next record cannot be taken apart."""


class Illegible(Exception):
    """Something came that cannot be taken apart into records."""


class Shard:
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
        self.mute_since: float | None = None
        """Since when it could not tell its lag although the broker was well."""
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
        self._client: Reader | None = None
        self._next: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._refresh_at = 0.0
        self._uncommitted: dict[TopicPartition, int] = {}
        self._commit_at = 0.0
        self._aside: dict[TopicPartition, float] = {}
        """Partitions whose next record cannot be taken apart, and when to try again."""

    @property
    def illegible(self) -> list[str]:
        """Records that cannot be taken apart, as topic/partition@offset; nothing behind them is read."""
        return [f"{p.topic}/{p.partition}@{self._next[p]}" for p in self._aside if p in self._next]

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
                    self.reading, self.mute_since, pause = True, None, 0.1
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
                self._uncommitted.clear()
                self._aside.clear()
                self.refresh()
                while True:
                    await self._poll(self._client)
                    self.error, pause = None, 0.1
            except BROKER_ERRORS as error:
                self.error, self.lag = repr(error), None
                log.warning("consumer_broker_failed", consumer=self._name, error=self.error, pause_s=pause)
            except asyncio.CancelledError:
                await self._leave_word()
                raise
            finally:
                if self._client is not None:
                    client, self._client = self._client, None
                    await broker.stop(client)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _poll(self, client: Reader) -> None:
        if time.monotonic() >= self._refresh_at:
            self._try_again(client)
            await self._assign(client)
        if not self._next:  # nothing to read yet; aiokafka would wait for an assignment, past every time limit
            await asyncio.sleep(POLL_MS / 1000)
            return
        try:
            polled = await self._fetch(client)
        except OffsetOutOfRangeError as error:
            partitions = list(error.args[0]) if error.args else list(self._next)
            log.warning(
                "offset_out_of_range", consumer=self._name, partitions=[f"{p.topic}/{p.partition}" for p in partitions]
            )
            await self._rewind(client, partitions)
            return
        except Illegible:
            await self._read_one_by_one(client)
            return
        if polled:
            await self._apply(polled)
        if self._uncommitted and (not polled or time.monotonic() >= self._commit_at):
            await self._commit(client)

    async def _fetch(self, client: Reader, *partitions: TopicPartition, most: int = POLL_RECORDS) -> Polled:
        """What has come, of these partitions or of all. Raises Illegible, and then some of it is lost to the client."""
        try:
            polled: Polled = await client.call(client.getmany(*partitions, timeout_ms=POLL_MS, max_records=most))
        except (UnsupportedCodecError, CorruptRecordException) as error:
            raise Illegible from error
        except (OffsetOutOfRangeError, *BROKER_ERRORS):
            raise
        except Exception as error:  # whatever aiokafka stumbles over in bytes that somebody else wrote
            raise Illegible from error
        return polled

    async def _read_one_by_one(self, client: Reader) -> None:
        """Find the partition with the illegible record and leave it alone; what came of the others is read again."""
        for partition, offset in self._next.items():
            client.seek(partition, offset)
        suspects = {p: offset for p, offset in self._next.items() if p not in self._aside}
        for partition in [p for p, offset in suspects.items() if (client.highwater(p) or 0) > offset]:
            try:
                polled = await self._fetch(client, partition)
                if polled:
                    await self._apply(polled)
            except Illegible:
                await self._read_up_to_it(client, partition)

    async def _read_up_to_it(self, client: Reader, partition: TopicPartition) -> None:
        """Apply what lies before the illegible record, and read no further: nothing may be passed over unseen."""
        client.seek(partition, self._next[partition])
        try:
            while polled := await self._fetch(client, partition, most=1):
                await self._apply(polled)
        except Illegible as illegible:
            self._leave_alone(client, partition, repr(illegible.__cause__))

    def _leave_alone(self, client: Reader, partition: TopicPartition, why: str) -> None:
        client.pause(partition)
        self._aside[partition] = time.monotonic() + ASIDE_S
        log.error("record_illegible", consumer=self._name, places=self.illegible, error=why)

    def _try_again(self, client: Reader) -> None:
        """Read on in partitions that were left alone long enough."""
        for partition in [p for p, at in self._aside.items() if time.monotonic() >= at]:
            del self._aside[partition]
            if partition in self._next:
                client.resume(partition)
                client.seek(partition, self._next[partition])

    async def _apply(self, polled: Polled) -> None:
        if not self._uncommitted:
            self._commit_at = time.monotonic() + COMMIT_S
        await self._delivery.apply([self._table.read(record) for records in polled.values() for record in records])
        moved = {partition: records[-1].offset + 1 for partition, records in polled.items()}
        self._next.update(moved)
        self._uncommitted.update(moved)

    async def _commit(self, client: Reader, seconds: float = broker.CALL_S) -> None:
        """Tell the broker how far we are. If it fails, no harm: the inbox knows what is read again."""
        await client.call(client.commit(dict(self._uncommitted)), seconds)
        self._committed.update(self._uncommitted)
        self._uncommitted.clear()

    async def _leave_word(self) -> None:
        """Told to stop: let whoever reads next begin where we ended."""
        if self._client is not None and self._uncommitted:
            with contextlib.suppress(*BROKER_ERRORS):
                await self._commit(self._client, broker.LEAVE_S)

    async def _assign(self, client: Reader) -> None:
        """Find the partitions that are ours: keep our place in those we have, begin the new ones where we left off."""
        wanted = self._topics() if callable(self._topics) else self._topics
        if inspect.isawaitable(wanted):
            wanted = await wanted
        names = {topic.name if isinstance(topic, Topic) else topic for topic in wanted}
        cluster = await client.call(client._client.fetch_all_metadata())
        missing = names - cluster.topics(exclude_internal_topics=False)
        if await self._make(missing):
            cluster = await client.call(client._client.fetch_all_metadata())
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
            client.pause(*(self._aside.keys() & ours))
        again = min(self._refresh_s, MISSING_S) if missing else self._refresh_s
        self._refresh_at = time.monotonic() + again

    def _ours(self, topic: str, partitions: Collection[int]) -> list[int]:
        if len(partitions) == 1:  # or every one-partition topic would fall to shard 0
            return [0] if crc32(topic.encode()) % self._of == self.number else []
        return [partition for partition in partitions if partition % self._of == self.number]

    async def _make(self, names: Collection[str]) -> bool:
        """Make topics that are missing, so that their first record need not wait for us; whether any was made."""
        specs = []
        for name in names:
            with contextlib.suppress(broker.TopicRefused):
                specs.append(broker.topic_of(name))
        refused = await broker.ensure_topics(self._kafka, specs)
        if refused:  # no right to make it: its owner will
            log.info("topics_not_made", topics=refused)
        return len(specs) > len(refused)

    async def _starts(self, client: Reader, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to begin: where this group left off, or at the beginning."""
        if not partitions:
            return {}
        committed = await client.call(client._coordinator.fetch_committed_offsets(list(partitions)))
        earliest = await client.call(client.beginning_offsets(list(partitions)))
        found = {p: meta.offset for p, meta in committed.items() if meta.offset >= 0}
        self._committed.update(found)
        return {partition: found.get(partition, earliest[partition]) for partition in partitions}

    async def _look_for_wipe(self, client: Reader) -> None:
        """A broker that lost everything also forgot what we committed; then its offsets begin anew, and so do we."""
        if not self._committed:
            return
        now = await client.call(client._coordinator.fetch_committed_offsets(list(self._committed)))
        gone = [p for p, offset in self._committed.items() if p not in now or now[p].offset < offset]
        if gone:
            log.error("broker_was_wiped", consumer=self._name, partitions=len(gone))
            self._committed.clear()
            self._uncommitted.clear()
            self._next.clear()

    async def _rewind(self, client: Reader, partitions: Sequence[TopicPartition]) -> None:
        earliest = await client.call(client.beginning_offsets(partitions))
        for partition, offset in earliest.items():
            self._next[partition] = offset
            self._uncommitted.pop(partition, None)
            client.seek(partition, offset)

    async def measure(self) -> None:
        """Ask the broker how much there is still to read."""
        client, places = self._client, {p: offset for p, offset in self._next.items() if p not in self._aside}
        if client is None:
            self.lag = None
            return
        try:
            ends = await client.call(client.end_offsets(list(places)), 5) if places else {}
        except BROKER_ERRORS:
            self.lag = None
            return
        if self.lag is None:
            self.mute_since = None
            self.excuse()
        self.lag = sum(max(0, ends[partition] - offset) for partition, offset in places.items())
        if self.lag == 0 and self._client is client:
            self.excuse()
