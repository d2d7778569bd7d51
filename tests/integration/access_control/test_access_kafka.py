"""The whole service on a broker: a fact in, a signed order out, a signed receipt in, a fact out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from local_stack.broker import Broker
from shared.contracts.base import Fact
from shared.runtime.acts import envelope
from shared.runtime.base.ids import uuid7
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import NOON, Desk, carried_out, opened


@pytest.fixture
async def live(open_desk: OpenDesk, broker: Broker) -> AsyncIterator[Desk]:
    """The service with all its workers."""
    kafka = {"kafka_bootstrap_servers": broker.bootstrap, "kafka_idempotence": broker.idempotence}
    async with open_desk(
        withdraw_window_s=0, roles_run="http,relay,consumer,ticks", topic_partitions=3, **kafka
    ) as desk:
        yield desk


@asynccontextmanager
async def client(kind: Any, broker: Broker, **options: Any) -> AsyncIterator[Any]:
    made = kind(bootstrap_servers=broker.bootstrap, **options)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def send(broker: Broker, topic: str, key: str, *values: bytes) -> None:
    async with client(AIOKafkaProducer, broker) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, key=key.encode())


async def tell(broker: Broker, fact: Fact) -> None:
    value = envelope.encode(fact, event_id=uuid7(), at=NOON, trace={})
    await send(broker, fact.TOPIC.name, fact.key, value)


async def read(broker: Broker, topic: str, count: int, seconds: float = 20) -> list[Any]:
    """The first records of a topic with one partition."""
    found: list[Any] = []
    async with client(AIOKafkaConsumer, broker, fetch_max_wait_ms=10) as consumer, asyncio.timeout(seconds):
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    return found


async def until(check: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Until something holds."""
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, "it never came about"
        await asyncio.sleep(0.05)
    return found


async def topics(broker: Broker) -> set[str]:
    async with client(AIOKafkaConsumer, broker) as consumer:
        return set(await consumer.topics())


async def test_an_execution_becomes_an_order_and_a_receipt_becomes_a_fact(live: Desk, broker: Broker) -> None:
    host = await live.host()
    mine = {f"access-orders.{host.id}", f"access-receipts.{host.id}"}

    async def both() -> bool:
        return mine <= await topics(broker)

    await until(both, 10)
    fact = carried_out(host)
    await tell(broker, fact)
    await tell(broker, fact)
    (record,) = await read(broker, f"access-orders.{host.id}", 1)
    (polled,) = (await live.feed(host, wait=10))["orders"]
    assert record.value == polled["jws"].encode()
    assert fact.site is not None
    assert record.key == str(fact.site.site_id).encode()
    headers = dict(record.headers)
    assert (headers["content-type"], headers["ce_type"]) == (b"application/jose", b"concord-order+json")

    jws = host.batch(host.receipt(polled)).encode()
    await send(broker, f"access-receipts.{host.id}", "k", b"nonsense", jws, jws)

    async def executed() -> list[dict[str, Any]]:
        return await live.orders(host, status="executed")

    (order,) = await until(executed)
    (receipt,) = (await live.order(order["id"]))["receipts"]
    assert receipt["door"] == "kafka"
    kept = await live.api.get(f"/providers/{host.id}/receipts/{receipt['batch']}", who=host.who)
    assert kept.json()["jws"].encode() == jws
    said = opened(kept.json()["counter_receipt"])
    assert (said["batch"], [each["status"] for each in said["results"]]) == (receipt["batch"], ["recorded"])

    async def audited() -> bool:
        return len(await live.refusals()) == 1

    await until(audited)
    assert [code for _, code in await live.refusals()] == ["bad_signature"]
    assert len(await live.orders(host)) == 1


async def test_a_provider_registered_while_we_run_is_heard_within_seconds(live: Desk, broker: Broker) -> None:
    await live.host()
    await asyncio.sleep(3)
    late = await live.host()
    await live.cut_off(late)
    (order,) = (await live.feed(late))["orders"]
    topic = f"access-receipts.{late.id}"

    async def there() -> bool:
        return topic in await topics(broker)

    await until(there, 10)
    began = time.monotonic()
    await send(broker, topic, "k", late.batch(late.receipt(order, "received")).encode())

    async def received() -> list[dict[str, Any]]:
        return await live.orders(late, status="received")

    await until(received, 10)
    assert time.monotonic() - began < 8
