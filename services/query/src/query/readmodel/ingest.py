"""Reads sites, what was decided about them, and orders from Kafka into the read model, and knows how far behind it is.

It joins no group and keeps no inbox: where to go on is in the read model itself, committed with what was read.
"""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from opentelemetry import metrics

from query.readmodel.decoding import Decoded, decode
from query.readmodel.layout import Place
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.contracts.topics import ACCESS_EVENTS, ENFORCEMENT_EVENTS, REGISTRY_EVENTS, REGISTRY_SITES
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import metrics as runtime_metrics
from shared.runtime.base.clock import Clock
from shared.runtime.events import kafka as broker
from shared.runtime.events.consumer import note_hearing
from shared.runtime.events.kafka import KafkaSettings, Reader
from shared.runtime.events.places import Kept, Polled, seal_of
from shared.runtime.events.reading import Reading

TOPICS: Final = (REGISTRY_SITES, REGISTRY_EVENTS, ENFORCEMENT_EVENTS, ACCESS_EVENTS)
POLL_RECORDS: Final = 5000
PROBE_S: Final = 0.5
"""How often the broker is asked how far its topics reach."""
STALL_S: Final = 60.0
READERS_S: Final = 60.0
"""How often it is looked for processes that were killed while they read the file."""

METRICS: Final = {
    "query_records_total": "Records read into the read model, by outcome: applied, skipped, unreadable.",
    "query_lag_records": "Records on the broker that the read model has not taken in yet; -1 while that is not known.",
    "query_unreadable": "Records in quarantine. Anything above 0 is an alert.",
}
_meter = metrics.get_meter("concord.query")
_records = _meter.create_counter("query_records", description=METRICS["query_records_total"])
_lag = _meter.create_gauge("query_lag_records", description=METRICS["query_lag_records"])
_unreadable = _meter.create_gauge("query_unreadable", description=METRICS["query_unreadable"])
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """How far the topics reached at a moment; once all of it is in, the read model is complete up to then."""

    at: datetime
    ends: Mapping[TopicPartition, int]


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
    """Reads all partitions of its topics into one read model: a Keeper that keeps the place in the file itself."""

    def __init__(self, model: ReadModel, kafka: KafkaSettings, clock: Clock, *, stall_s: float = STALL_S) -> None:
        self._model, self._clock = model, clock
        self._writer = Writer(model)
        self._stall_s = stall_s
        self._target: Target | None = None
        self.progress_at = time.monotonic()
        self._thread = ThreadPoolExecutor(1, "lmdb-writer")
        """LMDB's writer must stay on one thread, and a commit waits for the disk: not on the event loop's."""
        self._reading = Reading(self, name="query", kafka=kafka, topics=TOPICS, most=POLL_RECORDS)

    @property
    def lag(self) -> int | None:
        """Records not read yet; none while the broker does not say."""
        return self._reading.lag

    async def run(self) -> None:
        """Read until cancelled. Raises Stalled when there is lag and no progress."""
        try:
            await self._do(self._prepare)
            tasks = [asyncio.create_task(self._reading.run()), asyncio.create_task(self._watch())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=broker.CALL_S)
        finally:
            self._thread.shutdown(wait=True)

    def _prepare(self) -> None:
        """Empty a file of another schema; try again what could not be read before, as this program may be newer."""
        if self._writer.prepare():
            _log.warning("ingest.rebuild", reason="the file has another schema")
        for kept in self._model.unreadable():
            decoded = Decoded()
            try:
                decoded.take(kept.place.topic, kept.value)
            except ValueError:
                continue
            self._writer.apply(decoded.batch())
            self._writer.release(kept)
        self._count_unreadable()

    async def _watch(self) -> None:
        """Measure the lag and how complete the read model is; end if nothing is read although there is something."""
        looked = time.monotonic()
        while True:
            if time.monotonic() - looked >= READERS_S:
                await self._do(self._model.forget_dead_readers)
                looked = time.monotonic()
            at = self._clock.now()
            ends = await self._reading.measure()
            _lag.set(-1 if self.lag is None else self.lag)
            note_hearing("query", [self._reading])
            runtime_metrics.illegible_records.set(len(self._reading.illegible), {"consumer": "query"})
            # Behind a record that nobody can take apart there may be anything: nothing is complete then.
            if ends and self._target is None and not self._reading.illegible:
                self._target = Target(at, ends)
                await self._reach()
            await self._reading.judge(self._stall_s)
            await asyncio.sleep(PROBE_S)

    async def begin(self, client: Reader) -> None:
        """What was measured before says nothing about a broker that may be another one."""
        self._target = None
        await self.replaced(client)

    async def replaced(self, client: Reader) -> bool:
        """Another cluster's offsets are not those that are kept."""
        cluster_id = await client.cluster_id()
        if cluster_id == self._model.cluster_id():
            return False
        await self._do(self._writer.adopt, cluster_id)
        _log.info("ingest.from_the_beginning", cluster_id=cluster_id)
        self._target = None
        return True

    async def places(self, _client: Reader, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Kept]:
        """Where the file says. It outlives any broker: an offset without a seal says nothing of the log there is."""
        offsets, seals = self._model.offsets(), self._model.seals()
        sealed = offsets.keys() & seals.keys()
        return {p: Kept(offsets[at], seals[at]) for p, at in ((p, _place(p)) for p in partitions) if at in sealed}

    async def take(self, polled: Polled) -> None:
        """Write records and their places in one transaction of the file."""
        decoded = await self._do(self._decode_and_apply, polled)
        self.progress_at = time.monotonic()
        applied = len(decoded.sites) + len(decoded.orders) + len(decoded.acts)
        for outcome, number in (
            ("applied", applied),
            ("skipped", decoded.skipped),
            ("unreadable", len(decoded.unreadable)),
        ):
            if number:
                _records.add(number, {"outcome": outcome})

    async def settle(self, _client: Reader, *, resting: bool) -> None:
        """See whether the read model is complete up to the last measurement."""
        await self._reach()

    def rewound(self, _partitions: Collection[TopicPartition]) -> None:
        """What was measured of the old log says nothing about the new one."""
        self._target = None

    async def leave(self, _client: Reader) -> None:
        """Nothing to say: the place is in the file."""

    def _decode_and_apply(self, polled: Polled) -> Decoded:
        decoded = decode((_place(each), records) for each, records in polled.items())
        decoded.seals = {_place(each): seal_of(records[-1]) for each, records in polled.items()}
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
        """Record that the read model is complete up to the moment of the last measurement, once it is."""
        target, places = self._target, self._reading.places
        if target is not None and all(places.get(each, 0) >= end for each, end in target.ends.items()):
            self._target = None
            await self._do(self._writer.reached, target.at)

    def _count_unreadable(self) -> None:
        _unreadable.set(self._model.count("quarantine"))

    async def _do(self, work: Any, *given: Any) -> Any:
        """Work on the file, on the writer's thread. Cancelled or not, it is finished before this returns."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work, *given))


def _place(partition: TopicPartition) -> Place:
    return Place(partition.topic, partition.partition)
