"""A broker takes a message and gives it back, stops, and comes back on its port."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from local_stack.broker import Broker
from tests.support.fixtures import FreshBroker


async def _send(broker: Broker, topic: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=broker.idempotence)
    await producer.start()
    try:
        await asyncio.wait_for(producer.send_and_wait(topic, value), 20)
    finally:
        await producer.stop()


async def _first(broker: Broker, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=10)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        value: bytes | None = (await asyncio.wait_for(consumer.getone(), 20)).value
        return value
    finally:
        await consumer.stop()


async def test_a_message_comes_back(broker: Broker) -> None:
    await _send(broker, "test-brokers-echo", b"hello")
    assert await _first(broker, "test-brokers-echo") == b"hello"


async def test_a_broker_returns_on_its_port_after_kill(fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    await _send(server, "before", b"1")
    address = server.bootstrap
    server.kill()
    assert not server.is_alive()
    server.start()
    assert server.bootstrap == address
    if server.keeps_data:
        assert await _first(server, "before") == b"1"
    await _send(server, "after", b"2")
    assert await _first(server, "after") == b"2"
