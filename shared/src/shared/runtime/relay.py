"""The relay: publishes what the outbox holds, in id order, and marks it; one per service, others stand by.

A pass publishes whatever a snapshot shows unpublished. Ids of one key are drawn under the aggregate's lock, so id order
is commit order per key; a transaction that commits late, with a lower id, belongs to another key and is picked up by
the next pass. Nothing waits for long transactions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka_errors

from shared.contracts.base import Topic
from shared.runtime import kafka as broker
from shared.runtime import metrics
from shared.runtime.kafka import BROKER_ERRORS, BrokerUnavailable, KafkaSettings, TopicRefused
from shared.runtime.leases import hold
from shared.runtime.postgres import DATABASE_ERRORS, UNAVAILABLE

if TYPE_CHECKING:
    from shared.runtime.postgres import Database

log = structlog.get_logger(__name__)

# Rows that are on their way already are left out; a filter on the id instead would miss late commits.
FETCH = """
SELECT id, created_at, topic, key, value, headers
  FROM outbox
 WHERE published_at IS NULL AND id <> ALL ($1::bigint[]) AND topic <> ALL ($2::text[])
 ORDER BY id
 LIMIT $3
"""
MARK = "UPDATE outbox SET published_at = now() WHERE id = ANY ($1::bigint[]) AND created_at BETWEEN $2 AND $3"
BACKLOG = """
SELECT count(*) AS unpublished, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_seconds
  FROM outbox WHERE published_at IS NULL
"""
# Later rows of the same key follow again, so that the last record of a key in the log is always its newest.
REPLAY = """
WITH chosen AS (
    SELECT topic, key, min(id) AS first_id FROM outbox
     WHERE id BETWEEN $1 AND $2 AND ($3::text IS NULL OR topic = $3) AND published_at IS NOT NULL
     GROUP BY topic, key
)
UPDATE outbox SET published_at = NULL FROM chosen
 WHERE outbox.topic = chosen.topic AND outbox.key = chosen.key AND outbox.id >= chosen.first_id
   AND published_at IS NOT NULL
