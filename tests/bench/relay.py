"""The relay against a bare producer that sends the same records."""

import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from local_stack.broker import Broker
from local_stack.kafka import ApacheKafka
from local_stack.postgres import EmbeddedPostgres
from local_stack.tansu import Tansu
from shared.runtime.acts import outbox
from shared.runtime.db.postgres import Database
from shared.runtime.events.kafka import KafkaSettings, ensure_topics, start_producer
from shared.runtime.events.relay import Relay
from tests.bench.result import Result, at_least
from tests.integration.runtime.world import kafka_of, new_topic, note_on, running, unpublished, until

SIZES = {"small": 10_000, "full": 100_000}
ROOT = Path(__file__).parents[2]


async def run(size: str, broker: str) -> list[Result]:
    """Records per second from the outbox to acknowledged."""
    count = SIZES[size]
    with TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        server: Broker = ApacheKafka(Path(folder) / "kafka") if broker == "kafka" else Tansu(Path(folder) / "tansu")
        postgres.start()
        server.start()
        try:
            dsn = await postgres.ensure_database("relay")
            connection = await asyncpg.connect(dsn)
            for file in sorted((ROOT / "shared/src/shared/runtime/db/schema").glob("*.sql")):
                await connection.execute(file.read_text(encoding="utf-8"))
            await connection.close()
            db = await Database.connect(dsn, application_name="bench")
            try:
                rate, bare = await _compare(db, kafka_of(server), count)
            finally:
                await db.close()
        finally:
            server.kill()
            postgres.stop()
    return [at_least("relay", rate, "records/s", bare, share=0.5, note=f"{count:,} records on {broker}")]


async def _compare(db: Database, kafka: KafkaSettings, count: int) -> tuple[float, float]:
    topic, bare_topic = new_topic(24), new_topic(24)
    note = note_on(topic)
    await ensure_topics(kafka, [topic, bare_topic])
    now = datetime.now(UTC)
    async with db.transaction() as tx:
        outbox.add(tx, *(note(subject=f"key-{n % 997}", n=n, text="x" * 400) for n in range(count)), at=now)
    async with db.connection() as connection:
        rows = await connection.fetch("SELECT key, value, headers FROM outbox ORDER BY id")
    before = await _bare(kafka, bare_topic.name, rows)

    async def none_left() -> bool:
        return await unpublished(db) == 0

    relay = Relay(db, kafka, topics=[topic])
    began = time.perf_counter()
    async with running(relay.run):
        await until(none_left, 120, "publication")
    rate = count / (time.perf_counter() - began)
    after = await _bare(kafka, bare_topic.name, rows)
    return rate, max(before, after)


async def _bare(kafka: KafkaSettings, topic: str, rows: list[asyncpg.Record]) -> float:
    producer = await start_producer(kafka)
    await producer.partitions_for(topic)
    headers = [[(name, value.encode()) for name, value in row["headers"].items()] for row in rows]
    began = time.perf_counter()
    for start in range(0, len(rows), 1000):
        sends = [
            await producer.send(topic, row["value"], key=row["key"].encode(), headers=headers[start + place])
            for place, row in enumerate(rows[start : start + 1000])
        ]
        for send in sends:
            await send
    took = time.perf_counter() - began
    await producer.stop()
    return len(rows) / took
