"""A consumer applies each event once, in order per key, and shares the work among its shards."""

import asyncio
import os
from collections.abc import Mapping, Sequence

import pytest
from aiokafka import TopicPartition
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from shared.contracts.base import Fact
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events.consumer import Consumer, Handler
from shared.runtime.events.dispatch import Raw
from shared.runtime.events.kafka import KafkaSettings, ensure_topics, start_consumer, stop
from shared.runtime.events.relay import Relay, replay
from tests.integration.runtime.world import (
    Note,
    effects,
    has_effects,
    inbox_size,
    is_parked,
    new_topic,
    note_on,
    publish,
    running,
    runtime_of,
    send_bytes,
    tell,
    until,
    write_effect,
)


async def test_each_event_is_applied_once_and_reading_it_again_changes_nothing(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    facts = [note(subject=f"k{n % 7}", n=n) for n in range(60)]
    await publish(db, kafka, *facts)
    consumer = Consumer(runtime_of(db), "once", [topic], {note: write_effect}, kafka=kafka)
    async with running(consumer.run):
        await until(lambda: has_effects(db, 60))
    await replay(db)
    await publish(db, kafka, note(subject="k0", n=60))
    async with running(Consumer(runtime_of(db), "once", [topic], {note: write_effect}, kafka=kafka).run):
        await until(lambda: has_effects(db, 61))
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
        await publish(db, kafka, *(note(subject="a", n=n) for n in range(run * 5, run * 5 + 5)))
        async with running(Consumer(runtime_of(db), "left-off", [topic], {note: remember}, kafka=kafka).run):
            await until(lambda run=run: has_effects(db, run * 5 + 5))  # type: ignore[misc]
            await asyncio.sleep(0.3)
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM inbox")  # only the committed offset can know now
    assert seen == list(range(10))


async def _committed(kafka: KafkaSettings, group: str, topic: str) -> int:
    client = await start_consumer(kafka, group)
    place = TopicPartition(topic, 0)
    client.assign([place])
    offset = await client.committed(place)
    await stop(client)
    return offset or 0


async def test_offsets_are_committed_when_it_rests_and_also_when_it_never_does(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = new_topic(1)
    note = note_on(topic)
    consumer = Consumer(runtime_of(db), "commits", [topic], {note: write_effect}, kafka=kafka)
    async with running(consumer.run), running(Relay(db, kafka, topics=[topic]).run):
        await tell(db, note(subject="a", n=0))
        await until(lambda: has_effects(db, 1))

        async def caught_up() -> bool:
            return await _committed(kafka, "commits", topic.name) == 1

        await until(caught_up)
        for n in range(1, 40):  # closer together than a poll waits: it is never at rest
            await tell(db, note(subject="a", n=n))
            await asyncio.sleep(0.05)
        assert await _committed(kafka, "commits", topic.name) > 1
        await until(lambda: has_effects(db, 40))


async def test_shards_share_the_partitions_and_miss_none(db: Database, kafka: KafkaSettings) -> None:
    topic, single = new_topic(5), new_topic(1)
    note, other = note_on(topic), note_on(single, "note.single.v1")
    facts = [note(subject=f"k{n}", n=n) for n in range(50)] + [other(subject=f"s{n}", n=n) for n in range(5)]
    await publish(db, kafka, *facts)
    handlers: Mapping[type[Fact], Handler] = {note: write_effect, other: write_effect}
    consumer = Consumer(runtime_of(db), "sharded", [topic, single], handlers, kafka=kafka, shards=3)
    async with running(consumer.run):
        await until(lambda: has_effects(db, 55))
    assert len(set(await effects(db))) == 55


async def test_projections_take_batches_and_single_out_the_one_at_fault(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    sizes: list[int] = []

    async def project(_rt: Runtime, tx: Tx, facts: Sequence[Note]) -> None:
        sizes.append(len(facts))
        await tx.executemany("INSERT INTO effect (key, n) VALUES ($1, $2)", [(fact.subject, fact.n) for fact in facts])
        if any(fact.n == 77 for fact in facts):
            raise ValueError("77")

    await publish(db, kafka, *(note(subject=f"k{n}", n=n) for n in range(100)), note(subject="k77", n=100))
    async with running(Consumer(runtime_of(db), "projecting", [topic], {}, {note: project}, kafka=kafka).run):
        await until(lambda: has_effects(db, 99))
        await until(lambda: is_parked(db, "projecting", 2))
    assert sorted(n for _, n in await effects(db)) == [n for n in range(100) if n != 77]
    assert max(sizes) > 10, "batches"
    assert await inbox_size(db) == 0, "projections need no inbox"


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
        await send_bytes(kafka, names[0], b"jws 1", b"\xff", b"jws 1", key=b"order")
        await until(lambda: has_effects(db, 3))
        names.append(f"access-receipts.{os.urandom(4).hex()}")
        consumer.refresh()
        await asyncio.sleep(1.5)
        await send_bytes(kafka, names[1], b"no key")
        await until(lambda: has_effects(db, 4))
    key, unnamed = f"{names[0]} order", f"{names[1]} {names[1]}"
    assert got == [(b"jws 1", key), (b"\xff", key), (b"jws 1", key), (b"no key", unnamed)]
    await _forget_offsets(kafka, "raw", names)
    async with running(Consumer(runtime_of(db), "raw", names, {}, kafka=kafka, raw=raw).run):
        await send_bytes(kafka, names[0], b"one more")
        await until(lambda: has_effects(db, 5))
        await asyncio.sleep(0.5)
    assert len(await effects(db)) == 5, "the same records are the same events"


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
    await publish(db, kafka, note(subject="a", n=2))
    async with running(Consumer(runtime_of(db), "traced", [topic], {note: look}, kafka=kafka).run):
        await until(lambda: has_effects(db, 2))
    assert traces[0] == span.get_span_context().trace_id
    assert traces[1] != traces[0]


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
