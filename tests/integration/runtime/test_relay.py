"""The relay loses nothing, keeps the order of each key, and gives way when it dies."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import NoReturn

import asyncpg
import pytest

from local_stack.broker import Broker
from shared.contracts.base import Topic
from shared.runtime.acts import outbox
from shared.runtime.base import metrics
from shared.runtime.base.ids import uuid7
from shared.runtime.db import leases
from shared.runtime.db.leases import Lease
from shared.runtime.db.postgres import Database
from shared.runtime.events import inbox, publisher
from shared.runtime.events import relay as module
from shared.runtime.events.consumer import Consumer
from shared.runtime.events.kafka import KafkaSettings, Producer, ensure_topics
from shared.runtime.events.relay import Relay, replay
from tests.integration.runtime.world import (
    all_published,
    child,
    has_effects,
    kafka_of,
    kill_session,
    new_topic,
    note_on,
    read_log,
    running,
    runtime_of,
    tell,
    unpublished,
    until,
    write_effect,
)
from tests.support.fixtures import FreshBroker

COUNTER = "CREATE TABLE counter (key text PRIMARY KEY, n integer NOT NULL DEFAULT 0)"
COUNT = "UPDATE counter SET n = n + 1 WHERE key = $1 RETURNING n"


async def _left(db: Database, count: int) -> bool:
    return await unpublished(db) == count


async def _counters(db: Database, *keys: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(COUNTER)
        await tx.executemany("INSERT INTO counter (key) VALUES ($1)", [(key,) for key in keys])


async def test_an_older_transaction_that_waited_for_the_lock_comes_second(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    await _counters(db, "k")
    has_xid, may_lock = asyncio.Event(), asyncio.Event()

    async def older() -> None:
        async with db.transaction() as tx:
            await inbox.claim(tx, "c", uuid7())  # from here on it has its transaction id
            has_xid.set()
            await may_lock.wait()
            n = await tx.fetchval(COUNT, "k")
            outbox.add(tx, note(subject="k", n=n), at=datetime.now(UTC))

    waiting = asyncio.create_task(older())
    await has_xid.wait()
    async with db.transaction() as tx:
        n = await tx.fetchval(COUNT, "k")
        outbox.add(tx, note(subject="k", n=n), at=datetime.now(UTC))
    may_lock.set()
    await waiting
    async with running(Relay(db, kafka, topics=[topic]).run):
        await until(lambda: all_published(db))
    assert (await read_log(kafka, topic)).notes("k") == [1, 2]


async def test_each_key_stays_in_order_under_many_verbs_at_once(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    keys = [f"k{number}" for number in range(5)]
    await _counters(db, *keys)
    dice = random.Random(7)

    async def verb(key: str) -> None:
        async with db.transaction() as tx:
            await inbox.claim(tx, "c", uuid7())
            await asyncio.sleep(dice.random() / 100)
            n = await tx.fetchval(COUNT, key)
            outbox.add(tx, note(subject=key, n=n), at=datetime.now(UTC))
            await asyncio.sleep(dice.random() / 100)

    async def worker() -> None:
        for _ in range(40):
            await verb(dice.choice(keys))

    async with running(Relay(db, kafka, topics=[topic], batch=7).run):
        await asyncio.gather(*(worker() for _ in range(8)))
        await until(lambda: all_published(db))
    log = await read_log(kafka, topic)
    assert len(log.records) == 320, "nothing twice, nothing lost"
    for key in keys:
        found = log.notes(key)
        assert found == list(range(1, len(found) + 1)), key


async def test_a_long_transaction_holds_nothing_back_and_is_not_forgotten(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    may_commit = asyncio.Event()

    async def slow() -> None:
        async with db.transaction() as tx:
            outbox.add(tx, note(subject="slow", n=1), at=datetime.now(UTC))
            await may_commit.wait()

    async with running(Relay(db, kafka, topics=[topic]).run):
        waiting = asyncio.create_task(slow())
        await asyncio.sleep(0.2)
        for n in range(20):
            await tell(db, note(subject="fast", n=n))
        await until(lambda: all_published(db), 3, "publication beside the long transaction")
        assert (await read_log(kafka, topic)).notes() == list(range(20))
        may_commit.set()
        await waiting
        await until(lambda: all_published(db), 3, "publication of the late commit")
    assert (await read_log(kafka, topic)).notes("slow") == [1]


async def test_new_facts_are_published_at_once_and_without_a_notification_by_the_poll(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    async with running(Relay(db, kafka, topics=[topic], poll_s=60).run):
        await tell(db, note(subject="a", n=1))
        await until(lambda: all_published(db))
        await tell(db, note(subject="a", n=2))
        await until(lambda: all_published(db), 2, "publication on notification")
    async with running(Relay(db, kafka, topics=[topic], poll_s=0.3).run):
        await asyncio.sleep(1)
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO outbox (event_id, topic, key, type, value, headers)"
                " SELECT gen_random_uuid(), topic, key, type, value, headers FROM outbox LIMIT 1"
            )
        await until(lambda: all_published(db), 2, "publication by the poll")
    assert (await read_log(kafka, topic)).notes("a") == [1, 2, 1]


async def test_when_one_relay_is_killed_the_other_takes_over(db: Database, dsn: str, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    standby = Relay(db, kafka, topics=[topic])
    async with child("relay", dsn, kafka, topic) as leader:
        await tell(db, note(subject="a", n=1))
        await until(lambda: all_published(db), what="publication by the first")
        async with running(standby.run):
            await asyncio.sleep(1.2)
            assert standby.health().state == "standby"
            leader.kill()
            await leader.wait()
            await tell(db, note(subject="a", n=2))
            await until(lambda: all_published(db), 5, "publication by the second")
            assert standby.health().state == "leading"
    assert (await read_log(kafka, topic)).notes("a") == [1, 2]


async def test_a_relay_whose_session_is_ended_leads_again(db: Database, dsn: str, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    async with running(Relay(db, kafka, topics=[topic]).run):
        await tell(db, note(subject="a", n=1))
        await until(lambda: all_published(db))
        assert await kill_session(dsn, "test relay") == 1
        await tell(db, note(subject="a", n=2))
        await until(lambda: all_published(db), 5)
    assert (await read_log(kafka, topic)).notes("a") == [1, 2]


async def test_a_topic_the_broker_will_not_have_holds_up_only_its_own_facts(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note, refused = note_on(topic), note_on(Topic("nobody-knows-this", "test", "Not in the contracts."))
    relay = Relay(db, kafka, topics=[topic])
    await tell(db, *(fact(subject="a", n=n) for n in range(10) for fact in (refused, note)))
    async with running(relay.run):
        await until(lambda: _left(db, 10))
        await tell(db, note(subject="a", n=10))
        await until(lambda: _left(db, 10))
    assert (await read_log(kafka, topic)).notes("a") == list(range(11))


async def test_a_topic_that_cannot_be_published_to_is_named_until_it_can_be(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "HOLD_TOPIC_S", 0.5)
    monkeypatch.setattr(module, "MEASURE_S", 0.1)
    topic, unknown = new_topic(1), Topic("nobody-knows-this", "test", "Not in the contracts.")
    relay = Relay(db, kafka, topics=[topic], poll_s=0.1)
    await tell(db, note_on(unknown)(subject="a", n=1), note_on(topic)(subject="a", n=1))
    async with running(relay.run):
        await until(lambda: _failing(relay), 10, "holding the topic")
        assert unknown.name in (relay.health().error or "")
        assert "do not know this topic" in relay.health().held_topics[unknown.name]
        for _ in range(20):
            assert relay.health().state == "failing", "also while it is tried again"
            await asyncio.sleep(0.05)
        async with db.connection() as connection:
            await connection.execute("DELETE FROM outbox WHERE topic = $1", unknown.name)
        await until(lambda: _leading(relay), 10, "good health")
        await until(lambda: all_published(db))
    assert relay.health().held_topics == {}


async def test_the_largest_fact_that_may_be_told_is_published_and_read(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic(1)
    note = note_on(topic)
    await tell(db, note(subject="small", n=0), note(subject="a", n=1, text="x" * (outbox.MOST_BYTES - 1000)))
    await tell(db, note(subject="a", n=2))
    async with running(Relay(db, kafka, topics=[topic]).run):
        await until(lambda: all_published(db))
    consumer = Consumer(runtime_of(db), "large", [topic], {note: write_effect}, kafka=kafka)
    async with running(consumer.run):
        await until(lambda: has_effects(db, 3))


async def test_a_broker_that_hangs_is_given_up_and_found_again(db: Database, fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    kafka = kafka_of(server)
    topic = new_topic()
    note = note_on(topic)
    relay = Relay(db, kafka, topics=[topic], timeout_s=1)
    async with running(relay.run):
        await tell(db, *(note(subject="a", n=n) for n in range(5)))
        await until(lambda: all_published(db))
        pid = _pid(server)
        os.kill(pid, signal.SIGSTOP)
        try:
            await tell(db, *(note(subject="a", n=n) for n in range(5, 10)))
            await until(lambda: _failing(relay), 10, "giving up")
            assert await unpublished(db) == 5
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: all_published(db), what="publication after the hang")
        await until(lambda: _leading(relay), 10, "good health")
    assert (await read_log(kafka, topic)).first_seen("a") == list(range(10))


async def test_a_broker_killed_under_load_and_wiped_gets_everything_again(
    db: Database, fresh_broker: FreshBroker
) -> None:
    server = fresh_broker()
    kafka = kafka_of(server)
    topic = new_topic()
    note = note_on(topic)
    stop = asyncio.Event()
    told = {f"k{number}": 0 for number in range(4)}

    async def load() -> None:
        while not stop.is_set():
            for key, n in told.items():
                await tell(db, note(subject=key, n=n))
                told[key] = n + 1
            await asyncio.sleep(0.01)

    async with running(Relay(db, kafka, topics=[topic], timeout_s=2).run, load):
        await asyncio.sleep(1.5)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(1.5)
        stop.set()
        await until(lambda: all_published(db), what="catching up")
        log = await read_log(kafka, topic)
        for key, count in told.items():
            assert log.first_seen(key) == list(range(count)), "a wiped topic tells every story from its beginning"
        assert await replay(db) == sum(told.values())
        await until(lambda: all_published(db), what="the replay")
    log = await read_log(kafka, topic)
    for key, count in told.items():
        assert log.first_seen(key) == list(range(count)), key
        assert log.notes(key)[-1] == count - 1, "the newest record of a key is the last"


async def test_a_replayed_range_takes_later_facts_of_its_keys_along(db: Database, kafka: KafkaSettings) -> None:
    topic, other = new_topic(), new_topic()
    note, elsewhere = note_on(topic), note_on(other)
    await tell(db, note(subject="a", n=1), note(subject="b", n=1), elsewhere(subject="a", n=1), note(subject="a", n=2))
    async with running(Relay(db, kafka, topics=[topic, other]).run):
        await until(lambda: all_published(db))
        assert await replay(db, first_id=1, last_id=1) == 2
        await until(lambda: all_published(db))
        assert await replay(db, topic=other.name) == 1
        await until(lambda: all_published(db))
        assert await replay(db, first_id=100) == 0
    assert (await read_log(kafka, topic)).notes("a") == [1, 2, 1, 2]
    assert (await read_log(kafka, topic)).notes("b") == [1]
    assert (await read_log(kafka, other)).notes("a") == [1, 1]


async def test_large_facts_fill_several_batches_in_order(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic(1)
    note = note_on(topic)
    await tell(db, *(note(subject="a", n=n, text="x" * 50_000) for n in range(40)))
    async with running(Relay(db, kafka, topics=[topic]).run):
        await until(lambda: all_published(db))
    assert (await read_log(kafka, topic)).notes("a") == list(range(40))


@pytest.mark.parametrize("key", ["a", "京ICP备10046444号", "k" * 300])
async def test_records_lie_where_other_kafka_clients_expect_their_key(
    db: Database, kafka: KafkaSettings, key: str
) -> None:
    from aiokafka.partitioner import DefaultPartitioner  # noqa: PLC0415

    topic = new_topic(7)
    await tell(db, note_on(topic)(subject=key, n=1))
    async with running(Relay(db, kafka, topics=[topic]).run):
        await until(lambda: all_published(db))
    (record,) = (await read_log(kafka, topic)).records
    assert record.partition == DefaultPartitioner()(key.encode(), list(range(7)), list(range(7)))
    assert record.key == key.encode()


def _pid(server: Broker) -> int:
    pid = getattr(server, "pid", None)
    assert isinstance(pid, int)
    return pid


async def _failing(relay: Relay) -> bool:
    return relay.health().state == "failing"


async def _leading(relay: Relay) -> bool:
    return relay.health().state == "leading"


async def test_a_topic_that_has_more_partitions_than_the_contract_says_is_written_where_its_readers_look(
    db: Database, kafka: KafkaSettings
) -> None:
    made = new_topic(3)
    contract = Topic(made.name, "test", "Of one reader.", partitions=1)
    await ensure_topics(kafka, [made])  # as a broker does by itself when somebody asks for a topic too early
    note = note_on(contract)
    await tell(db, *(note(subject=f"key-{n}", n=n, text="x") for n in range(20)))
    async with running(Relay(db, kafka, topics=[contract]).run):
        await until(lambda: all_published(db), 20, "publication")
    assert len((await read_log(kafka, contract, partitions=[0])).records) == 20


async def test_a_session_that_ends_between_two_steps_of_its_driver_is_taken_up_again(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    @asynccontextmanager
    async def hold(database: Database, name: str, **more: Callable[[], None]) -> AsyncIterator[Lease]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
        async with leases.hold(database, name, **more) as lease:
            yield lease

    monkeypatch.setattr(module, "hold", hold)
    topic = new_topic()
    await tell(db, note_on(topic)(subject="a", n=1))
    async with running(Relay(db, kafka, topics=[topic]).run):
        await until(lambda: all_published(db))
    assert asked == 2


async def test_a_backlog_is_counted_up_to_a_bound(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_COUNTED", 4)
    unknown = Topic("nobody-knows-this", "test", "Not in the contracts.")
    await tell(db, *(note_on(unknown)(subject="a", n=n) for n in range(10)))
    relay = Relay(db, kafka)
    async with running(relay.run):
        await until(lambda: _failing(relay), 10, "holding the topic")
        assert relay.health().unpublished == 4


async def test_a_backlog_that_takes_too_long_to_measure_neither_holds_up_the_facts_nor_ends_the_lead(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKLOG", "SELECT pg_sleep(30 + 0 * $1)")
    monkeypatch.setattr(module, "MEASURE_S", 0.5)
    leads = 0

    @asynccontextmanager
    async def hold(database: Database, name: str, **more: Callable[[], None]) -> AsyncIterator[Lease]:
        nonlocal leads
        leads += 1
        async with leases.hold(database, name, **more) as lease:
            yield lease

    monkeypatch.setattr(module, "hold", hold)
    topic = new_topic()
    await tell(db, *(note_on(topic)(subject="a", n=n) for n in range(30)))
    relay = Relay(db, kafka, topics=[topic], batch=1)
    async with running(relay.run):
        await until(lambda: all_published(db), 10, "publication beside the measuring")
        assert (leads, relay.health().state) == (1, "leading")


async def test_a_relay_that_lost_its_lease_while_it_sends_throws_its_producer_away_at_once(
    db: Database, dsn: str, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending, send = asyncio.Event(), publisher.Publisher.send
    producers: list[Producer] = []

    async def hang(itself: publisher.Publisher, rows: Iterable[asyncpg.Record]) -> publisher.Outcome:
        if producers:
            return await send(itself, rows)
        assert itself._producer is not None
        producers.append(itself._producer)
        sending.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    monkeypatch.setattr(publisher.Publisher, "send", hang)
    topic = new_topic()
    await tell(db, note_on(topic)(subject="a", n=1))
    async with running(Relay(db, kafka, topics=[topic], timeout_s=60).run):
        await asyncio.wait_for(sending.wait(), 10)
        await asyncio.sleep(0.3)  # what is done meanwhile is done: nothing asks the session any more
        assert await kill_session(dsn, "test relay") == 1

        async def thrown_away() -> bool:
            return bool(producers[0]._closed)

        await until(thrown_away, 5, "the end of the producer")
        await until(lambda: all_published(db))
    assert (await read_log(kafka, topic)).notes("a") == [1]


@pytest.fixture
def oldest(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What machines are told, one after the other, of how long the oldest fact has waited."""
    shown: list[float] = []
    monkeypatch.setattr(metrics, "outbox_oldest_seconds", SimpleNamespace(set=shown.append))
    return shown


