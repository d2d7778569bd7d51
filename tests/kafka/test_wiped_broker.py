"""Apache Kafka whose disk was wiped comes back under its old cluster id, as the image of compose.yml lets it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from local_stack.kafka import ApacheKafka
from query.readmodel.ingest import Ingest
from query.readmodel.model import ReadModel
from shared.contracts.topics import REGISTRY_SITES
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import SystemClock
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events import kafka as broker
from shared.runtime.events.consumer import Consumer
from shared.runtime.events.relay import Relay, replay
from tests.integration.runtime.world import (
    Note,
    kafka_of,
    new_topic,
    note_on,
    publish,
    running,
    runtime_of,
    tell,
    until,
)
from tests.support.fixtures import MakeDatabase
from tests.unit.query.build import site


@asynccontextmanager
async def reading(model: ReadModel, server: ApacheKafka) -> AsyncIterator[Ingest]:
    worker = Ingest(model, kafka_of(server), SystemClock())
    async with running(worker.run):
        yield worker


async def _has_read(model: ReadModel, records: int) -> bool:
    return sum(model.offsets().values()) == records


async def test_the_relay_fills_it_again_and_the_read_model_misses_nothing(
    make_database: MakeDatabase, session_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_stack.kafka.new_cluster_id", lambda: "5L6g3nShT-eMCtK--X86sw")
    server, model = ApacheKafka(session_folder / "wiped"), ReadModel.open(tmp_path / "lookup", map_size=1 << 26)
    server.start()
    registry = await Database.connect(await make_database("runtime"), application_name="test")
    facts = [site(number) for number in range(1, 31)]
    async with running(Relay(registry, kafka_of(server), topics=[REGISTRY_SITES]).run), reading(model, server):
        await tell(registry, *facts[:10])
        await until(lambda: _has_read(model, 10), what="the read model follows")
        await replay(registry)  # so the log is longer than what will fill it again
        await until(lambda: _has_read(model, 20), what="the read model follows")
    first = model.cluster_id()
    await asyncio.to_thread(server.stop)
    shutil.rmtree(server.data)
    await tell(registry, *facts[10:])
    await asyncio.to_thread(server.start)
    async with running(Relay(registry, kafka_of(server), topics=[REGISTRY_SITES]).run):
        await until(lambda: _filled(server, 30), 60, what="the relay fills it")
    async with reading(model, server):
        await until(lambda: _has_read(model, 30), what="the read model reads all of it")
    assert (model.cluster_id(), model.count("sites")) == (first, 30)
    await registry.close()
    model.close()
    server.stop()


async def _filled(server: ApacheKafka, length: int) -> bool:
    client = await broker.start_consumer(kafka_of(server), None)
    try:
        there = (await client.metadata()).partitions_for_topic(REGISTRY_SITES.name) or ()
        ends = await client.end_offsets([TopicPartition(REGISTRY_SITES.name, number) for number in there])
        return bool(sum(ends.values()) == length)
    finally:
        await broker.stop(client)


async def test_offsets_that_outlive_their_log_lead_a_consumer_to_its_beginning(
    make_database: MakeDatabase, session_folder: Path
) -> None:
    """One disk of several is lost, or one topic: the group's offsets, on another, are still there."""
    server, topic = ApacheKafka(session_folder / "outlived"), new_topic(1)
    server.start()
    db, kafka, note = (
        await Database.connect(await make_database("runtime"), application_name="test"),
        kafka_of(server),
        note_on(topic),
    )
    seen: list[int] = []

    async def remember(_rt: Runtime, _tx: Tx, fact: Note, _meta: EventMeta) -> None:
        seen.append(fact.n)

    async def reads(*numbers: int) -> None:
        seen.clear()
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM inbox")  # only the offset can know now
        async with running(Consumer(runtime_of(db), "outlived", [topic], {note: remember}, kafka=kafka).run):
            await until(lambda: _is(seen, *numbers), what=f"reading {numbers}")
            await asyncio.sleep(1)
        assert seen == [*numbers]

    await publish(db, kafka, *(note(subject="a", n=n) for n in range(5)))
    await reads(0, 1, 2, 3, 4)
    await publish(db, kafka, note(subject="a", n=5))
    await reads(5)
    client = await broker.start_consumer(kafka, "outlived")
    place = TopicPartition(topic.name, 0)
    (kept,) = (await client.committed_of([place])).values()
    assert (kept.offset, len(kept.seal or "")) == (6, 32)
    client.assign([place])
    await client.commit({place: OffsetAndMetadata(3, kept.seal)})
    await broker.stop(client)
    await reads(0, 1, 2, 3, 4, 5)
    await db.close()
    server.stop()


async def _is(seen: list[int], *numbers: int) -> bool:
    return seen == [*numbers]
