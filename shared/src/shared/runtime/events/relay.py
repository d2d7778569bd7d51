"""The relay: publishes what the outbox holds, in id order, and marks it; one per service, others stand by.

A pass publishes whatever a snapshot shows unpublished. Ids of one aggregate are drawn under its lock, so id order is
commit order there; a transaction that commits late, with a lower id, is about another aggregate and is picked up by the
next pass. Nothing waits for long transactions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import asyncpg
import structlog

from shared.contracts.base import Topic
from shared.contracts.topics import A_CENTURY
from shared.runtime.acts.outbox import CHANNEL
from shared.runtime.base import metrics
from shared.runtime.base.backoff import Backoff
from shared.runtime.db.at_commit import notify_at_commit
from shared.runtime.db.leases import hold
from shared.runtime.db.postgres import DATABASE_ERRORS
from shared.runtime.events import kafka as broker
from shared.runtime.events.kafka import BROKER_ERRORS, KafkaSettings
from shared.runtime.events.publisher import Outcome, Publisher

if TYPE_CHECKING:
    from typing import TypeAlias

    from shared.runtime.db.postgres import Database

    Session: TypeAlias = asyncpg.Connection[asyncpg.Record]

log = structlog.get_logger(__name__)

# Rows that are on their way already are left out; a filter on the id instead would miss late commits.
FETCH = """
SELECT id, created_at, topic, key, value, headers::text AS headers
  FROM outbox
 WHERE published_at IS NULL AND id <> ALL ($1::bigint[]) AND topic <> ALL ($2::text[])
 ORDER BY id
 LIMIT $3
"""
MARK = "UPDATE outbox SET published_at = now() WHERE id = ANY ($1::bigint[]) AND created_at BETWEEN $2 AND $3"
# After a loss there may be many millions: whoever counted them all would do nothing else.
BACKLOG = """
SELECT count(*) AS unpublished, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_seconds
  FROM (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1) AS first
"""
# Later rows of the same key follow again, so that the last record of a key in the log is always its newest.
REPLAY = """
WITH chosen AS (
    SELECT topic, key, min(id) AS first_id FROM outbox LEFT JOIN unnest($4::text[], $5::int[]) AS kept (name, days)
           ON name = topic
     WHERE id BETWEEN $1 AND $2 AND ($3::text IS NULL OR topic = $3) AND published_at IS NOT NULL
       AND (days IS NULL OR created_at > now() - make_interval(days => days))
     GROUP BY topic, key
)
UPDATE outbox SET published_at = NULL FROM chosen
 WHERE outbox.topic = chosen.topic AND outbox.key = chosen.key AND outbox.id >= chosen.first_id
   AND published_at IS NOT NULL
"""
# Walk the index of unpublished rows and stop at the limit. With old statistics the planner would rather read and sort
# the whole backlog for every batch. A mark lost in a crash only has facts published again: no wait for the disk.
PLAN = """
SET enable_sort = off; SET enable_bitmapscan = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;
SET statement_timeout = 0; SET synchronous_commit = off
"""
KNOWN_TOPICS = "SELECT name FROM outbox_topic"
KNOW_TOPICS = "INSERT INTO outbox_topic SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
# What a topic would not hold any more is not put there again: its readers need not know such facts any more.
LOST_TOPICS = """
UPDATE outbox SET published_at = NULL
  FROM unnest($1::text[], $2::int[]) AS lost (name, days)
 WHERE topic = name AND published_at IS NOT NULL
   AND (days IS NULL OR created_at > now() - make_interval(days => days))
