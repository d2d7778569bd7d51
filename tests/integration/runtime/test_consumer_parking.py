"""A consumer keeps what a handler refuses, and what comes after it of the same key, until it is unparked."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from shared.runtime.acts import envelope
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events import delivery, inbox
from shared.runtime.events.consumer import Consumer, unpark
from shared.runtime.events.dispatch import Raw
from shared.runtime.events.kafka import KafkaSettings, ensure_topics, topic_of
from tests.integration.runtime.world import (
    Note,
    effects,
    has_effects,
    is_parked,
    new_topic,
    note_on,
    parked,
    publish,
    running,
    runtime_of,
    send_bytes,
    until,
    write_effect,
)


class _Broken:
    """A handler that refuses some events until it is mended."""

    def __init__(self, *refused: tuple[str, int]) -> None:
        self.refused = set(refused)

    async def __call__(self, rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        await write_effect(rt, tx, fact, meta)
        if (fact.subject, fact.n) in self.refused:
            raise ValueError(f"{fact.n} is not to my liking")


async def test_a_statement_that_is_cancelled_is_tried_a_few_times_before_its_event_is_parked(
    db: Database, kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CANCELLED_TRIES", 5)
    monkeypatch.setattr(delivery, "CANCELLED_PAUSE_S", 1.0)
    topic = new_topic(1)
    note = note_on(topic)
    tries = {"stalled": 0, "always": 0}

    async def slow(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        tries[fact.subject] += 1
        if fact.subject == "always" or tries[fact.subject] < 3:
            await tx.execute("SET LOCAL statement_timeout = 10")
            async with asyncio.TaskGroup() as group:  # what comes out of it is a group of errors
                group.create_task(tx.execute("SELECT pg_sleep(1)"))
        await write_effect(rt, tx, fact, meta)

    await publish(db, kafka, *(note(subject="stalled", n=n) for n in range(2)), note(subject="always", n=0))
    consumer = Consumer(runtime_of(db), "stalled", [topic], {note: slow}, kafka=kafka, stall_s=3)
    async with running(consumer.run):
        await until(lambda: is_parked(db, "stalled", 1))
    assert await parked(db, "stalled") == [("always", 1)]
    assert tries == {"stalled": 4, "always": 5}
    assert await effects(db) == [("stalled", 0), ("stalled", 1)]


async def test_a_refused_event_parks_its_key_others_go_on_and_unpark_goes_in_order(
    db: Database, kafka: KafkaSettings
) -> None:
    topic = new_topic()
    note = note_on(topic)
    rt, handler = runtime_of(db), _Broken(("bad", 1), ("bad", 3))
    consumer = Consumer(rt, "parking", [topic], {note: handler}, kafka=kafka)
    await publish(db, kafka, *(note(subject=key, n=n) for n in range(5) for key in ("bad", "good")))
    async with running(consumer.run):
        await until(lambda: has_effects(db, 6))
        await until(lambda: is_parked(db, "parking", 4))
        assert await effects(db, "bad") == [("bad", 0)], "nothing after the refused one, and nothing of it"
        assert await parked(db, "parking") == [("bad", 4)]

        assert await unpark(rt, "parking", {note: handler}) == (0, 4), "still refused: the first one stops the key"
        handler.refused.remove(("bad", 1))
        assert await unpark(rt, "parking", {note: handler}, key="good") == (0, 4)
        assert await unpark(rt, "parking", {note: handler}, key="bad") == (2, 2), "up to the next refused one"
        await publish(db, kafka, note(subject="bad", n=5))
        await until(lambda: is_parked(db, "parking", 3), what="parking behind the others")
        handler.refused.clear()
        assert await unpark(rt, "parking", {note: handler}) == (4 - 1, 0)
        await publish(db, kafka, note(subject="bad", n=6))
        await until(lambda: has_effects(db, 12))
    assert await effects(db, "bad") == [("bad", n) for n in range(7)]
    async with db.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM parked") == 0


async def test_why_an_event_was_parked_and_how_often_it_was_tried_is_kept(db: Database, kafka: KafkaSettings) -> None:
    topic = new_topic()
    note = note_on(topic)
    rt, handler = runtime_of(db), _Broken(("a", 0))
    await publish(db, kafka, note(subject="a", n=0), note(subject="a", n=1))
    consumer = Consumer(rt, "why", [topic], {note: handler}, kafka=kafka)
    async with running(consumer.run):
        await until(lambda: is_parked(db, "why", 2))
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
    await publish(db, kafka, unwanted(subject="u", n=1))
    await send_bytes(kafka, topic.name, b"\xff not json", key=b"x")
    await send_bytes(kafka, topic.name, b'{"specversion":"1.0","id":"no","type":"t"}', key=b"y")
    await publish(db, kafka, note(subject="a", n=1).model_copy(update={"n": "many"}), note(subject="b", n=2))
    async with running(Consumer(runtime_of(db), "unreadable", [topic], {note: write_effect}, kafka=kafka).run):
        await until(lambda: has_effects(db, 1))
        await until(lambda: is_parked(db, "unreadable", 3))
    assert await effects(db) == [("b", 2)]
    assert await parked(db, "unreadable") == [("a", 1), ("x", 1), ("y", 1)]


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

    await publish(db, kafka, note(subject="a", n=1))
    async with running(Consumer(runtime_of(db), "unlucky", [topic], {note: unlucky}, kafka=kafka).run):
        await until(lambda: has_effects(db, 1))
    assert tries == 3
    assert await effects(db) == [("a", 1)]
    assert await parked(db, "unlucky") == []


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
    await send_bytes(kafka, topic, *(b"good %d" % n for n in range(20)), key=b"a")
    await send_bytes(kafka, topic, b"bad", b"behind it", key=b"b")
    await send_bytes(kafka, topic, b"other", key=b"c")
    consumer = Consumer(runtime_of(db), "raw-batch", [topic], {}, kafka=kafka, raw={"access-receipts.": receipt})
    async with running(consumer.run):
        await until(lambda: has_effects(db, 21))
        await asyncio.sleep(0.3)
        assert max(together) > 1
        async with db.connection() as connection:
            rows = await connection.fetch("SELECT key, value FROM parked ORDER BY id")
        key = f"{topic} b"
        assert [(row["key"], row["value"]) for row in rows] == [(key, b"bad"), (key, b"behind it")]
        await send_bytes(kafka, topic, *(b"more %d" % n for n in range(5)), key=b"a")
        await send_bytes(kafka, topic, b"still behind", key=b"b")
        await until(lambda: has_effects(db, 26))
    assert sorted(row[0] for row in await effects(db)) == [f"{topic} a"] * 25 + [f"{topic} c"]


async def test_a_fact_on_a_topic_that_is_not_its_own_is_parked_and_holds_up_nothing_genuine(
    db: Database, kafka: KafkaSettings
) -> None:
    own, elsewhere = new_topic(1), new_topic(1)
    note = note_on(own)
    genuine, event_id = note(subject="a", n=1), uuid7()
    forged = note(subject="a", n=9)
    at = datetime.now(UTC)
    await ensure_topics(kafka, [own, elsewhere])
    await send_bytes(kafka, elsewhere.name, envelope.encode(forged, event_id=event_id, at=at, trace={}), key=b"a")
    consumer = Consumer(runtime_of(db), "foreign", [own, elsewhere], {note: write_effect}, kafka=kafka)
    async with running(consumer.run):
        await until(lambda: is_parked(db, "foreign", 1))
        await send_bytes(kafka, own.name, envelope.encode(genuine, event_id=event_id, at=at, trace={}), key=b"a")
        await until(lambda: has_effects(db, 1))
    assert await effects(db) == [("a", 1)]
    assert await parked(db, "foreign") == [(f"{elsewhere.name} a", 1)]
