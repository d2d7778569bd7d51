"""A consumer applies each event once, in order per key, whatever dies, and keeps what a handler refuses."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from local_stack.broker import Broker
from shared.contracts.base import Fact
from shared.runtime import inbox
from shared.runtime.consumer import Consumer, ConsumerStalled, Handler, unpark
from shared.runtime.context import EventMeta, Runtime
from shared.runtime.dispatch import Raw
from shared.runtime.kafka import KafkaSettings, ensure_topics, start_consumer, stop, topic_of
from shared.runtime.postgres import Database, Tx
from shared.runtime.relay import Relay, replay
from tests.integration.runtime.world import (
    Note,
    child,
    effects,
    kafka_of,
    kill_session,
    new_topic,
    note_on,
    running,
    runtime_of,
    tell,
    unpublished,
    until,
    write_effect,
)
from tests.support.fixtures import FreshBroker


async def _has_effects(db: Database, count: int) -> bool:
    return len(await effects(db)) >= count


async def _inbox(db: Database) -> int:
    async with db.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM inbox"))


async def _published(db: Database, kafka: KafkaSettings, *facts: Fact) -> None:
    await tell(db, *facts)
    async with running(Relay(db, kafka, topics=[fact.TOPIC for fact in facts]).run):
        await until(lambda: _none_left(db))


async def _none_left(db: Database) -> bool:
    return await unpublished(db) == 0


async def _parked(db: Database, consumer: str) -> list[tuple[str, int]]:
    async with db.connection() as connection:
        rows = await connection.fetch(
            "SELECT key, count(*) AS n FROM parked WHERE consumer = $1 GROUP BY key", consumer
        )
    return sorted((row["key"], row["n"]) for row in rows)


async def _send_bytes(kafka: KafkaSettings, topic: str, *values: bytes, key: bytes | None = None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, enable_idempotence=False)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value, key=key)
    await producer.stop()


async def test_each_event_is_applied_once_and_reading_it_again_changes_nothing(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    facts = [note(subject=f"k{n % 7}", n=n) for n in range(60)]
    await _published(db, kafka, *facts)
    consumer = Consumer(runtime_of(db), "once", [topic], {note: write_effect}, kafka=kafka)
    async with running(consumer.run):
        await until(lambda: _has_effects(db, 60))
    await replay(db)
    await _published(db, kafka, note(subject="k0", n=60))
    async with running(Consumer(runtime_of(db), "once", [topic], {note: write_effect}, kafka=kafka).run):
        await until(lambda: _has_effects(db, 61))
    for key in range(7):
        expected = [*range(key, 60, 7), *([60] if key == 0 else [])]
        assert [n for _, n in await effects(db, f"k{key}")] == expected


async def test_a_new_process_goes_on_where_the_last_one_left_off(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic(1)
    note = note_on(topic)
    seen: list[int] = []

    async def remember(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        seen.append(meta.offset)
        await write_effect(rt, tx, fact, meta)

    for run in range(2):
        await _published(db, kafka, *(note(subject="a", n=n) for n in range(run * 5, run * 5 + 5)))
        async with running(Consumer(runtime_of(db), "left-off", [topic], {note: remember}, kafka=kafka).run):
            await until(lambda run=run: _has_effects(db, run * 5 + 5))  # type: ignore[misc]
            await asyncio.sleep(0.3)
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM inbox")  # only the committed offset can know now
    assert seen == list(range(10))


async def test_killed_between_handler_and_commit_the_effect_happens_once(
    db: Database, dsn: str, kafka: KafkaSettings
) -> None:
    topic = new_topic(1)
    note = note_on(topic)
    await _published(db, kafka, *(note(subject="a", n=n) for n in range(3)))
    async with child("consumer", dsn, kafka, topic, sleep_s=60) as first:
        assert first.stdout is not None
        async with asyncio.timeout(30):
            while await first.stdout.readline() != b"between 0\n":
                pass
        first.kill()
        await first.wait()
    assert await effects(db) == []
    async with running(Consumer(runtime_of(db), "child", [topic], {note: write_effect}, kafka=kafka).run):
        await until(lambda: _has_effects(db, 3), 10, "take-over")
    assert await effects(db) == [("a", 0), ("a", 1), ("a", 2)]
    assert await _inbox(db) == 3


async def test_of_two_processes_one_reads_and_the_other_takes_over_when_it_is_killed(
    db: Database, dsn: str, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    await _published(db, kafka, note(subject="a", n=0))
    standby = Consumer(runtime_of(db), "child", [topic], {note: write_effect}, kafka=kafka)
    async with child("consumer", dsn, kafka, topic) as first:
        await until(lambda: _has_effects(db, 1), 30)
        async with running(standby.run):
            await asyncio.sleep(1)
            assert standby.health().state == "standby"
            first.kill()
            await first.wait()
            await _published(db, kafka, note(subject="a", n=1))
            await until(lambda: _has_effects(db, 2), 5, "take-over")
            assert standby.health().state == "reading"


async def test_shards_share_the_partitions_and_miss_none(db: Database, kafka: KafkaSettings) -> None:
    topic, single = new_topic(5), new_topic(1)
    note, other = note_on(topic), note_on(single, "note.single.v1")
    facts = [note(subject=f"k{n}", n=n) for n in range(50)] + [other(subject=f"s{n}", n=n) for n in range(5)]
    await _published(db, kafka, *facts)
    handlers: Mapping[type[Fact], Handler] = {note: write_effect, other: write_effect}
    consumer = Consumer(runtime_of(db), "sharded", [topic, single], handlers, kafka=kafka, shards=3)
    async with running(consumer.run):
        await until(lambda: _has_effects(db, 55))
    assert len(set(await effects(db))) == 55


class _Broken:
    """A handler that refuses some events until it is mended."""

    def __init__(self, *refused: tuple[str, int]) -> None:
        self.refused = set(refused)

    async def __call__(self, rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        await write_effect(rt, tx, fact, meta)
        if (fact.subject, fact.n) in self.refused:
            raise ValueError(f"{fact.n} is not to my liking")


async def test_a_refused_event_parks_its_key_others_go_on_and_unpark_goes_in_order(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    rt, handler = runtime_of(db), _Broken(("bad", 1), ("bad", 3))
    consumer = Consumer(rt, "parking", [topic], {note: handler}, kafka=kafka)
    await _published(db, kafka, *(note(subject=key, n=n) for n in range(5) for key in ("bad", "good")))
    async with running(consumer.run):
        await until(lambda: _has_effects(db, 6))
        await until(lambda: _is_parked(db, "parking", 4))
        assert await effects(db, "bad") == [("bad", 0)], "nothing after the refused one, and nothing of it"
        assert await _parked(db, "parking") == [("bad", 4)]

        assert await unpark(rt, "parking", {note: handler}) == (0, 4), "still refused: the first one stops the key"
        handler.refused.remove(("bad", 1))
        assert await unpark(rt, "parking", {note: handler}, key="good") == (0, 4)
        assert await unpark(rt, "parking", {note: handler}, key="bad") == (2, 2), "up to the next refused one"
        await _published(db, kafka, note(subject="bad", n=5))
        await until(lambda: _is_parked(db, "parking", 3), what="parking behind the others")
        handler.refused.clear()
        assert await unpark(rt, "parking", {note: handler}) == (4 - 1, 0)
        await _published(db, kafka, note(subject="bad", n=6))
        await until(lambda: _has_effects(db, 12))
    assert await effects(db, "bad") == [("bad", n) for n in range(7)]
    async with db.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM parked") == 0


async def _is_parked(db: Database, consumer: str, count: int) -> bool:
    return sum(n for _, n in await _parked(db, consumer)) == count


async def test_why_an_event_was_parked_and_how_often_it_was_tried_is_kept(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    rt, handler = runtime_of(db), _Broken(("a", 0))
    await _published(db, kafka, note(subject="a", n=0), note(subject="a", n=1))
    consumer = Consumer(rt, "why", [topic], {note: handler}, kafka=kafka)
    async with running(consumer.run):
        await until(lambda: _is_parked(db, "why", 2))
        await until(lambda: _knows_parked(consumer, 2), 10)
    await unpark(rt, "why", {note: handler})
    async with db.transaction() as tx:
        first = await inbox.first_parked(tx, "why", "a")
        second = await tx.fetchval("SELECT error FROM parked ORDER BY id DESC LIMIT 1")
    assert first is not None
    assert first.error == "ValueError: 0 is not to my liking"
    assert first.attempts == 2
    assert "earlier event" in second


async def _knows_parked(consumer: Consumer, count: int) -> bool:
    return consumer.health().parked == count


async def test_what_cannot_be_read_or_is_invalid_is_parked_and_what_nobody_wants_is_skipped(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = new_topic(1)
    note, unwanted = note_on(topic), note_on(topic, "note.unwanted.v1")
    await _published(db, kafka, unwanted(subject="u", n=1))
    await _send_bytes(kafka, topic.name, b"\xff not json", key=b"x")
    await _send_bytes(kafka, topic.name, b'{"specversion":"1.0","id":"no","type":"t"}', key=b"y")
    await _published(db, kafka, note(subject="a", n=1).model_copy(update={"n": "many"}), note(subject="b", n=2))
    async with running(Consumer(runtime_of(db), "unreadable", [topic], {note: write_effect}, kafka=kafka).run):
        await until(lambda: _has_effects(db, 1))
        await until(lambda: _is_parked(db, "unreadable", 3))
    assert await effects(db) == [("b", 2)]
    assert await _parked(db, "unreadable") == [("a", 1), ("x", 1), ("y", 1)]


async def test_a_transaction_that_lost_a_race_is_tried_again_and_not_parked(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    tries = 0

    async def unlucky(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        nonlocal tries
        tries += 1
        await write_effect(rt, tx, fact, meta)
        if tries == 1:
            await tx.execute("DO $$ BEGIN RAISE deadlock_detected; END $$")
        if tries == 2:
            await tx.execute("DO $$ BEGIN RAISE serialization_failure; END $$")

    await _published(db, kafka, note(subject="a", n=1))
    async with running(Consumer(runtime_of(db), "unlucky", [topic], {note: unlucky}, kafka=kafka).run):
        await until(lambda: _has_effects(db, 1))
    assert tries == 3
    assert await effects(db) == [("a", 1)]
    assert await _parked(db, "unlucky") == []


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
            await until(lambda round_=round_: _has_effects(db, 20 + 60 * round_))  # type: ignore[misc]
            for session in ("worker", "worker relay", "worker consumer sessions 0"):
                await kill_session(dsn, session)
        await until(lambda: _has_effects(db, 300), 40)
    await worker.close()
    for key in range(5):
        assert [n for _, n in await effects(db, f"k{key}")] == list(range(key, 300, 5))
    assert await _parked(db, "sessions") == []


async def test_projections_take_batches_and_single_out_the_one_at_fault(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    sizes: list[int] = []

    async def project(_rt: Runtime, tx: Tx, facts: Sequence[Note]) -> None:
        sizes.append(len(facts))
        await tx.executemany("INSERT INTO effect (key, n) VALUES ($1, $2)", [(fact.subject, fact.n) for fact in facts])
        if any(fact.n == 77 for fact in facts):
            raise ValueError("77")

    await _published(db, kafka, *(note(subject=f"k{n}", n=n) for n in range(100)), note(subject="k77", n=100))
    async with running(Consumer(runtime_of(db), "projecting", [topic], {}, {note: project}, kafka=kafka).run):
        await until(lambda: _has_effects(db, 99))
        await until(lambda: _is_parked(db, "projecting", 2))
    assert sorted(n for _, n in await effects(db)) == [n for n in range(100) if n != 77]
    assert max(sizes) > 10, "batches"
    assert await _inbox(db) == 0, "projections need no inbox"


async def test_raw_topics_give_bytes_once_and_new_ones_are_found(db: Database, kafka: KafkaSettings) -> None:
    names: list[str] = []
    got: list[tuple[bytes, str]] = []

    async def current() -> list[str]:
        return names

    async def receipt(_rt: Runtime, tx: Tx, heard: Sequence[Raw]) -> None:
        for value, meta in heard:
            got.append((value, meta.key))
            await tx.execute("INSERT INTO effect (key, n) VALUES ($1, 0)", meta.key)

    raw = {"access-receipts.": receipt}
    consumer = Consumer(runtime_of(db), "raw", current, {}, kafka=kafka, raw=raw, refresh_s=30)
    async with running(consumer.run):
        await asyncio.sleep(1)
        names.append(f"access-receipts.{os.urandom(4).hex()}")
        consumer.refresh()
        await asyncio.sleep(1.5)
        await _send_bytes(kafka, names[0], b"jws 1", b"\xff", b"jws 1", key=b"order")
        await until(lambda: _has_effects(db, 3))
        names.append(f"access-receipts.{os.urandom(4).hex()}")
        consumer.refresh()
        await asyncio.sleep(1.5)
        await _send_bytes(kafka, names[1], b"no key")
        await until(lambda: _has_effects(db, 4))
    assert got == [(b"jws 1", "order"), (b"\xff", "order"), (b"jws 1", "order"), (b"no key", names[1])]
    await _forget_offsets(kafka, "raw", names)
    async with running(Consumer(runtime_of(db), "raw", names, {}, kafka=kafka, raw=raw).run):
        await _send_bytes(kafka, names[0], b"one more")
        await until(lambda: _has_effects(db, 5))
        await asyncio.sleep(0.5)
    assert len(await effects(db)) == 5, "the same records are the same events"


async def test_raw_records_share_a_transaction_and_one_that_is_refused_is_parked_alone(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = f"access-receipts.{os.urandom(4).hex()}"
    together: list[int] = []

    async def receipt(_rt: Runtime, tx: Tx, heard: Sequence[Raw]) -> None:
        together.append(len(heard))
        for place, (value, meta) in enumerate(heard):
            await tx.execute("INSERT INTO effect (key, n) VALUES ($1, $2)", meta.key, place)
            if value == b"bad":
                raise ValueError("a receipt nobody can read")

    await ensure_topics(kafka, [topic_of(topic)])
    await _send_bytes(kafka, topic, *(b"good %d" % n for n in range(20)), key=b"a")
    await _send_bytes(kafka, topic, b"bad", b"behind it", key=b"b")
    await _send_bytes(kafka, topic, b"other", key=b"c")
    consumer = Consumer(runtime_of(db), "raw-batch", [topic], {}, kafka=kafka, raw={"access-receipts.": receipt})
    async with running(consumer.run):
        await until(lambda: _has_effects(db, 21))
        await asyncio.sleep(0.3)
        assert max(together) > 1
        async with db.connection() as connection:
            rows = await connection.fetch("SELECT key, value FROM parked ORDER BY id")
        assert [(row["key"], row["value"]) for row in rows] == [("b", b"bad"), ("b", b"behind it")]
        await _send_bytes(kafka, topic, *(b"more %d" % n for n in range(5)), key=b"a")
        await _send_bytes(kafka, topic, b"still behind", key=b"b")
        await until(lambda: _has_effects(db, 26))
    assert sorted(row[0] for row in await effects(db)) == ["a"] * 25 + ["c"]


async def _forget_offsets(kafka: KafkaSettings, group: str, topics: list[str]) -> None:
    """As if nothing had ever been committed."""
    client = await start_consumer(kafka, group)
    places = [TopicPartition(topic, 0) for topic in topics]
    client.assign(places)
    await client.commit(dict.fromkeys(places, 0))
    await stop(client)


async def test_one_trace_goes_from_the_writer_to_the_handler(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    traces: list[int] = []

    async def look(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        traces.append(trace.get_current_span().get_span_context().trace_id)
        await write_effect(rt, tx, fact, meta)

    with trace.use_span(TracerProvider().get_tracer("t").start_span("request")) as span:
        await tell(db, note(subject="a", n=1))
    await _published(db, kafka, note(subject="a", n=2))
    async with running(Consumer(runtime_of(db), "traced", [topic], {note: look}, kafka=kafka).run):
        await until(lambda: _has_effects(db, 2))
    assert traces[0] == span.get_span_context().trace_id
    assert traces[1] != traces[0]


async def test_no_progress_while_there_is_lag_ends_the_consumer(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)

    async def hang(_rt: Runtime, _tx: Tx, _fact: Note, _meta: EventMeta) -> None:
        await asyncio.Event().wait()

    consumer = Consumer(runtime_of(db), "hanging", [topic], {note: hang}, kafka=kafka, stall_s=1.5)
    running_consumer = asyncio.create_task(consumer.run())
    await asyncio.sleep(3)
    assert not running_consumer.done(), "nothing to read is no reason"
    await _published(db, kafka, note(subject="a", n=1))
    with pytest.raises(ConsumerStalled, match="lag 1"):
        await asyncio.wait_for(running_consumer, 15)


async def test_a_client_that_reads_nothing_while_the_broker_is_well_ends_the_consumer(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka's consumers are known to fall silent."""
    topic = new_topic()
    note = note_on(topic)
    await _published(db, kafka, note(subject="a", n=1))

    async def silence(*_: object, timeout_ms: int, **__: object) -> Mapping[object, object]:
        await asyncio.sleep(timeout_ms / 1000)
        return {}

    monkeypatch.setattr("aiokafka.AIOKafkaConsumer.getmany", silence)
    consumer = Consumer(runtime_of(db), "silent", [topic], {note: write_effect}, kafka=kafka, stall_s=1.5)
    with pytest.raises(ConsumerStalled):
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
        await until(lambda: _has_effects(db, 100))
        for seconds_away in (11, 2):
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(seconds_away)
            await asyncio.to_thread(server.start)
            await asyncio.sleep(1)
        stop.set()
        await until(lambda: _has_effects(db, 4 * told), 40, "catching up")
    for key in range(4):
        assert [n for _, n in await effects(db, f"k{key}")] == list(range(told))


