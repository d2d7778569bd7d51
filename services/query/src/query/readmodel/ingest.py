"""Reads the register's records and the order facts from Kafka into the read model, and knows how far behind it is.

It joins no group and keeps no inbox: where to go on is in the read model itself, committed with what was read.
"""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import OffsetOutOfRangeError
from opentelemetry import metrics

from query.readmodel.decoding import Decoded, decode
from query.readmodel.layout import Place
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.contracts.topics import ACCESS_EVENTS, REGISTRY_SITES
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import Clock
from shared.runtime.events import kafka as broker
from shared.runtime.events.kafka import BROKER_ERRORS, KafkaSettings, bounded

TOPICS: Final = (REGISTRY_SITES, ACCESS_EVENTS)
POLL_MS: Final = 200
POLL_RECORDS: Final = 5000
PROBE_S: Final = 0.5
"""How often the broker is asked how far its topics reach."""
REFRESH_S: Final = 5.0
"""How often new partitions are looked for."""
MISSING_S: Final = 0.5
"""How often while a topic has none: one just made is not known to every broker at once."""
STALL_S: Final = 60.0
LONGEST_PAUSE_S: Final = 5.0

METRICS: Final = {
    "query_records_total": "Records read into the read model, by outcome: applied, skipped, unreadable.",
    "query_lag_records": "Records on the broker that the read model has not taken in yet.",
    "query_unreadable": "Records in quarantine. Anything above 0 is an alert.",
}
_meter = metrics.get_meter("concord.query")
_records = _meter.create_counter("query_records", description=METRICS["query_records_total"])
_lag = _meter.create_gauge("query_lag_records", description=METRICS["query_lag_records"])
_unreadable = _meter.create_gauge("query_unreadable", description=METRICS["query_unreadable"])
_log = structlog.get_logger(__name__)


class IngestStalled(RuntimeError):
    """There is something to read and nothing is read: the process must end, so that a fresh one takes over."""


class ClusterChanged(Exception):
    """The broker is another one than before: its offsets begin anew."""


@dataclass(frozen=True, slots=True)
class Target:
    """How far the topics reached at a moment; once all of it is in, the read model is complete up to then."""

    at: datetime
    ends: Mapping[Place, int]


