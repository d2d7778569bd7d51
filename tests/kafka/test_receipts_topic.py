"""What Apache Kafka does for the topics that providers write."""

import os
import time

import confluent_kafka
import pytest

from local_stack.broker import Broker
from shared.contracts.topics import receipts_topic
from shared.runtime.events.kafka import ensure_topics
from tests.integration.runtime.world import kafka_of, read_log


@pytest.mark.parametrize("packing", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_receipts_may_be_packed_in_any_way_and_bear_the_time_of_the_broker(broker: Broker, packing: str) -> None:
    topic = receipts_topic(os.urandom(4).hex())
    assert await ensure_topics(kafka_of(broker), [topic]) == {}
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "compression.type": packing})
    producer.produce(topic.name, b"receipt " * 100, partition=0, timestamp=1)
    assert producer.flush(20) == 0
    (record,) = (await read_log(kafka_of(broker), topic)).records
    assert record.value == b"receipt " * 100
    assert abs(time.time() - record.timestamp / 1000) < 60