async def test_a_broker_that_hangs_is_waited_for(db: Database, fresh_broker: FreshBroker) -> None:
    server = fresh_broker()
    kafka = kafka_of(server)
    topic = new_topic()
    note = note_on(topic)
    await _published(db, kafka, note(subject="a", n=1))
    consumer = Consumer(runtime_of(db), "waits", [topic], {note: write_effect}, kafka=kafka, stall_s=4)
    async with running(consumer.run):
        await until(lambda: _has_effects(db, 1))
        pid = _pid(server)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(11)
        os.kill(pid, signal.SIGCONT)
        await _published(db, kafka, note(subject="a", n=2))
        await until(lambda: _has_effects(db, 2), 30)


def _pid(server: Broker) -> int:
    pid: Any = getattr(server, "pid", None)
    assert isinstance(pid, int)
    return pid


async def test_a_fact_may_not_be_both_handled_and_projected(db: Database, kafka: KafkaSettings) -> None:
    async def project(_rt: Runtime, _tx: Tx, _facts: Sequence[Note]) -> None: ...

    with pytest.raises(ValueError, match="both"):
        Consumer(runtime_of(db), "both", [], {Note: write_effect}, {Note: project}, kafka=kafka)


async def test_topics_may_have_no_partitions_for_a_shard(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic(1)
    note = note_on(topic)
    await ensure_topics(kafka, [topic])
    consumer = Consumer(runtime_of(db), "idle", [topic], {note: write_effect}, kafka=kafka, shards=2, stall_s=1)
    async with running(consumer.run):
        await asyncio.sleep(2.5)
        assert consumer.health().lag == 0