async def test_while_its_lease_cannot_be_had_what_waits_is_told_to_grow_older(
    db: Database, dsn: str, kafka: KafkaSettings, oldest: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool's sessions live, and the server takes no new ones: facts are written, and nobody publishes them."""
    monkeypatch.setattr(module, "MEASURE_S", 0.2)
    topic = new_topic()
    relay = Relay(db, kafka, topics=[topic], poll_s=0.1)
    async with running(relay.run):
        await until(lambda: _leading(relay))
        await asyncio.sleep(1.5)
        with monkeypatch.context() as full:
            full.setattr(db, "dedicated", _too_many)
            assert await kill_session(dsn, "test relay") == 1
            await until(lambda: _soon(lambda: oldest[-1] > 0))
            assert oldest[-1] < 1, "from when nothing waited, not from its start"
            await tell(db, note_on(topic)(subject="a", n=1))
            await until(lambda: _soon(lambda: relay.health().oldest_seconds > 1.5))
            assert (relay.health().state, oldest[-1]) == ("failing", relay.health().oldest_seconds)
        await until(lambda: all_published(db))
        await until(lambda: _soon(lambda: oldest[-1] == 0))


async def test_whoever_stands_by_says_nothing_of_what_it_knew_when_it_led(
    db: Database, kafka: KafkaSettings, oldest: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Relay(db, kafka)
    async with leases.hold(db, "relay"):
        with monkeypatch.context() as full:
            full.setattr(db, "dedicated", _too_many)
            async with running(relay.run):
                await until(lambda: _soon(lambda: bool(oldest) and oldest[-1] > 0))
                full.undo()
                await until(lambda: _soon(lambda: oldest[-1] == 0))


async def test_a_backlog_that_cannot_be_measured_is_told_to_grow_older(
    db: Database, kafka: KafkaSettings, oldest: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by one that has just begun to lead, which knows of none."""
    monkeypatch.setattr(module, "BACKLOG", "SELECT pg_sleep(30 + 0 * $1)")
    monkeypatch.setattr(module, "MEASURE_S", 0.3)
    async with running(Relay(db, kafka).run):
        await until(lambda: _soon(lambda: bool(oldest) and oldest[-1] > 1))
    assert oldest == sorted(oldest)


async def _too_many(_purpose: str) -> NoReturn:
    raise asyncpg.TooManyConnectionsError("remaining connection slots are reserved")


async def _soon(condition: Callable[[], bool]) -> bool:
    return condition()
