"""What the tests of the data rails share: a fact, a table of effects, a reader, and ways to wait."""

import asyncio
import itertools
import os
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import calc_crc32c

from local_stack.broker import Broker
from shared.contracts.base import Fact, Topic
from shared.runtime.acts import envelope, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import SystemClock
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events.kafka import KafkaSettings
from shared.runtime.events.relay import Relay
from tests.support import people
from tests.support.fixtures import ROOT

_numbers = itertools.count(1)
EFFECT = """
CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, n integer NOT NULL)
"""


class Note(Fact):
    """A fact for tests: the n-th thing that happened to a subject."""

    TYPE: ClassVar[str] = "note.written.v1"
    TOPIC: ClassVar[Topic] = Topic("test-notes", "test", "Notes.")
    KEY: ClassVar[str] = "subject"
    EXAMPLE: ClassVar[dict[str, Any]] = {"subject": "s", "n": 1}

    subject: str
    n: int
    text: str = ""


def note_on(topic: Topic, type_name: str = "note.written.v1") -> type[Note]:
    """The same fact on a topic of the test's own."""
    return cast("type[Note]", type("NoteV1", (Note,), {"TOPIC": topic, "TYPE": type_name, "__module__": __name__}))


def new_topic(partitions: int = 3, **options: Any) -> Topic:
    """A topic no other test uses."""
    return Topic(f"test-rails-{next(_numbers)}", "test", "Of one test.", partitions=partitions, **options)


def kafka_of(broker: Broker) -> KafkaSettings:
    return KafkaSettings(
        broker.bootstrap, idempotence=broker.idempotence, partitions=3, fetch_wait_ms=broker.fetch_wait_ms
    )


def runtime_of(db: Database) -> Runtime:
    return Runtime(db, SystemClock(), cast("Any", None), cast("Any", None), people.directory())


async def tell(db: Database, *facts: Fact) -> None:
    async with db.transaction() as tx:
        outbox.add(tx, *facts, at=datetime.now(UTC))


async def write_effect(_rt: Runtime, tx: Tx, fact: Note, _meta: EventMeta) -> None:
    """The handler of most tests."""
    await tx.execute("INSERT INTO effect (key, n) VALUES ($1, $2)", fact.subject, fact.n)


async def effects(db: Database, key: str | None = None) -> list[tuple[str, int]]:
    """What the handlers did, in order."""
    async with db.connection() as connection:
        rows = await connection.fetch("SELECT key, n FROM effect WHERE $1::text IS NULL OR key = $1 ORDER BY id", key)
    return [(row["key"], row["n"]) for row in rows]


async def has_effects(db: Database, count: int) -> bool:
    return len(await effects(db)) >= count


async def unpublished(db: Database) -> int:
    async with db.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"))


async def all_published(db: Database) -> bool:
    return await unpublished(db) == 0


async def inbox_size(db: Database) -> int:
    async with db.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM inbox"))


async def parked(db: Database, consumer: str) -> list[tuple[str, int]]:
    """How many events are parked for each key."""
    async with db.connection() as connection:
        rows = await connection.fetch(
            "SELECT key, count(*) AS n FROM parked WHERE consumer = $1 GROUP BY key", consumer
        )
    return sorted((row["key"], row["n"]) for row in rows)


async def is_parked(db: Database, consumer: str, count: int) -> bool:
    return sum(n for _, n in await parked(db, consumer)) == count


@asynccontextmanager
async def running(*mains: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Run workers meanwhile; one that fails fails the test."""
    tasks = [asyncio.create_task(main()) for main in mains]
    try:
        yield tasks
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=15)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20, what: str = "it") -> None:
    """Wait until something is so."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 -- what is waited for happens elsewhere
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen in {seconds} s") from None


async def publish(db: Database, kafka: KafkaSettings, *facts: Fact) -> None:
    """Tell facts and wait until they are on their topics."""
    await tell(db, *facts)
    async with running(Relay(db, kafka, topics=[fact.TOPIC for fact in facts]).run):
        await until(lambda: all_published(db))


async def send_bytes(kafka: KafkaSettings, topic: str, *values: bytes, key: bytes | None = None) -> None:
    """Put values on a topic as they are."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, enable_idempotence=False)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value, key=key)
    await producer.stop()


async def send_illegible(kafka: KafkaSettings, topic: str, *values: bytes) -> None:
    """A batch whose last record has a header with a name that is not UTF-8, which no client can take apart."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, enable_idempotence=False)
    await producer.start()
    batch = producer.create_batch()
    for value in values:
        batch.append(key=b"k", value=value, timestamp=None, headers=[("!!!!", b"")] if value is values[-1] else [])
    batch.close()
    data = bytearray(batch._build()).replace(b"!!!!", b"\xff\xfe\xfd\xfc")
    data[17:21] = struct.pack(">I", calc_crc32c(bytes(data[21:])))
    batch._build = lambda: bytes(data)
    await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()


@dataclass
class Log:
    """What a topic holds."""

    records: list[Any]

    def notes(self, key: str | None = None) -> list[int]:
        """The numbers of the notes, in order within each key."""
        events = [envelope.decode(record.value) for record in self.records]
        return [event.data["n"] for event in events if key is None or event.key == key]

    def first_seen(self, key: str) -> list[int]:
        """The same without repetitions."""
        return list(dict.fromkeys(self.notes(key)))


async def read_log(kafka: KafkaSettings, topic: Topic, partitions: Sequence[int] | None = None) -> Log:
    """Everything on a topic."""
    client = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, fetch_max_wait_ms=10)
    await asyncio.wait_for(client.start(), 10)
    try:
        numbers = partitions if partitions is not None else range(topic.partitions or 3)
        places = [TopicPartition(topic.name, number) for number in numbers]
        client.assign(places)
        await client.seek_to_beginning(*places)
        ends = await client.end_offsets(places)
        records: list[Any] = []
        async with asyncio.timeout(20):
            while len(records) < sum(ends.values()):
                for found in (await client.getmany(timeout_ms=200)).values():
                    records += found
        return Log(records)
    finally:
        await client.stop()


@asynccontextmanager
async def child(
    what: str, dsn: str, kafka: KafkaSettings, topic: Topic, sleep_s: float = 0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A relay or a consumer in a process of its own; ended with kill -9 at the latest when the block ends."""
    environment = os.environ | {"CHILD_IDEMPOTENCE": str(int(kafka.idempotence)), "CHILD_SLEEP_S": str(sleep_s)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.runtime.child", what, dsn, kafka.bootstrap_servers, topic.name,
        stdout=asyncio.subprocess.PIPE, env=environment, cwd=ROOT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def kill_session(dsn: str, application: str) -> int:
    """End the database sessions of this application name, as when its process dies."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
            " AND datname = current_database()",
            application,
        )
        return len(rows)
    finally:
        await connection.close()
