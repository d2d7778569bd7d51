"""What grows for ever is forgotten when nobody can need it any more, in batches, by the database's time or a test's."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.contracts.base import Topic
from shared.contracts.topics import A_CENTURY
from shared.runtime.acts import audit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.ids import uuid7
from shared.runtime.base.stores import FileStoreUnavailable
from shared.runtime.db.postgres import Database
from shared.runtime.events import inbox
from shared.runtime.events.consumer import Consumer
from shared.runtime.events.dispatch import LATE
from shared.runtime.events.kafka import KafkaSettings
from shared.runtime.events.relay import LOST_TOPICS, Relay, replay
from shared.runtime.process import workers
from tests.integration.runtime.world import (
    all_published,
    has_effects,
    inbox_size,
    new_topic,
    note_on,
    running,
    runtime_of,
    tell,
    unpublished,
    until,
    write_effect,
)
from tests.support.people import at

AGE = "UPDATE {table} SET {column} = {column} - $1::interval"


@pytest.fixture
def rt(db: Database) -> Runtime:
    return replace(runtime_of(db), settings=cast("Any", SimpleNamespace(audit_keep_years=10)))


async def ages(db: Database, table: str, column: str, by: timedelta) -> None:
    async with db.transaction() as tx:
        await tx.execute(AGE.format(table=table, column=column), by)


@pytest.mark.parametrize(
    ("topic", "days"),
    [
        (new_topic(retention_days=90), 90),
        (new_topic(compacted=True), None),
        (new_topic(retention_days=A_CENTURY), None),
    ],
    ids=["days", "compacted", "century"],
)
async def test_an_applied_event_is_known_for_longer_than_its_topic_holds_it(
    db: Database, rt: Runtime, kafka: KafkaSettings, topic: Topic, days: int | None
) -> None:
    note = note_on(topic)
    await tell(db, note(subject="a", n=1))
    consumer = Consumer(rt, "reader", [topic], {note: write_effect}, kafka=kafka)
    async with running(Relay(db, kafka, topics=[topic]).run, consumer.run):
        await until(lambda: has_effects(db, 1))
    async with db.connection() as tx:
        kept = await tx.fetchval("SELECT forget_at - claimed_at FROM inbox")
    assert kept == (timedelta(days=days) + LATE if days is not None else None)
    if days is None:
        return
    await ages(db, "inbox", "forget_at", timedelta(days=days) + LATE - timedelta(minutes=1))
    assert (await inbox.forget(rt), await inbox_size(db)) == (0, 1)
    await ages(db, "inbox", "forget_at", timedelta(minutes=2))
    assert (await inbox.forget(rt), await inbox_size(db)) == (1, 0)


async def test_what_is_kept_for_ever_stays_and_the_rest_goes_in_batches(db: Database, rt: Runtime) -> None:
    async with db.transaction() as tx:
        await inbox.claim_many(tx, "c", [uuid7() for _ in range(7)], timedelta(days=1))
        await inbox.claim(tx, "c", uuid7(), timedelta(days=3))
        for_ever = uuid7()
        await inbox.claim(tx, "c", for_ever)
    await ages(db, "inbox", "forget_at", timedelta(days=2))
    assert await inbox.forget(rt, batch=3) == 7
    assert await inbox_size(db) == 2
    async with db.transaction() as tx:
        assert not await inbox.claim(tx, "c", for_ever)


async def test_what_a_reader_may_have_forgotten_is_not_published_again(db: Database, kafka: KafkaSettings) -> None:
    short, long = new_topic(retention_days=90), new_topic(retention_days=A_CENTURY)
    one, other = note_on(short), note_on(long)
    relay = Relay(db, kafka, topics=[short, long])
    await tell(db, one(subject="old", n=1), other(subject="old", n=1))
    async with running(relay.run):
        await until(lambda: all_published(db))
    await ages(db, "outbox", "created_at", timedelta(days=91))
    await tell(db, one(subject="old", n=2), one(subject="new", n=1))
    async with running(Relay(db, kafka, topics=[short, long]).run):
        await until(lambda: all_published(db))
    async with db.transaction() as tx:
        status = await tx.execute(LOST_TOPICS, *relay._kept([short.name, long.name]))
    assert status == "UPDATE 3"
    async with db.transaction() as tx:
        await tx.execute("UPDATE outbox SET published_at = now()")
    assert await replay(db, topics=[short, long]) == 3
    assert await unpublished(db) == 3
    async with db.connection() as tx:
        left = await tx.fetchval(
            "SELECT created_at < now() - interval '90 days' FROM outbox WHERE published_at IS NOT NULL"
        )
    assert left, "the one of the short topic that is older than it keeps"


async def test_the_audit_is_kept_for_years_and_then_goes(db: Database, rt: Runtime) -> None:
    async with db.transaction() as tx:
        for number in range(5):
            await audit.record(
                tx, who=None, act="x", resource=f"/{number}", outcome="granted", at=at("2026-11-26T04:00")
            )
        await tx.execute("UPDATE audit SET at = now() - make_interval(years => 9, days => 364)")
    assert await audit.forget(rt) == 0
    async with db.transaction() as tx:
        await tx.execute("UPDATE audit SET at = now() - interval '10 years 1 minute' WHERE resource <> '/0'")
    assert await audit.forget(rt, batch=2) == 4
    async with db.connection() as tx:
        assert await tx.fetchval("SELECT string_agg(resource, ',') FROM audit") == "/0"
    travelled = datetime.now(UTC) + timedelta(days=3653)
    assert await audit.forget(replace(rt, clock=FixedClock(travelled, alone=True))) == 0, "its time is wrong"
    assert await audit.forget(replace(rt, clock=FixedClock(travelled))) == 1


async def test_housekeeping_forgets_everything_there_is_to_forget(
    db: Database, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.transaction() as tx:
        await inbox.claim(tx, "c", uuid7(), timedelta(days=1))
        await audit.record(tx, who=None, act="x", resource="/", outcome="granted", at=at("1999-11-26T04:00"))
    await ages(db, "inbox", "forget_at", timedelta(days=2))
    own = asyncio.Event()

    async def forget(_: Runtime) -> int:
        own.set()
        return 1

    async def fails(_: Runtime) -> int:
        raise FileStoreUnavailable

    done: dict[str, list[float]] = {}
    shows = "shared.runtime.base.metrics.housekeeping_finished.set"
    monkeypatch.setattr(shows, lambda at, of: done.setdefault(of["part"].rpartition(".")[2], []).append(at))
    async with running(lambda: workers.housekeeping(rt, [fails, forget])):
        async with asyncio.timeout(10):
            await own.wait()
            await asyncio.sleep(0.1)
    assert {part: len(each) for part, each in done.items()} == {
        "purge": 2, "forget": 6, "fails": 1,  # from the start, and again by whichever was done
    }  # fmt: skip
    async with db.connection() as tx:
        assert await tx.fetchval("SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM audit)") == 0
