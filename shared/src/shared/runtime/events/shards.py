"""One shard of a consumer: reads its partitions while it holds the shard's lease, and commits how far it has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Final
from zlib import crc32

import structlog
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from shared.runtime.base.backoff import Backoff
from shared.runtime.db.leases import Lease, hold
from shared.runtime.db.postgres import DATABASE_ERRORS
from shared.runtime.events import kafka as broker
from shared.runtime.events.kafka import KafkaSettings, Reader
from shared.runtime.events.places import Kept, KeptPlaces, Polled, seal_of
from shared.runtime.events.reading import Reading, Topics

if TYPE_CHECKING:
    from shared.runtime.db.postgres import Database
    from shared.runtime.events.delivery import Delivery
    from shared.runtime.events.dispatch import Table

log = structlog.get_logger(__name__)

COMMIT_S: Final = 1.0
"""How far the committed offsets may be behind what was applied; the inbox knows what is read again after a crash."""


class GroupOffsets:
    """Keeper of a consumer: the inbox knows what was applied; the broker keeps the offsets, under the group's name.

    Offsets and facts need not be lost together, on several disks: so the seal of what was read last is committed too.
    A broker that keeps no such word (Tansu) keeps all in one place.
    """

    def __init__(self, delivery: Delivery, table: Table) -> None:
        self._delivery = delivery
        self._table = table
        self._committed: dict[TopicPartition, Kept] = {}
        self._uncommitted: dict[TopicPartition, Kept] = {}
        self._commit_at = 0.0

    @property
    def progress_at(self) -> float:
        """When an event was last applied: in the middle of a batch too."""
        return self._delivery.progress_at

    @progress_at.setter
    def progress_at(self, at: float) -> None:
        self._delivery.progress_at = at

    async def begin(self, client: Reader) -> None:
        """Forget what another client committed."""
        self._forget()

    def _forget(self) -> None:
        self._committed.clear()
        self._uncommitted.clear()

    async def replaced(self, client: Reader) -> bool:
        """A broker that lost everything also forgot what we committed."""
        if not self._committed:
            return False
        now = await client.committed_of(self._committed)
        if all(p in now and now[p].offset >= kept.offset for p, kept in self._committed.items()):
            return False
        self._forget()
        return True

    async def places(self, client: Reader, partitions: Collection[TopicPartition]) -> KeptPlaces:
        """Where this group left off."""
        found = await client.committed_of(partitions)
        self._committed.update(found)
        return found

    async def take(self, polled: Polled) -> None:
        """Apply events; some of them may be parked."""
        if not self._uncommitted:
            self._commit_at = time.monotonic() + COMMIT_S
        await self._delivery.apply([self._table.read(record) for records in polled.values() for record in records])
        for partition, records in polled.items():
            self._uncommitted[partition] = Kept(records[-1].offset + 1, seal_of(records[-1]))

    async def settle(self, client: Reader, *, resting: bool) -> None:
        """Commit when there is time for it, or when it has not been done for long."""
        if self._uncommitted and (resting or time.monotonic() >= self._commit_at):
            await self._commit(client, broker.CALL_S)

    def rewound(self, partitions: Collection[TopicPartition]) -> None:
        """What was applied of the old log says nothing about the new one."""
        for partition in partitions:
            self._uncommitted.pop(partition, None)

    async def leave(self, client: Reader) -> None:
        """Commit what was not committed yet."""
        if self._uncommitted:
            await self._commit(client, broker.LEAVE_S)

    async def _commit(self, client: Reader, seconds: float) -> None:
        """Tell the broker how far we are. If it fails, no harm: the inbox knows what is read again."""
        said = {each: OffsetAndMetadata(kept.offset, kept.seal or "") for each, kept in self._uncommitted.items()}
        await client.call("commit of offsets", client.commit(said), seconds)
        self._committed.update(self._uncommitted)
        self._uncommitted.clear()


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
        self.holds_lease = False
        self._db_error: str | None = None
        self._db = db
        self._lease = f"consumer {name} {number}"
        self._number = number
        self._of = of
        self.reading = Reading(
            GroupOffsets(delivery, table),
            name=f"{name} {number}",
            kafka=kafka,
            topics=topics,
            group=name,
            share=self._share,
            refresh_s=refresh_s,
        )

    @property
    def error(self) -> str | None:
        """What went wrong last, if it was not put right since."""
        return self._db_error or self.reading.error

    @property
    def stands_by(self) -> bool:
        """Whether it is another process's to say how far this shard is read: as far as one knows, it has the lease."""
        return not self.holds_lease and self._db_error is None

    async def run(self) -> None:
        """Hold the lease and read; start again after whatever the database does to us."""
        backoff = Backoff()
        while True:
            try:
                async with hold(self._db, self._lease, anothers=self._note_reachable) as lease:
                    self.reading.excuse()
                    self.holds_lease, self._db_error = True, None
                    backoff.reset()
                    await self._read_while(lease)
            except* DATABASE_ERRORS as errors:
                self._db_error = repr(errors.exceptions[0])
                log.warning("consumer_lost_database", lease=self._lease, error=self._db_error)
            finally:
                self.holds_lease = False
                self.reading.left()
            await backoff.wait()

    def _note_reachable(self) -> None:
        self._db_error = None

    async def _read_while(self, lease: Lease) -> None:
        """Read until the lease is lost."""
        reading = asyncio.create_task(self.reading.run())
        beating = asyncio.create_task(lease.beat())
        try:
            done, _ = await asyncio.wait({reading, beating}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            reading.cancel()
            beating.cancel()
            await asyncio.wait({reading, beating}, timeout=broker.CALL_S)

    def _share(self, topic: str, partitions: Collection[int]) -> list[int]:
        if len(partitions) == 1:  # or every one-partition topic would fall to shard 0
            return [0] if crc32(topic.encode()) % self._of == self._number else []
        return [partition for partition in partitions if partition % self._of == self._number]
