"""A consumer loses nothing and does nothing twice, whatever dies; stuck for good, it ends."""

import asyncio
import os
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from local_stack.broker import Broker
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events.consumer import Consumer, Stalled
from shared.runtime.events.kafka import KafkaSettings
from shared.runtime.events.relay import Relay
from tests.integration.runtime.world import (
    Note,
    child,
    effects,
    has_effects,
    inbox_size,
    kafka_of,
    kill_session,
    new_topic,
    note_on,
    parked,
    publish,
    running,
    runtime_of,
    tell,
    until,
    write_effect,
)
from tests.support.fixtures import FreshBroker


async def test_killed_between_handler_and_commit_the_effect_happens_once(
    db: Database, dsn: str, kafka: KafkaSettings
) -> None:
    topic = new_topic(1)
    note = note_on(topic)
    await publish(db, kafka, *(note(subject="a", n=n) for n in range(3)))
    async with child("consumer", dsn, kafka, topic, sleep_s=60) as first:
        assert first.stdout is not None
        async with asyncio.timeout(30):
            while await first.stdout.readline() != b"between 0\n":
                pass
        first.kill()
        await first.wait()
    assert await effects(db) == []
    async with running(Consumer(runtime_of(db), "child", [topic], {note: write_effect}, kafka=kafka).run):
        await until(lambda: has_effects(db, 3), 10, "take-over")
    assert await effects(db) == [("a", 0), ("a", 1), ("a", 2)]
    assert await inbox_size(db) == 3