async def ingest(rt: Runtime) -> None:
    """Keep the read model of this process current; a worker of the service."""
    model: ReadModel = rt.state.model
    kafka = KafkaSettings.of(rt.settings, client_id="query")
    async with _alone(rt.settings.lmdb_path):
        await Ingest(model, kafka, rt.clock).run()


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Wait until no other process writes this file. The lock goes when its process does, however it ends."""
    with (path / "writer.lock").open("w") as lock:
        waiting = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    _log.info("ingest.standby", path=str(path))
                waiting = True
                await asyncio.sleep(0.5)
        yield


class Ingest:
    """Reads all partitions of its topics into one read model."""

    def __init__(self, model: ReadModel, kafka: KafkaSettings, clock: Clock, *, stall_s: float = STALL_S) -> None:
        self._model, self._kafka, self._clock = model, kafka, clock
        self._writer = Writer(model)
        self._stall_s = stall_s
        self._next: dict[Place, int] = {}
        self._target: Target | None = None
        self._progress_at = time.monotonic()
        self._lost: set[Place] = set()
        """Partitions that end before where we are: their log was replaced."""
        self._thread = ThreadPoolExecutor(1, "lmdb-writer")
        """LMDB's writer must stay on one thread, and a commit waits for the disk: not on the event loop's."""
        self.lag: int | None = None
        """Records not read yet; none while the broker does not say."""

    async def run(self) -> None:
        """Read until cancelled; start again with new clients after whatever the broker does."""
        try:
            await self._do(self._prepare)
            pause = 0.1
            while True:
                try:
                    async with self._clients() as (client, admin):
                        await self._begin(client, admin)
                        pause = 0.1
                        await self._read(client, admin)
                except ClusterChanged as changed:
                    _log.warning("ingest.other_cluster", cluster_id=str(changed))
                    continue
                except BROKER_ERRORS as error:
                    _log.warning("ingest.broker_failed", error=repr(error), pause_s=pause)
                self._target, self.lag = None, None
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
        finally:
            self._thread.shutdown(wait=True)

    def _prepare(self) -> None:
        """Empty a file of another schema; try again what could not be read before, as this program may be newer."""
        if self._writer.prepare():
            _log.warning("ingest.rebuild", reason="the file has another schema")
        for kept in self._model.unreadable():
            decoded = Decoded()
            try:
                decoded.take(kept.value)
            except ValueError:
                continue
            self._writer.apply(decoded.batch())
            self._writer.release(kept)
        self._count_unreadable()

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaAdminClient]]:
        async with broker.admin(self._kafka) as admin:
            client = await broker.start_consumer(self._kafka, None)
            try:
                yield client, admin
            finally:
                await broker.stop(client)

    async def _begin(self, client: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """Find out where to go on."""
        refused = await broker.ensure_topics(self._kafka, TOPICS)
        if refused:  # no right to make them: their owner will
            _log.info("ingest.topics_not_made", topics=refused)
        await self._adopt(await _cluster_id(admin))
        self._next.clear()
        self._progress_at = time.monotonic()
        await self._assign(client)

    async def _adopt(self, cluster_id: str) -> None:
        if await self._do(self._writer.adopt, cluster_id):
            _log.info("ingest.from_the_beginning", cluster_id=cluster_id)

    async def _assign(self, client: AIOKafkaConsumer) -> None:
        """Take every partition there is; go on where the read model says, or at the beginning."""
        async with bounded():
            cluster = await client._client.fetch_all_metadata()
        names = [topic.name for topic in TOPICS]
        there = {Place(name, number) for name in names for number in cluster.partitions_for_topic(name) or ()}
        if not there - self._next.keys():
            return
        kept = self._model.offsets()
        fresh = [_partition(place) for place in there - self._next.keys() if place not in kept]
        async with bounded():
            earliest = await client.beginning_offsets(fresh) if fresh else {}
        for place in there - self._next.keys():
            self._next[place] = kept[place] if place in kept else earliest[_partition(place)]
        client.assign([_partition(place) for place in self._next])
        for place, offset in self._next.items():
            client.seek(_partition(place), offset)

    async def _read(self, client: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """Poll and apply; beside it ask the broker how far there is to go."""
        reading = asyncio.create_task(self._poll_forever(client))
        probing = asyncio.create_task(self._probe_forever(client, admin))
        try:
            done, _ = await asyncio.wait({reading, probing}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            reading.cancel()
            probing.cancel()
            await asyncio.wait({reading, probing}, timeout=broker.CALL_S)

    async def _poll_forever(self, client: AIOKafkaConsumer) -> None:
        refreshed = time.monotonic()
        while True:
            complete = {place.topic for place in self._next} >= {topic.name for topic in TOPICS}
            if time.monotonic() - refreshed > (REFRESH_S if complete else MISSING_S):
                await self._assign(client)
                refreshed = time.monotonic()
            if self._lost:
                await self._rewind(client, self._lost)
            if not self._next:  # aiokafka would wait for an assignment, past every time limit
                await asyncio.sleep(POLL_MS / 1000)
                continue
            try:
                async with bounded():
                    polled = await client.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            except OffsetOutOfRangeError as error:
                await self._rewind(client, [_place(each) for each in error.args[0]])
                continue
            if polled:
                await self._take(polled)
            await self._reach()

    async def _take(self, polled: Mapping[TopicPartition, list[Any]]) -> None:
        decoded = await self._do(self._decode_and_apply, polled)
        self._next.update(decoded.offsets)
        self._progress_at = time.monotonic()
        applied = len(decoded.sites) + len(decoded.orders)
        for outcome, number in (
            ("applied", applied),
            ("skipped", decoded.skipped),
            ("unreadable", len(decoded.unreadable)),
        ):
            if number:
                _records.add(number, {"outcome": outcome})

    def _decode_and_apply(self, polled: Mapping[TopicPartition, list[Any]]) -> Decoded:
        decoded = decode((_place(each), records) for each, records in polled.items())
        for kept in decoded.unreadable:
            _log.error(
                "ingest.unreadable",
                topic=kept.place.topic,
                partition=kept.place.partition,
                offset=kept.offset,
                error=kept.error,
            )
        self._writer.apply(decoded.batch())
        if decoded.unreadable:
            self._count_unreadable()
        return decoded

    async def _reach(self) -> None:
        """Record that the read model is complete up to the moment of the last probe, once it is."""
        target = self._target
        if target is not None and all(self._next.get(place, 0) >= end for place, end in target.ends.items()):
            self._target = None
            await self._do(self._writer.reached, target.at)

    async def _probe_forever(self, client: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """Measure the lag; notice another cluster, topics that lost their end, and a client that fell silent."""
        while True:
            at, asked = self._clock.now(), dict(self._next)
            async with bounded():
                cluster_id = await _cluster_id(admin)
                ends = await client.end_offsets([_partition(place) for place in asked])
            if cluster_id != self._model.cluster_id():
                raise ClusterChanged(cluster_id)
            # Tansu answers with the first offset of the last batch; what it sends along with records is right.
            reached = {_place(each): max(end, client.highwater(each) or 0) for each, end in ends.items()}
            # Where we were before we asked: what came in meanwhile lies behind the ends we were told.
            self._lost |= {place for place, end in reached.items() if end < asked[place]}
            self.lag = sum(max(0, end - self._next[place]) for place, end in reached.items())
            _lag.set(self.lag)
            if self._target is None and reached and not self._lost:
                self._target = Target(at, reached)
            self._watch()
            await asyncio.sleep(PROBE_S)

    def _watch(self) -> None:
        if not self.lag:
            self._progress_at = time.monotonic()
        quiet = time.monotonic() - self._progress_at
        if quiet > self._stall_s:
            _log.critical("ingest.stalled", lag=self.lag, quiet_s=quiet)
            raise IngestStalled(f"lag {self.lag}, no progress for {quiet:.0f} s")

    async def _rewind(self, client: AIOKafkaConsumer, places: Iterable[Place]) -> None:
        """Begin these partitions anew: what they hold is known or new, and what is known does no harm."""
        partitions = [_partition(place) for place in places]
        async with bounded():
            earliest = await client.beginning_offsets(partitions)
        _log.warning("ingest.rewound", partitions=[f"{each.topic}/{each.partition}" for each in partitions])
        for partition, offset in earliest.items():
            self._next[_place(partition)] = offset
            client.seek(partition, offset)
        self._target = None
        self._lost.clear()

    def _count_unreadable(self) -> None:
        _unreadable.set(self._model.count("quarantine"))

    async def _do(self, work: Any, *given: Any) -> Any:
        """Work on the file, on the writer's thread. Cancelled or not, it is finished before this returns."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work, *given))


async def _cluster_id(admin: AIOKafkaAdminClient) -> str:
    async with bounded():
        return str((await admin.describe_cluster())["cluster_id"])


def _place(partition: TopicPartition) -> Place:
    return Place(partition.topic, partition.partition)


def _partition(place: Place) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)
