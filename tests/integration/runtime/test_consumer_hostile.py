"""Whoever may write to a topic chooses every byte of it: nothing anybody writes stops the reading of others."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import confluent_kafka
import pytest
from aiokafka import codec
from confluent_kafka.admin import AdminClient

from local_stack.broker import Broker
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events import reading
from shared.runtime.events.consumer import Consumer
from shared.runtime.events.dispatch import Raw
from shared.runtime.events.kafka import KafkaSettings, ensure_topics, topic_of
from tests.integration.runtime.world import (
    effects,
    has_effects,
    is_parked,
    new_topic,
    parked,
    running,
    runtime_of,
    send_bytes,
    send_illegible,
    until,
)

PREFIX = "access-receipts."


async def _write_down(_rt: Runtime, tx: Tx, heard: Sequence[Raw]) -> None:
    for value, meta in heard:
        if value == b"refuse me":
            raise ValueError("refused")
        await tx.execute("INSERT INTO effect (key, n) VALUES ($1, $2)", meta.topic, int(value))


async def _new_topics(kafka: KafkaSettings, count: int) -> list[str]:
    names = [f"{PREFIX}{os.urandom(4).hex()}" for _ in range(count)]
    assert await ensure_topics(kafka, [topic_of(name) for name in names]) == {}
    return names


@asynccontextmanager
async def _reading(db: Database, kafka: KafkaSettings, names: list[str]) -> AsyncIterator[Consumer]:
    raw = {PREFIX: _write_down, "test-rails-": _write_down}
    consumer = Consumer(runtime_of(db), "hostile", names, {}, kafka=kafka, raw=raw, refresh_s=0.3, stall_s=2.0)
    async with running(consumer.run):
        yield consumer


def _send(kafka: KafkaSettings, topic: str, value: bytes, options: dict[str, Any] | None = None, **given: Any) -> None:
    """With a client that lets us write what we like."""
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers, **(options or {})})
    refused: list[Any] = []
    producer.produce(topic, value, partition=0, on_delivery=lambda error, _: refused.append(error), **given)
    assert producer.flush(20) == 0
    assert refused == [None]


@pytest.mark.parametrize(
    "given",
    [
        {"timestamp": -(2**60)},
        {"headers": [("traceparent", None)]},
        {"headers": [("traceparent", b"\0"), ("x", b"\xff")]},
        {"headers": [("traceparent", b"00-ffff-1-zz")]},
        {"key": b"\0"},
        {"key": b"\xff\0" * 2000},
        {"key": random.Random(7).randbytes(20_000).hex().encode()},
    ],
    ids=lambda given: str(given)[:40],
)
@pytest.mark.parametrize("refused", [False, True], ids=["taken", "parked"])
async def test_a_strange_record_is_a_record(
    db: Database, kafka: KafkaSettings, given: dict[str, Any], refused: bool
) -> None:
    strange, other = await _new_topics(kafka, 2)
    async with _reading(db, kafka, [strange, other]):
        _send(kafka, strange, b"refuse me" if refused else b"1", **given)
        await send_bytes(kafka, other, b"2")
        await send_bytes(kafka, strange, b"3", key=b"another key")
        await until(lambda: has_effects(db, 2 if refused else 3))
    assert {n for _, n in await effects(db)} == ({2, 3} if refused else {1, 2, 3})
    assert sum(count for _, count in await parked(db, "hostile")) == refused


async def test_nobody_waits_behind_what_another_wrote_under_the_same_key(db: Database, kafka: KafkaSettings) -> None:
    one, other = await _new_topics(kafka, 2)
    async with _reading(db, kafka, [one, other]):
        await send_bytes(kafka, one, b"refuse me", key=b"the other's key")
        await until(lambda: is_parked(db, "hostile", 1))
        await send_bytes(kafka, other, b"1", key=b"the other's key")
        await send_bytes(kafka, one, b"2", key=b"the other's key")
        await until(lambda: is_parked(db, "hostile", 2))
        await until(lambda: has_effects(db, 1))
    assert await effects(db) == [(other, 1)]


async def test_a_partition_that_cannot_be_read_stops_no_other(db: Database, kafka: KafkaSettings) -> None:
    bad, *good = await _new_topics(kafka, 4)
    await send_illegible(kafka, bad, b"1", b"2", b"3")
    await send_bytes(kafka, bad, b"4")
    for place, name in enumerate(good):
        await send_bytes(kafka, name, b"%d" % (place + 10))
    async with _reading(db, kafka, [bad, *good]) as consumer:
        await until(lambda: has_effects(db, 5))
        for name in good:
            await send_bytes(kafka, name, b"20")
        await until(lambda: has_effects(db, 8))
        assert consumer.health().illegible == (f"{bad}/0@2",)
        await asyncio.sleep(4.0)  # longer than a consumer may stand still with something to read
        assert (consumer.health().state, consumer.health().lag) == ("reading", 0)
    async with _reading(db, kafka, [bad, *good]) as another:  # a process that takes over stops at the same place
        await until(_says(another, f"{bad}/0@2"))
    found = await effects(db)
    assert [n for topic, n in found if topic == bad] == [1, 2]
    assert sorted(n for topic, n in found if topic != bad) == [10, 11, 12, 20, 20, 20]


async def test_it_is_read_again_once_it_can_be(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ASIDE_S", 0.5)
    topic = new_topic(1)  # not a provider's: the broker would unpack what comes
    packed = topic.name
    assert await ensure_topics(kafka, [topic]) == {}
    _send(kafka, packed, b"1")
    with monkeypatch.context() as without:
        without.setattr(codec, "has_gzip", lambda: False)
        async with _reading(db, kafka, [packed]) as consumer:
            _send(kafka, packed, b"2", {"compression.type": "gzip"}, headers=[("x", b"x" * 1000)])
            await until(_says(consumer, f"{packed}/0@1"))
            without.undo()
            await send_bytes(kafka, packed, b"3")
            await until(lambda: has_effects(db, 3))
            await until(_says(consumer))
    assert [n for _, n in await effects(db)] == [1, 2, 3]


def _says(consumer: Consumer, *places: str) -> Callable[[], Any]:
    async def so() -> bool:
        return consumer.health().illegible == places

    return so


async def test_the_way_out_is_to_delete_the_record_on_the_broker(
    db: Database, broker: Broker, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broker.kind == "tansu":
        pytest.skip("Tansu cannot delete records; make test-kafka runs this on Apache Kafka")
    monkeypatch.setattr(reading, "ASIDE_S", 0.5)
    (bad,) = await _new_topics(kafka, 1)
    await send_illegible(kafka, bad, b"1", b"2")
    await send_bytes(kafka, bad, b"3")
    async with _reading(db, kafka, [bad]) as consumer:
        await until(_says(consumer, f"{bad}/0@1"))
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        for deleted in admin.delete_records([confluent_kafka.TopicPartition(bad, 0, 2)]).values():
            await asyncio.to_thread(deleted.result, 20)
        await until(lambda: has_effects(db, 2))
        await until(_says(consumer))
    assert [n for _, n in await effects(db)] == [1, 3]
