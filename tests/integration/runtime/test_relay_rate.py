"""The relay keeps at least half the pace of a bare producer that sends the same records."""

import time
from datetime import UTC, datetime

import asyncpg

from shared.runtime import outbox
from shared.runtime.kafka import KafkaSettings, ensure_topics, start_producer
from shared.runtime.postgres import Database
from shared.runtime.relay import Relay
from tests.integration.runtime.world import new_topic, note_on, running, unpublished, until

COUNT = 20_000


async def _bare(kafka: KafkaSettings, topic: str, rows: list[asyncpg.Record]) -> float:
    producer = await start_producer(kafka)
    await producer.partitions_for(topic)
    began = time.perf_counter()
    for start in range(0, len(rows), 1000):
        batch = rows[start : start + 1000]
        sends = [
            await producer.send(
                topic,
                row["value"],
                key=row["key"].encode(),
                headers=[(k, v.encode()) for k, v in row["headers"].items()],
            )
            for row in batch
        ]
        for send in sends:
            await send
    took = time.perf_counter() - began
    await producer.stop()
    return len(rows) / took


async def test_the_relay_keeps_half_the_pace_of_a_bare_producer(db: Database, kafka: KafkaSettings) -> None:
    topic, bare_topic = new_topic(24), new_topic(24)
    note = note_on(topic)
    await ensure_topics(kafka, [topic, bare_topic])
    async with db.transaction() as tx:
        await outbox.add_many(
            tx, (note(subject=f"key-{n % 997}", n=n, text="x" * 400) for n in range(COUNT)), datetime.now(UTC)
        )
        rows = await tx.fetch("SELECT key, value, headers FROM outbox ORDER BY id")
    bare = await _bare(kafka, bare_topic.name, rows)
    relay = Relay(db, kafka, topics=[topic])
    began = time.perf_counter()
    async with running(relay.run):
        await until(lambda: _none_left(db), 60, "publication")
    relayed = COUNT / (time.perf_counter() - began)
    again = await _bare(kafka, bare_topic.name, rows)
    print(f"bare {bare:,.0f}/s and {again:,.0f}/s, relay {relayed:,.0f}/s, ratio {relayed / max(bare, again):.2f}")
    assert relayed > 0.5 * min(bare, again)


async def _none_left(db: Database) -> bool:
    return await unpublished(db) == 0