"""
PARTITIONS = "SELECT ensure_month_partitions()"

BATCH: Final = 1000
POLL_S: Final = 1.0
MEASURE_S: Final = 5.0
"""How often the backlog is measured, and how long that may take."""
MOST_COUNTED: Final = 100_001
"""Of the backlog: this many means more than 100,000."""
HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RelayHealth:
    """How the relay is. ``standby``: another process publishes; ``failing``: the broker is away, or refuses a topic."""

    state: Literal["leading", "standby", "failing"]
    unpublished: int
    oldest_seconds: float
    last_progress: datetime | None
    held_topics: Mapping[str, str] = field(default_factory=dict)
    """Topics that cannot be published to, and why: their facts wait, those of others go on."""
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
        self._topics = {topic.name for topic in topics}
        self._days = _days_of(topics)
        self._batch = batch
        self._poll_s = poll_s
        self._timeout_s = timeout_s
        self._wake = asyncio.Event()
        self._publisher = Publisher(kafka, topics, on_lost=self._wake.set)
        self._health = RelayHealth("standby", 0, 0.0, None)
        self._last_progress: datetime | None = None
        self._error: str | None = None
        self._untried: list[str] = []
        """Topics that the last look into the outbox left out."""
        self._measured = self._partitioned = float("-inf")
        self._known_age_s, self._known_at = 0.0, time.monotonic()
        """How old the oldest fact was that waited, and when that was so."""

    def health(self) -> RelayHealth:
        """How it is, as of the last few seconds."""
        return self._health

    async def run(self) -> None:
        """Lead or stand by, until cancelled; a lost database session is taken up again."""
        backoff = Backoff()
        while True:
            self._health = RelayHealth("standby", 0, 0.0, self._last_progress)
            try:
                async with hold(self._db, "relay", anothers=self._note_anothers) as lease:
                    backoff.reset()
                    await self._lead(lease.connection)
            except DATABASE_ERRORS as error:
                log.warning("relay_lost_database", error=repr(error))
                oldest_seconds = self._may_have_waited_s()
                metrics.outbox_oldest_seconds.set(oldest_seconds)
                self._health = RelayHealth("failing", 0, oldest_seconds, self._last_progress, error=repr(error))
            await backoff.wait()

    def _note_anothers(self) -> None:
        """Another process leads, and says how old the oldest is: what was known here must not be told beside that."""
        self._note_age(0.0)
        metrics.outbox_oldest_seconds.set(0.0)

    def _note_age(self, seconds: float) -> None:
        self._known_age_s, self._known_at = seconds, time.monotonic()

    def _may_have_waited_s(self) -> float:
        """While nobody can look: the oldest that was known then may still wait, or one that came just after."""
        return self._known_age_s + time.monotonic() - self._known_at

    async def _lead(self, connection: Session) -> None:
        """Publish until the session is lost. All SQL runs on the session with the lock: no lock, no publishing."""
        await connection.execute(PLAN)
        await connection.add_listener(CHANNEL, lambda *_: self._wake.set())
        backoff = Backoff()
        while True:
            try:
                await self._housekeeping(connection)
                await self._ensure_topics(
                    connection, self._topics | {r["name"] for r in await connection.fetch(KNOWN_TOPICS)}
                )
                await self._publisher.open()
                self._error = None
                self._measured = float("-inf")
                while True:
                    self._wake.clear()
                    self._publisher.check()
                    if await self._drain(connection):
                        backoff.reset()
                    self._publisher.settle(self._untried)
                    await self._housekeeping(connection)
                    await self._rest()
            except BROKER_ERRORS as error:
                if connection.is_closed():
                    raise asyncpg.InterfaceError("the relay's session is closed") from error
                metrics.relay_failures.add(1)
                self._error, self._measured = repr(error), float("-inf")
                log.warning("relay_broker_failed", error=self._error)
            finally:
                await self._publisher.close()
            await self._housekeeping(connection)
            await backoff.wait()

    async def _rest(self) -> None:
        """Until somebody tells of new rows, or a poll's time has passed: a NOTIFY can get lost, a poll cannot."""
        try:
            async with asyncio.timeout(self._poll_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _drain(self, connection: Session) -> bool:
        """Publish batch after batch until none is left; whether anything was published.

        While the broker works on one batch, the one before is marked and the next one is read.
        """
        marked_later: list[asyncpg.Record] = []
        rows = await self._fetch(connection)
        anything = bool(rows)
        while rows:
            if await self._ensure_topics(connection, {row["topic"] for row in rows}):
                rows = await self._fetch(connection, marked_later)
                continue
            meanwhile = asyncio.create_task(self._mark_and_fetch(connection, marked_later, rows))
            try:
                outcome = await self._send_while_leading(connection, rows, meanwhile)
            finally:
                more = await meanwhile
            marked_later = outcome.acknowledged
            if len(marked_later) < len(rows):  # what was read ahead may come after rows that failed: read again
                await self._mark(connection, marked_later)
                if outcome.failure is not None:
                    raise outcome.failure
                marked_later, more = [], await self._fetch(connection)
            rows = more
            await self._measure_if_due(connection)
        await self._mark(connection, marked_later)
        return anything

    async def _send_while_leading(
        self, connection: Session, rows: Sequence[asyncpg.Record], meanwhile: asyncio.Task[Any]
    ) -> Outcome:
        """What became of these rows. Raises InterfaceError at once if the session ends, and the lock with it.

        Whoever leads then may be sending newer facts of the same keys: the producer must go, not wait for its answer.
        """
        gone = asyncio.get_running_loop().create_future()

        def note_gone(_: object) -> None:
            if not gone.done():
                gone.set_result(None)

        connection.add_termination_listener(note_gone)
        what = f"acknowledgement of {len(rows)} facts"
        sending = asyncio.create_task(broker.answered(what, self._publisher.send(rows), self._timeout_s))
        try:
            waiting: set[asyncio.Future[Any]] = {sending, meanwhile, gone}
            while not sending.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if gone in done or connection.is_closed():
                    raise asyncpg.InterfaceError("the relay's session is closed")
            return sending.result()
        finally:
            connection.remove_termination_listener(note_gone)
            sending.cancel()

    async def _ensure_topics(self, connection: Session, names: set[str]) -> bool:
        """Make missing topics; whether the broker had lost one, whose facts are published again now.

        A topic is lost if we published to it and it is empty. All its facts are marked before anything new is sent, so
        that every key has its whole story in the new topic, in order.
        """
        seen = await self._publisher.ensure(names)
        known = [row["name"] for row in await connection.fetch(KNOWN_TOPICS)] if seen else []
        lost = 0
        if suspects := set(seen) & set(known):
            empty = await broker.empty_topics(self._kafka, suspects)
            lost = (
                int((await connection.execute(LOST_TOPICS, *self._kept(empty), timeout=HOUR_S)).rsplit(" ", 1)[-1])
                if empty
                else 0
            )
            if lost:
                log.error("broker_lost_topics", topics=empty, facts_published_again=lost)
        if new := set(seen) - set(known):
            await connection.execute(KNOW_TOPICS, list(new))
        return lost > 0

    def _kept(self, names: Collection[str]) -> tuple[list[str], list[int | None]]:
        return list(names), [self._days.get(name) for name in names]

    async def _mark_and_fetch(
        self, connection: Session, done: list[asyncpg.Record], under_way: list[asyncpg.Record]
    ) -> list[asyncpg.Record]:
        await self._mark(connection, done)
        return await self._fetch(connection, under_way) if len(under_way) == self._batch else []

    async def _fetch(self, connection: Session, under_way: Sequence[asyncpg.Record] = ()) -> list[asyncpg.Record]:
        self._untried = self._publisher.held()
        return await connection.fetch(FETCH, [row["id"] for row in under_way], self._untried, self._batch)

    async def _mark(self, connection: Session, rows: Sequence[asyncpg.Record]) -> None:
        if not rows:
            return
        times = [row["created_at"] for row in rows]
        await connection.execute(MARK, [row["id"] for row in rows], min(times), max(times))
        metrics.relay_published.add(len(rows))
        self._last_progress = datetime.now(UTC)

    async def _measure_if_due(self, connection: Session) -> None:
        if time.monotonic() - self._measured < MEASURE_S:
            return
        unpublished, oldest_seconds = await self._backlog(connection)
        self._measured = time.monotonic()  # when it is done: what takes long must not be due again at once
        metrics.outbox_unpublished.set(unpublished)
        metrics.outbox_oldest_seconds.set(oldest_seconds)
        refused = dict(self._publisher.refused)
        error = self._error or (f"cannot publish to {', '.join(sorted(refused))}" if refused else None)
        state: Literal["leading", "failing"] = "failing" if error else "leading"
        self._health = RelayHealth(state, unpublished, oldest_seconds, self._last_progress, refused, error)

    async def _backlog(self, connection: Session) -> tuple[int, float]:
        """How many facts wait, and how long the oldest has; if that cannot be told now, how long it may have."""
        try:
            row = await connection.fetchrow(BACKLOG, MOST_COUNTED, timeout=MEASURE_S)
        except DATABASE_ERRORS as error:  # if the session is gone, its next statement says so
            log.warning("relay_backlog_unknown", error=repr(error))
            return self._health.unpublished, self._may_have_waited_s()
        assert row is not None
        self._note_age(row["oldest_seconds"])
        return row["unpublished"], row["oldest_seconds"]

    async def _housekeeping(self, connection: Session) -> None:
        await self._measure_if_due(connection)
        if time.monotonic() - self._partitioned < DAY_S:
            return
        self._partitioned = time.monotonic()
        try:
            await connection.execute(PARTITIONS)
        except asyncpg.PostgresError as error:  # the default partition takes the rows meanwhile
            log.warning("outbox_partitions_failed", error=repr(error))


async def replay(
    db: Database,
    *,
    first_id: int | None = None,
    last_id: int | None = None,
    topic: str | None = None,
    topics: Sequence[Topic] = (),
) -> int:
    """Have published facts published again, in order: a range of outbox ids, one topic, or everything.

    Of ``topics`` that keep their facts for some days only, facts of those days. Later facts of the same keys follow
    again too. Returns how many; a running relay sends them.
    """
    days = _days_of(topics)
    async with db.transaction() as tx:
        await tx.execute("SET LOCAL statement_timeout = 0")
        status = await tx.execute(
            REPLAY, 0 if first_id is None else first_id, MAX_ID if last_id is None else last_id, topic,
            list(days), list(days.values()), timeout=HOUR_S,
        )  # fmt: skip
        notify_at_commit(tx, CHANNEL)
    return int(status.rsplit(" ", 1)[-1])


def _days_of(topics: Iterable[Topic]) -> dict[str, int]:
    """How many days those topics keep their facts that do not keep them for ever."""
    return {
        topic.name: topic.retention_days for topic in topics if not topic.compacted and topic.retention_days < A_CENTURY
    }
