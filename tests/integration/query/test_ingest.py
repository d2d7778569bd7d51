"""From the topics of a real broker into the read model: restarts, another broker, what cannot be read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.cluster import ClusterMetadata

from local_stack.broker import Broker
from query.lookup.point import Finder, group
from query.main import SERVICE
from query.readmodel import ingest as module
from query.readmodel.ingest import TOPICS, Ingest, Target
from query.readmodel.layout import Place
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from shared.contracts.base import Fact
from shared.contracts.http.query import By
from shared.contracts.topics import ACCESS_EVENTS, REGISTRY_SITES
from shared.runtime.base.clock import SystemClock
from shared.runtime.events import kafka
from shared.runtime.events.kafka import KafkaSettings, Reader
from shared.runtime.events.places import Polled
from shared.runtime.events.reading import Stalled
from tests.integration.runtime.world import send_illegible
from tests.support.fixtures import FreshBroker, MakeDatabase
from tests.support.service import running_service
from tests.unit.query.build import appeal, batch, carried_out, dump, order, site, wire

HERE = Place(REGISTRY_SITES.name, 0)


@pytest.fixture
def model(tmp_path: Path) -> object:
    opened = ReadModel.open(tmp_path / "lookup", map_size=1 << 26, durable=False)
    yield opened
    opened.close()


def settings(server: Broker) -> KafkaSettings:
    return KafkaSettings(server.bootstrap, idempotence=server.idempotence, partitions=3)


@asynccontextmanager
async def reading(model: ReadModel, server: Broker, *, stall_s: float = 60) -> AsyncIterator[Ingest]:
    worker = Ingest(model, settings(server), SystemClock(), stall_s=stall_s)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Stalled):
            await task


async def publish(server: Broker, *facts: Fact | bytes, partition: int | None = None) -> None:
    await kafka.ensure_topics(settings(server), TOPICS)
    producer = await kafka.start_producer(settings(server))
    for fact in facts:
        value = fact if isinstance(fact, bytes) else wire(fact)
        topic = REGISTRY_SITES.name if isinstance(fact, bytes) else fact.TOPIC.name
        key = b"key" if isinstance(fact, bytes) else fact.key.encode()
        await producer.send_and_wait(topic, value, key=key, partition=partition)
    await kafka.stop(producer)


async def until(holds: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - the file has no event
            await asyncio.sleep(0.02)


def note_read(worker: Ingest) -> list[Any]:
    """Every record that is handed to it from here on."""
    read: list[Any] = []
    take = worker.take

    async def noted(polled: Polled) -> None:
        read.extend(record for records in polled.values() for record in records)
        await take(polled)

    worker.take = noted  # type: ignore[method-assign]
    return read


def hosting(model: ReadModel, domain: str) -> str | None:
    with model.reading() as txn:
        hit = Finder(model, txn).find(domain, By.DOMAIN)
        return None if hit is None else group(hit).entries[0].hosting.state


async def test_records_and_orders_arrive_and_freshness_is_known(model: ReadModel, fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    async with reading(model, server) as worker:
        await publish(server, *[site(number) for number in range(1, 40)])
        await until(lambda: model.count("sites") == 39)
        await publish(server, order("released"), order("executed"))
        await until(lambda: hosting(model, "site-1.example") == "suspended")
        before = SystemClock().now()
        await until(lambda: (model.as_of() or before) > before)
        assert worker.lag == 0
    assert sum(model.offsets().values()) == 41


async def test_a_topic_that_is_not_known_yet_is_looked_for_at_once(
    model: ReadModel, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    metadata = Reader.metadata

    async def late(client: Reader) -> Any:
        nonlocal looks
        looks += 1
        if looks > 2:
            return await metadata(client)
        return ClusterMetadata()

    monkeypatch.setattr(Reader, "metadata", late)
    server = fresh_broker()
    await publish(server, site(1))
    async with reading(model, server):
        await until(lambda: looks > 0)
        await until(lambda: model.count("sites") == 1, seconds=3)


async def test_reading_goes_on_where_the_file_is(model: ReadModel, fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    async with reading(model, server):
        await publish(server, site(1), site(2))
        await until(lambda: model.count("sites") == 2)
    await publish(server, site(3), site(1, 2, name="renamed"))
    async with reading(model, server) as worker:
        read = note_read(worker)
        await until(lambda: model.count("sites") == 3 and worker.lag == 0)
    assert len(read) == 2, "none of it again"
    places = sorted(model.offsets().items())
    assert sum(offset for _, offset in places) == 4


async def test_the_read_model_is_complete_up_to_a_moment_only_when_every_record_of_it_is_in(model: ReadModel) -> None:
    worker = Ingest(model, KafkaSettings("nowhere:1"), SystemClock())
    at, one, two = SystemClock().now(), TopicPartition(REGISTRY_SITES.name, 0), TopicPartition(ACCESS_EVENTS.name, 0)
    worker._target = Target(at, {one: 5, two: 1})
    worker._reading._next = {one: 4, two: 1}
    await worker._reach()
    assert model.as_of() is None
    worker._reading._next[one] = 5
    await worker._reach()
    assert model.as_of() == at


async def test_another_broker_is_read_from_its_beginning(model: ReadModel, fresh_broker: FreshBroker) -> None:
    """A Tansu that restarts is empty, under another cluster id; the departments replay their outboxes."""
    server = fresh_broker()
    if server.keeps_data:
        pytest.skip("this broker keeps its data, and with it its cluster id")
    async with reading(model, server):
        await publish(server, *[site(number) for number in range(1, 31)])
        await until(lambda: model.count("sites") == 30)
        whole = dump(model, without=("meta",))
        first = model.cluster_id()
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(1)
        await asyncio.to_thread(server.start)
        await until(lambda: model.cluster_id() != first, 60)
        await publish(server, *[site(number) for number in range(1, 31)])
        await publish(server, site(31))
        await until(lambda: model.count("sites") == 31)
    assert sum(model.offsets().values()) == 31
    with model.reading() as txn:
        known = dict(txn.cursor(model.db["sites"]))
    assert all(known[key] == value for key, value in whole["sites"])


@pytest.mark.parametrize("again", [2, 3, 6])
async def test_a_log_that_was_filled_again_under_the_same_cluster_id_is_read_from_its_beginning(
    model: ReadModel, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch, again: int
) -> None:
    """An image formats each new storage under one id. However far the new log reaches, nothing of it is passed over."""
    monkeypatch.setattr("local_stack.tansu.secrets.token_hex", lambda _: "always-the-same")
    server = fresh_broker()
    if server.keeps_data:
        pytest.skip("this broker keeps its log; tests/kafka/test_wiped_broker.py wipes it")
    async with reading(model, server) as worker:
        await publish(server, *[site(number) for number in range(1, 4)], partition=0)
        await until(lambda: model.count("sites") == 3 and worker.lag == 0)
    first = model.cluster_id()
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await publish(server, *[site(number) for number in range(11, 11 + again)], partition=0)
    async with reading(model, server):
        await until(lambda: model.count("sites") == 3 + again)
    assert (model.cluster_id(), model.offsets()[HERE]) == (first, again)


async def test_what_cannot_be_taken_apart_where_something_was_read_is_another_log(
    model: ReadModel, fresh_broker: FreshBroker
) -> None:
    server = fresh_broker()
    async with reading(model, server):
        await until(model.cluster_id)
    await publish(server, site(1), partition=1)
    await send_illegible(settings(server), REGISTRY_SITES.name, wire(site(2)), b"what no client can take apart")
    Writer(model).apply(replace(batch(), offsets={HERE: 2}, seals={HERE: "of the record that was there"}))
    async with reading(model, server) as worker:
        await until(lambda: model.count("sites") == 2)
        await until(lambda: worker._reading.illegible == [f"{REGISTRY_SITES.name}/0@1"])
    assert model.offsets()[HERE] == 1


async def test_the_read_model_is_not_called_complete_before_it_is_seen_that_the_log_is_the_same(
    model: ReadModel, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fresh_broker()
    async with reading(model, server) as worker:
        await publish(server, site(1), site(2), partition=0)
        await until(lambda: model.count("sites") == 2 and worker.lag == 0)
        await until(model.as_of)
    getmany, nothing = Reader.getmany, asyncio.Event()

    async def later(client: Reader, *partitions: TopicPartition, **options: Any) -> Any:
        await asyncio.sleep(0 if nothing.is_set() else 0.05)
        return await getmany(client, *partitions, **options) if nothing.is_set() else {}

    monkeypatch.setattr(Reader, "getmany", later)
    before = model.as_of()
    async with reading(model, server) as worker:
        await until(lambda: worker._reading._lag == 0)  # as far as the log's end is all it goes by
        await asyncio.sleep(1.5)
        assert (worker.lag, model.as_of()) == (None, before)
        nothing.set()
        await until(lambda: worker.lag == 0 and model.as_of() != before)


async def test_a_file_that_does_not_say_of_which_log_its_offsets_are_is_filled_anew(
    model: ReadModel, fresh_broker: FreshBroker
) -> None:
    server = fresh_broker()
    await publish(server, site(1), site(2), partition=0)
    async with reading(model, server):
        await until(lambda: model.count("sites") == 2)
    model.write(lambda txn: txn.drop(model.db["sites"], delete=False))
    model.write(lambda txn: txn.delete(f"seal/{REGISTRY_SITES.name}/0".encode(), db=model.db["meta"]))
    async with reading(model, server):
        await until(lambda: model.count("sites") == 2)


async def test_offsets_beyond_the_end_lead_back_to_the_beginning(model: ReadModel, fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    await publish(server, site(1), site(2), partition=0)
    async with reading(model, server):
        await until(lambda: model.count("sites") == 2)
    Writer(model).apply(batch(offset=900))
    assert model.offsets()[HERE] == 900
    async with reading(model, server):
        await until(lambda: model.offsets()[HERE] == 2)


async def test_what_cannot_be_read_is_kept_and_the_rest_goes_on(
    model: ReadModel, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fresh_broker()
    wrong = wire(site(7)).replace(b"site-7.example", b"SITE 7 EXAMPLE")
    async with reading(model, server):
        await publish(server, b"not json", wire(site(1)).replace(b'"version":1', b'"version":"one"'), wrong, site(2))
        await until(lambda: model.count("sites") == 1 and model.count("quarantine") == 3)
    kept = {each.value: each.error for each in model.unreadable()}
    assert b"not json" in kept
    assert "SITE 7 EXAMPLE" in kept[wrong]
    monkeypatch.setattr("query.readmodel.records.SiteFact.check", lambda _: None)  # a program that can read it comes
    async with reading(model, server):
        await until(lambda: model.count("sites") == 2)
    assert model.count("quarantine") == 2


async def test_bytes_that_are_no_record_stop_their_partition_alone_and_nothing_is_called_complete(
    model: ReadModel, fresh_broker: FreshBroker
) -> None:
    server = fresh_broker()
    await publish(server, site(1), partition=1)
    await send_illegible(settings(server), REGISTRY_SITES.name, wire(site(2)), b"what no client can take apart")
    async with reading(model, server) as worker:
        await until(lambda: worker._reading.illegible == [f"{REGISTRY_SITES.name}/0@1"])
        complete_up_to = model.as_of()
        await publish(server, site(3), partition=2)
        await until(lambda: model.count("sites") == 3)
        for _ in range(3):  # it is measured again, and again
            worker._reading._lag = None
            await until(lambda: worker.lag == 0)
        assert model.as_of() == complete_up_to
    assert model.offsets()[HERE] == 1


async def test_a_fact_on_a_topic_that_is_not_its_own_is_put_aside(model: ReadModel, fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    async with reading(model, server):
        await publish(server, site(1), wire(carried_out()), site(2))  # bytes go to the topic of sites
        await until(lambda: model.count("sites") == 2 and model.count("quarantine") == 1)
        await publish(server, carried_out())
        await until(lambda: model.count("acts") == 1)
    assert "ForeignFact" in model.unreadable()[0].error
    async with reading(model, server) as worker:  # tried again, it is foreign still
        await until(lambda: worker.lag == 0)
    assert (model.count("quarantine"), model.count("acts")) == (1, 1)


async def test_new_partitions_are_found(
    model: ReadModel, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fresh_broker()
    if server.kind == "tansu":
        pytest.skip("Tansu cannot add partitions")
    async with reading(model, server) as worker:
        worker._reading._refresh_s = 0.5
        await publish(server, site(1))
        await until(lambda: model.count("sites") == 1)
        admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap)
        await admin.start()
        await admin.create_partitions({REGISTRY_SITES.name: NewPartitions(5)})
        await admin.close()
        await publish(server, site(2), partition=4)
        await until(lambda: model.count("sites") == 2)


async def test_a_reader_that_makes_no_progress_ends(
    model: ReadModel, fresh_broker: FreshBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fresh_broker()
    await publish(server, site(1))

    async def silent(*_: object, **__: object) -> dict[str, object]:
        await asyncio.sleep(0.05)
        return {}

    monkeypatch.setattr("aiokafka.AIOKafkaConsumer.getmany", silent)
    worker = Ingest(model, settings(server), SystemClock(), stall_s=1)
    with pytest.raises(Stalled):
        async with asyncio.timeout(30):
            await worker.run()


async def test_two_processes_with_one_file_take_turns(tmp_path: Path) -> None:
    order_of_entry: list[str] = []

    async def hold(name: str, seconds: float) -> None:
        async with module._alone(tmp_path):
            order_of_entry.append(f"{name} in")
            await asyncio.sleep(seconds)
            order_of_entry.append(f"{name} out")

    first = asyncio.create_task(hold("a", 0.3))
    await asyncio.sleep(0.1)
    await asyncio.gather(first, hold("b", 0))
    assert order_of_entry == ["a in", "a out", "b in", "b out"]


async def test_the_whole_service_reads_the_topics_and_answers(
    fresh_broker: FreshBroker, make_database: MakeDatabase, tmp_path: Path
) -> None:
    server = fresh_broker()
    facts = [site(1), site(2, 2, status="revoked"), carried_out(2), appeal("filed", 2), order("released", number=2)]
    await publish(server, *facts)
    given: dict[str, Any] = {
        "roles_run": "http,relay,consumer,ticks",
        "lmdb_path": tmp_path / "lookup",
        "kafka_bootstrap_servers": server.bootstrap,
        "kafka_idempotence": server.idempotence,
        "topic_partitions": 3,
    }
    dsn = await make_database("query")
    for _ in range(2):  # started again it goes on with the same file
        async with running_service(SERVICE, dsn, **given) as api:
            async with asyncio.timeout(30):
                answer = (await api.get("/public/lookup?domain=site-2.example")).json()
                while answer["lag_ms"] is None:
                    await asyncio.sleep(0.05)
                    answer = (await api.get("/public/lookup?domain=site-2.example")).json()
            assert (answer["hosting"]["state"], answer["site"]["status"]) == ("cut_off_ordered", "revoked")
            (measure,) = answer["measures"]
            assert ([each["status"] for each in measure["appeals"]], len(measure["orders"])) == (["filed"], 1)
            assert answer["lag_ms"] < 10_000