"""
PARTITIONS = "SELECT ensure_month_partitions()"
LISTEN = "outbox"

BATCH: Final = 1000
POLL_S: Final = 1.0
MEASURE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 5.0
HOLD_TOPIC_S: Final = 30.0
DAY_S: Final = 86_400.0
MAX_ID: Final = 2**63 - 1

# Errors that concern one topic or one record; everything else means that the broker is not well.
OF_ONE_TOPIC: Final = (
    TopicRefused,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.InvalidTopicError,
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
)


@dataclass(frozen=True, slots=True)
class RelayHealth:
    """How the relay is. ``standby``: another process publishes."""

    state: Literal["leading", "standby", "failing"]
    unpublished: int
    oldest_seconds: float
    last_progress: datetime | None
    held_topics: tuple[str, ...] = ()
    error: str | None = None


class Relay:
    """Publishes the outbox of one service."""

    def __init__(
        self,
        db: Database,
        kafka: KafkaSettings,
        *,
        topics: Sequence[Topic] = (),
        batch: int = BATCH,
        poll_s: float = POLL_S,
        timeout_s: float = broker.CALL_S,
    ) -> None:
        self._db = db
        self._kafka = kafka
        self._topics = {topic.name: topic for topic in topics}
        self._batch = batch
        self._poll_s = poll_s
        self._timeout_s = timeout_s
        self._wake = asyncio.Event()
        self._seen: set[str] = set()
        self._held: dict[str, float] = {}
        self._health = RelayHealth("standby", 0, 0.0, None)
        self._last_progress: datetime | None = None
        self._error: str | None = None
        self._measured = self._partitioned = float("-inf")

    def health(self) -> RelayHealth:
        """How it is, as of the last few seconds."""
        return self._health

    async def run(self) -> None:
        """Lead or stand by, until cancelled; a lost database session is taken up again."""
        pause = 0.1
        while True:
            self._health = RelayHealth("standby", 0, 0.0, self._last_progress)
            try:
                async with hold(self._db, "relay") as lease:
                    pause = 0.1
                    await self._lead(lease.connection)
            except DATABASE_ERRORS as error:
                log.warning("relay_lost_database", error=repr(error), pause_s=pause)
                self._health = RelayHealth("failing", 0, 0.0, self._last_progress, error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _lead(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Publish until the session is lost. All SQL runs on the session with the lock: no lock, no publishing."""
        await connection.add_listener(LISTEN, lambda *_: self._wake.set())
        pause = 0.1
        while True:
            producer: AIOKafkaProducer | None = None
            try:
                await self._housekeeping(connection)
                await self._ensure(self._topics)
                producer = await broker.start_producer(self._kafka)
                self._error = None
                while True:
                    self._wake.clear()
                    if await self._drain(connection, producer):
                        pause = 0.1
                    await self._housekeeping(connection)
                    await self._sleep()
            except BROKER_ERRORS as error:
                if isinstance(error, UNAVAILABLE) and connection.is_closed():
                    raise
                metrics.relay_failures.add(1)
                self._error = repr(error)
                self._seen.clear()  # a broker that comes back may have forgotten its topics
                log.warning("relay_broker_failed", error=self._error, pause_s=pause)
            finally:
                if producer is not None:
                    await broker.abandon(producer)
            await self._pause(connection, pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _pause(self, connection: asyncpg.Connection[asyncpg.Record], seconds: float) -> None:
        await self._housekeeping(connection)
        await asyncio.sleep(seconds)

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _drain(self, connection: asyncpg.Connection[asyncpg.Record], producer: AIOKafkaProducer) -> bool:
        """Publish batch after batch until none is left; whether anything was published.

        While the broker works on one batch, the batch before is marked and the next one is read.
        """
        published: list[asyncpg.Record] = []
        rows = await self._fetch(connection, [])
        anything = bool(rows)
        while rows:
            async with broker.bounded(self._timeout_s):
                sends = await self._send(producer, rows)
                outcome = asyncio.gather(*sends, return_exceptions=True)
                await self._mark(connection, published)
                more = await self._fetch(connection, rows) if len(rows) == self._batch else []
                outcomes = await outcome
            published, failure = self._sort(rows, outcomes)
            if failure is not None:
                await self._mark(connection, published)
                raise failure
            if len(published) < len(rows):  # a topic is held now, and `more` may have rows of it
                await self._mark(connection, published)
                published, more = [], await self._fetch(connection, [])
            rows = more
            await self._measure_if_due(connection)
        await self._mark(connection, published)
        return anything

    async def _fetch(
        self, connection: asyncpg.Connection[asyncpg.Record], under_way: list[asyncpg.Record]
    ) -> list[asyncpg.Record]:
        now = time.monotonic()
        self._held = {topic: until for topic, until in self._held.items() if until > now}
        ids = [row["id"] for row in under_way]
        return await connection.fetch(FETCH, ids, list(self._held), self._batch)

    async def _send(self, producer: AIOKafkaProducer, rows: list[asyncpg.Record]) -> list[asyncio.Future[Any]]:
        """Hand a batch to the producer. A topic that is refused fails its own rows only."""
        refused = await self._ensure({row["topic"]: None for row in rows})
        sends: list[asyncio.Future[Any]] = []
        for row in rows:
            topic = row["topic"]
            if topic in refused:
                send: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                send.set_exception(TopicRefused(topic, refused[topic]))
            else:
                headers = [(name, value.encode()) for name, value in row["headers"].items()]
                try:
                    send = await producer.send(topic, value=row["value"], key=row["key"].encode(), headers=headers)
                except OF_ONE_TOPIC as error:
                    send = asyncio.get_running_loop().create_future()
                    send.set_exception(error)
                    refused[topic] = repr(error)
            sends.append(send)
        return sends

    async def _ensure(self, names: Any) -> dict[str, str]:
        """Make topics not seen before; returns those that cannot be had, with the reason."""
        refused: dict[str, str] = {}
        specs: list[Topic] = []
        for name in names:
            if name not in self._seen:
                try:
                    specs.append(self._topics.get(name) or broker.topic_of(name))
                except TopicRefused as error:
                    refused[name] = str(error)
        if specs:
            refused |= await broker.ensure_topics(self._kafka, specs)
            self._seen |= {topic.name for topic in specs} - refused.keys()
        return refused

    def _sort(
        self, rows: list[asyncpg.Record], outcomes: list[Any]
    ) -> tuple[list[asyncpg.Record], BaseException | None]:
        """Which rows may be marked, and what is wrong with the broker. Nothing after a failure in its topic counts."""
        published: list[asyncpg.Record] = []
        failed: set[str] = set()
        failure: BaseException | None = None
        for row, outcome in zip(rows, outcomes, strict=True):
            topic = row["topic"]
            if isinstance(outcome, OF_ONE_TOPIC):
                if topic not in failed:
                    log.error("relay_topic_held", topic=topic, key=row["key"], outbox_id=row["id"], error=repr(outcome))
                failed.add(topic)
                self._held[topic] = time.monotonic() + HOLD_TOPIC_S
            elif isinstance(outcome, BaseException):
                failed.add(topic)
                failure = failure or outcome
            elif topic not in failed:
                published.append(row)
        if failure is not None and not isinstance(failure, BROKER_ERRORS):
            failure = BrokerUnavailable(repr(failure))
        return published, failure

    async def _mark(self, connection: asyncpg.Connection[asyncpg.Record], rows: list[asyncpg.Record]) -> None:
        if not rows:
            return
        ids = [row["id"] for row in rows]
        times = [row["created_at"] for row in rows]
        rows.clear()
        await connection.execute(MARK, ids, min(times), max(times))
        metrics.relay_published.add(len(ids))
        self._last_progress = datetime.now(UTC)

    async def _measure_if_due(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        now = time.monotonic()
        if now - self._measured < MEASURE_S:
            return
        self._measured = now
        row = await connection.fetchrow(BACKLOG)
        assert row is not None
        metrics.outbox_unpublished.set(row["unpublished"])
        metrics.outbox_oldest_seconds.set(row["oldest_seconds"])
        self._health = RelayHealth(
            "failing" if self._error else "leading",
            row["unpublished"],
            row["oldest_seconds"],
            self._last_progress,
            tuple(self._held),
            self._error,
        )

    async def _housekeeping(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        await self._measure_if_due(connection)
        if time.monotonic() - self._partitioned < DAY_S:
            return
        self._partitioned = time.monotonic()
        try:
            await connection.execute(PARTITIONS)
        except asyncpg.PostgresError as error:  # the default partition takes the rows meanwhile
            log.warning("outbox_partitions_failed", error=repr(error))


async def replay(
    db: Database, *, first_id: int | None = None, last_id: int | None = None, topic: str | None = None
) -> int:
    """Have published facts published again, in order: a range of outbox ids, one topic, or everything.

    Later facts of the same keys follow again too. Returns how many; a running relay sends them.
    """
    async with db.transaction() as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        status = await tx.execute(
            REPLAY, 0 if first_id is None else first_id, MAX_ID if last_id is None else last_id, topic, timeout=3600
        )
        await tx.execute("SELECT pg_notify('outbox', '')")
    return int(status.rsplit(" ", 1)[-1])
