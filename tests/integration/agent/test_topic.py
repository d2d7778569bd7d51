"""The agent on a real broker: orders read from its topic, receipts written to it, and a broker that comes and goes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from concord.agent.agent import Agent
from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.intake import Intake, Keys, Receipts
from concord.agent.journal import Journal
from concord.agent.outbox import HttpOutbox, Outbox
from concord.agent.topic import KafkaOutbox, OrdersTopic
from local_stack.broker import Broker
from shared.contracts.orders import ORDER_TYPE
from shared.contracts.receipts import RECEIPTS_TYPE
from shared.contracts.topics import orders_topic, receipts_topic
from shared.signing import KeyRing, canonical
from tests.support.fixtures import FreshBroker
from tests.unit.concord.agent.conftest import Recorder, make_config
from tests.unit.concord.agent.fake_access import FakeAccess


async def make_topics(broker: Broker, provider: UUID) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    names = (orders_topic(provider).name, receipts_topic(provider).name)
    await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    await admin.close()


async def publish(broker: Broker, provider: UUID, *documents: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    for document in documents:
        await producer.send_and_wait(orders_topic(provider).name, document, key=str(provider).encode())
    await producer.stop()


def sign(access: FakeAccess, provider: UUID, number: int) -> bytes:
    """An order that exists on the topic alone: the feed does not have it."""
    document = access.document(sequence=number, provider_id=str(provider), host=f"site-{number}.example")
    return access.signer.sign(canonical(document), ORDER_TYPE).encode()


@contextlib.asynccontextmanager
async def agent(config: Config, access: FakeAccess, hook: Recorder) -> AsyncIterator[Journal]:
    """An agent at work, its orders from Kafka."""
    journal = Journal(config.state_file, config.provider_id)
    async with Door.open(config, httpx.ASGITransport(access.app)) as door:
        receipts = Receipts(config.provider_id, config.signer())
        keys = Keys(journal, lambda: door.keys(config.jwks_url))
        intake = Intake(config.provider_id, journal, keys, receipts)
        outbox: Outbox = HttpOutbox(door, journal, keys, receipts)
        if config.receipts_via == "kafka":
            outbox = KafkaOutbox(config, door, journal, keys, receipts)
        working = asyncio.create_task(
            Agent(config, journal, intake, receipts, door).run(hook, outbox, OrdersTopic(config, journal).follow)
        )
        try:
            yield journal
        finally:
            working.cancel()
            await asyncio.wait([working])
            if isinstance(outbox, KafkaOutbox):
                await outbox.stop()
            journal.close()


async def until(check: Any, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - another task works
            await asyncio.sleep(0.05)


def settings(folder: Path, broker: Broker, access: FakeAccess, provider: UUID, **changes: Any) -> Config:
    values = {"via": "kafka", "kafka_bootstrap": broker.bootstrap, "provider_id": provider, "check_every_s": 3600}
    return make_config(folder, access, "http://127.0.0.1:9", **(values | changes))


async def test_orders_come_from_the_topic_and_receipts_go_to_it(tmp_path: Path, broker: Broker) -> None:
    access, provider = FakeAccess(), uuid4()
    config = settings(tmp_path, broker, access, provider, receipts_via="kafka")
    await make_topics(broker, provider)
    orders = [sign(access, provider, number) for number in (1, 2, 3)]
    await publish(broker, provider, orders[0], orders[1], orders[0])
    hook = Recorder()
    async with agent(config, access, hook) as journal:
        await until(lambda: journal.counts().get("receipts sent") == 4)  # nobody has read them yet
    access.take = lambda receipt: {  # type: ignore[method-assign]
        "receipt_id": receipt["receipt_id"], "status": "recorded", "code": None,
    }  # fmt: skip
    reading = asyncio.create_task(hear(broker, provider, access))
    async with agent(config, access, hook) as journal:
        await until(lambda: journal.counts().get("receipts accepted") == 4)
    access.orders[:] = orders[:2]  # the feed does not have the third
    async with agent(config, access, hook) as journal:  # goes on where it stopped
        await publish(broker, provider, orders[2])
        await until(lambda: journal.counts().get("receipts accepted") == 6)
    reading.cancel()
    assert len(hook.done) == 3
    written = await read(broker, provider, KeyRing({"keys": access.known_keys}), 6)
    assert [receipt["outcome"] for receipt in written if receipt["sequence"] == 1] == ["received", "executed"]
    assert len({receipt["receipt_id"] for receipt in written}) == 6


async def hear(broker: Broker, provider: UUID, access: FakeAccess) -> None:
    """Access-control reads the provider's receipts, and countersigns them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=50)
    await consumer.start()
    try:
        partition = TopicPartition(receipts_topic(provider).name, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        async for record in consumer:
            access.answer(record.value.decode())
    finally:
        await consumer.stop()


async def read(broker: Broker, provider: UUID, ring: KeyRing, count: int) -> list[dict[str, Any]]:
    """So many receipts, from however many documents."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=50)
    await consumer.start()
    partition = TopicPartition(receipts_topic(provider).name, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                documents = [json.loads(ring.verify(record.value, RECEIPTS_TYPE).payload) for record in records]
                found += [receipt for document in documents for receipt in document["receipts"]]
    await consumer.stop()
    return found


async def test_a_broker_that_loses_everything_stops_nothing(tmp_path: Path, fresh_broker: FreshBroker) -> None:
    broker, access, provider = fresh_broker(), FakeAccess(), uuid4()
    config = settings(tmp_path, broker, access, provider, check_every_s=0.3)
    await make_topics(broker, provider)
    first = access.order(provider_id=str(provider), host="first.example")
    await publish(broker, provider, access.orders[0])
    hook = Recorder()
    async with agent(config, access, hook) as journal:
        await until(lambda: len(hook.done) == 1)
        broker.kill()
        second = access.order(provider_id=str(provider), host="second.example")
        await until(lambda: len(hook.done) == 2)  # through the feed
        broker.start()
        await make_topics(broker, provider)
        third = access.order(provider_id=str(provider), host="third.example")
        await publish(broker, provider, access.orders[2])
        await until(lambda: len(hook.done) == 3)
        await until(lambda: journal.counts().get("receipts accepted") == 6)
    assert [order_id for _, order_id in hook.done] == [first["order_id"], second["order_id"], third["order_id"]]