async def test_of_two_processes_one_reads_and_the_other_takes_over_when_it_is_killed(
    db: Database, dsn: str, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    await publish(db, kafka, note(subject="a", n=0))
    standby = Consumer(runtime_of(db), "child", [topic], {note: write_effect}, kafka=kafka)
    async with child("consumer", dsn, kafka, topic) as first:
        await until(lambda: has_effects(db, 1), 30)
        async with running(standby.run):
            await asyncio.sleep(1)
            assert standby.health().state == "standby"
            first.kill()
            await first.wait()
            await publish(db, kafka, note(subject="a", n=1))
            await until(lambda: has_effects(db, 2), 5, "take-over")
            assert standby.health().state == "reading"


async def test_when_the_database_ends_every_session_nothing_is_lost_or_done_twice(
    db: Database, dsn: str, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    await tell(db, *(note(subject=f"k{n % 5}", n=n) for n in range(300)))
    worker = await Database.connect(dsn, application_name="worker")

    async def slow(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        await write_effect(rt, tx, fact, meta)
        await asyncio.sleep(0.005)

    relay, consumer = Relay(worker, kafka, topics=[topic]), Consumer(
        runtime_of(worker), "sessions", [topic], {note: slow}, kafka=kafka
    )  # fmt: skip
    async with running(relay.run, consumer.run):
        for round_ in range(3):
            await until(lambda round_=round_: has_effects(db, 20 + 60 * round_))  # type: ignore[misc]
            for session in ("worker", "worker relay", "worker consumer sessions 0"):
                await kill_session(dsn, session)
        await until(lambda: has_effects(db, 300), 40)
    await worker.close()
    for key in range(5):
        assert [n for _, n in await effects(db, f"k{key}")] == list(range(key, 300, 5))
    assert await parked(db, "sessions") == []


async def test_a_database_that_takes_no_writes_for_a_while_parks_nothing_and_ends_nothing(
    db: Database, dsn: str, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    worker = await Database.connect(dsn, application_name="worker")
    name = dsn.rsplit("/", 1)[1]
    met: set[int] = set()

    async def demoted(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        if fact.n % 10 == 0 and fact.n not in met:  # demoted now, and writable again when the event might be parked
            met.add(fact.n)
            await tx.execute("SET LOCAL transaction_read_only = on")
        async with asyncio.TaskGroup() as group:  # what comes out of it is a group of errors
            group.create_task(write_effect(rt, tx, fact, meta))

    await publish(db, kafka, *(note(subject=f"k{n % 5}", n=n) for n in range(200)))
    consumer = Consumer(runtime_of(worker), "read-only", [topic], {note: demoted}, kafka=kafka)

    async def set_read_only(on: bool) -> None:
        async with db.connection() as connection:
            await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {on}')
        await kill_session(dsn, "worker")

    async with running(consumer.run):
        for done in (10, 100):
            await until(lambda done=done: has_effects(db, done))  # type: ignore[misc]
            for on in (True, False):
                await set_read_only(on)
                await asyncio.sleep(0.15)
        await until(lambda: has_effects(db, 200), 40)
    await worker.close()
    for key in range(5):
        assert [n for _, n in await effects(db, f"k{key}")] == list(range(key, 200, 5))
    assert len(met) == 20
    assert await parked(db, "read-only") == []


async def test_no_progress_while_there_is_lag_ends_the_consumer(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)

    async def hang(_rt: Runtime, _tx: Tx, _fact: Note, _meta: EventMeta) -> None:
        await asyncio.Event().wait()

    consumer = Consumer(runtime_of(db), "hanging", [topic], {note: hang}, kafka=kafka, stall_s=1.5)
    running_consumer = asyncio.create_task(consumer.run())
    await asyncio.sleep(3)
    assert not running_consumer.done(), "nothing to read is no reason"
    await publish(db, kafka, note(subject="a", n=1))
    with pytest.raises(Stalled, match="lag 1"):
        await asyncio.wait_for(running_consumer, 15)


async def test_a_client_that_reads_nothing_while_the_broker_is_well_ends_the_consumer(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka's consumers are known to fall silent."""
    topic = new_topic()
    note = note_on(topic)
    await publish(db, kafka, note(subject="a", n=1))

    async def silence(*_: object, timeout_ms: int, **__: object) -> Mapping[object, object]:
        await asyncio.sleep(timeout_ms / 1000)
        return {}

    monkeypatch.setattr("aiokafka.AIOKafkaConsumer.getmany", silence)
    consumer = Consumer(runtime_of(db), "silent", [topic], {note: write_effect}, kafka=kafka, stall_s=1.5)
    with pytest.raises(Stalled):
        await asyncio.wait_for(consumer.run(), 15)


async def test_a_broker_that_is_away_does_not_end_the_consumer_and_a_wiped_one_is_read_from_its_start(
    db: Database, fresh_broker: FreshBroker
) -> None:
    server = fresh_broker()
    kafka = kafka_of(server)
    topic = new_topic()
    note = note_on(topic)
    told = 0
    stop = asyncio.Event()

    async def load() -> None:
        nonlocal told
        while not stop.is_set():
            await tell(db, *(note(subject=f"k{key}", n=told) for key in range(4)))
            told += 1
            await asyncio.sleep(0.02)

    relay = Relay(db, kafka, topics=[topic], timeout_s=2)
    consumer = Consumer(runtime_of(db), "wiped", [topic], {note: write_effect}, kafka=kafka, stall_s=8, refresh_s=1)
    async with running(relay.run, consumer.run, load):
        await until(lambda: has_effects(db, 100))
        for seconds_away in (11, 2):
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(seconds_away)
            await asyncio.to_thread(server.start)
            await asyncio.sleep(1)
        stop.set()
        await until(lambda: has_effects(db, 4 * told), 40, "catching up")
    for key in range(4):
        assert [n for _, n in await effects(db, f"k{key}")] == list(range(told))


async def test_a_broker_that_hangs_is_waited_for(db: Database, fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    kafka = kafka_of(server)
    topic = new_topic()
    note = note_on(topic)
    await publish(db, kafka, note(subject="a", n=1))
    consumer = Consumer(runtime_of(db), "waits", [topic], {note: write_effect}, kafka=kafka, stall_s=4)
    async with running(consumer.run):
        await until(lambda: has_effects(db, 1))
        pid = _pid(server)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(11)
        os.kill(pid, signal.SIGCONT)
        await publish(db, kafka, note(subject="a", n=2))
        await until(lambda: has_effects(db, 2), 30)


def _pid(server: Broker) -> int:
    pid: Any = getattr(server, "pid", None)
    assert isinstance(pid, int)
    return pid
