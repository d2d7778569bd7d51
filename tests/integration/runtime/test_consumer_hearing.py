"""A consumer that does not hear everything says so: it is never caught up, and machines are told."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest
from aiokafka import TopicPartition

from shared.contracts.base import Topic
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import metrics
from shared.runtime.base.context import EventMeta
from shared.runtime.db import leases
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events import consumer as consuming
from shared.runtime.events import inbox, reading
from shared.runtime.events.consumer import Consumer
from shared.runtime.events.kafka import KafkaSettings, Reader, ensure_topics
from shared.runtime.events.reading import Reading
from tests.integration.runtime.world import (
    Note,
    has_effects,
    new_topic,
    note_on,
    publish,
    running,
    runtime_of,
    until,
    write_effect,
)

Shown = dict[str, float]


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What machines are told last; everything that takes a minute takes half a second."""
    shown: Shown = {}

    class Gauge:
        def __init__(self, name: str) -> None:
            self._name = name

        def set(self, value: float, _of: object) -> None:
            shown[self._name] = value

    for name in ("consumer_lag", "consumer_deaf", "consumer_unread"):
        monkeypatch.setattr(metrics, name, Gauge(name))
    monkeypatch.setattr(reading, "DEAF_S", 0.5)
    monkeypatch.setattr(consuming, "NOTE_S", 0.2)
    monkeypatch.setattr(consuming, "WATCH_S", 0.1)
    return shown


async def caught_up(db: Database, name: str) -> datetime | None:
    async with db.transaction() as tx:
        return await inbox.caught_up(tx, name)


def begun(db: Database, kafka: KafkaSettings, name: str, *topics: Topic, **options: Any) -> Consumer:
    handlers = cast("Any", {note_on(topic, f"note.{number}.v1"): write_effect for number, topic in enumerate(topics)})
    return Consumer(runtime_of(db), name, topics, handlers, kafka=kafka, refresh_s=0.3, stall_s=2, **options)


async def test_a_topic_that_is_not_there_is_an_error_and_never_read_to_its_end(
    db: Database, kafka: KafkaSettings, shown: Shown
) -> None:
    heard, kept_from_us = new_topic(1), new_topic(1)
    consumer = begun(db, kafka, "deaf", heard, kept_from_us)
    await publish(db, kafka, note_on(heard, "note.0.v1")(subject="a", n=1))
    async with running(consumer.run):
        await until(lambda: has_effects(db, 1), what="the other topic goes on")
        await until(lambda: _is(consumer, "failing"))
        await asyncio.sleep(3)  # longer than it may stand still: it does not end for it
        health = consumer.health()
        assert (health.lag, health.error is not None and kept_from_us.name in health.error) == (None, True)
        assert heard.name not in str(health.error)
        await until(lambda: _shows(shown, -1, 1))
        assert await caught_up(db, "deaf") is None, "what was never read is not read to its end"
        await ensure_topics(kafka, [kept_from_us])
        await until(lambda: _is(consumer, "reading"))
        await until(lambda: _noted(db, "deaf"))
        await until(lambda: _shows(shown, 0, 0))


async def test_a_topic_that_was_read_and_is_kept_from_us_is_missed_at_once(
    db: Database, kafka: KafkaSettings, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a broker that was told to let this service read it no more: what it may not see is not listed."""
    monkeypatch.setattr(reading, "DEAF_S", 60.0)
    topics = new_topic(1), new_topic(1)
    hidden: set[str] = set()
    metadata = Reader.metadata

    class Listed:
        def __init__(self, cluster: Any) -> None:
            self._cluster = cluster

        def topics(self, **options: Any) -> set[str]:
            return set(self._cluster.topics(**options)) - hidden

        def partitions_for_topic(self, name: str) -> Any:
            return None if name in hidden else self._cluster.partitions_for_topic(name)

    async def listed(self: Reader) -> Listed:
        return Listed(await metadata(self))

    monkeypatch.setattr(Reader, "metadata", listed)
    await ensure_topics(kafka, topics)
    consumer = begun(db, kafka, "shut-out", *topics)
    async with running(consumer.run):
        await until(lambda: _noted(db, "shut-out"))
        await until(lambda: _shows(shown, 0, 0))
        assert consumer.health().state == "reading"
        hidden.add(topics[1].name)
        await until(lambda: _is(consumer, "failing"), 5)
        noted = await caught_up(db, "shut-out")
        await asyncio.sleep(1)
        assert await caught_up(db, "shut-out") == noted
        await until(lambda: _shows(shown, -1, 1))
        hidden.clear()
        await until(lambda: _is(consumer, "reading"), 5)


async def test_before_it_knows_what_is_its_own_nothing_left_to_read_means_nothing(
    db: Database, kafka: KafkaSettings, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected, and nothing assigned yet."""
    held = asyncio.Event()
    assign = Reading._assign

    async def later(self: Reading, client: Reader) -> None:
        await held.wait()
        await assign(self, client)

    monkeypatch.setattr(Reading, "_assign", later)
    topic = new_topic(1)
    await ensure_topics(kafka, [topic])
    consumer = begun(db, kafka, "early", topic)
    async with running(consumer.run):
        await until(lambda: _soon(lambda: consumer._shards[0].reading._client is not None))
        await asyncio.sleep(0.5)
        assert consumer.health().lag is None
        await until(lambda: _shows(shown, -1, 1))
        assert await caught_up(db, "early") is None
        held.set()
        await until(lambda: _noted(db, "early"))


async def test_how_long_the_oldest_has_waited_is_told_however_few_they_are(
    db: Database, kafka: KafkaSettings, shown: Shown
) -> None:
    topic = new_topic(1)
    note = note_on(topic, "note.0.v1")
    go_on = asyncio.Event()

    async def wait(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
        await go_on.wait()
        await write_effect(rt, tx, fact, meta)

    consumer = Consumer(runtime_of(db), "slow", [topic], {note: wait}, kafka=kafka, stall_s=60)
    async with running(consumer.run):
        await publish(db, kafka, note(subject="a", n=1))
        await until(lambda: _soon(lambda: shown.get("consumer_unread", 0) > 1))
        await publish(db, kafka, note(subject="b", n=2))
        before = shown["consumer_unread"]
        await asyncio.sleep(0.5)
        assert shown["consumer_unread"] > before, "what came since does not make the oldest younger"
        await until(lambda: _soon(lambda: shown["consumer_lag"] == 2))
        go_on.set()
        await until(lambda: _soon(lambda: shown["consumer_unread"] == 0))


async def test_what_stands_by_is_not_deaf(db: Database, kafka: KafkaSettings, shown: Shown) -> None:
    topic = new_topic(1)
    await ensure_topics(kafka, [topic])
    first, second = begun(db, kafka, "two", topic), begun(db, kafka, "two", topic)
    async with running(first.run):
        await until(lambda: _noted(db, "two"))
        async with running(second.run):
            await asyncio.sleep(0.5)
            assert second.health().state == "standby"
            consuming.note_hearing("two", [each.reading for each in second._shards if each.holds_lease])
            assert (shown["consumer_lag"], shown["consumer_deaf"], shown["consumer_unread"]) == (0, 0, 0)


async def test_a_shard_whose_lease_cannot_be_had_is_deaf_however_well_the_others_read(
    db: Database, kafka: KafkaSettings, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool's sessions live, and the server takes no new ones; standing by is something else."""
    topic = new_topic(2)
    await ensure_topics(kafka, [topic])
    dedicated = db.dedicated

    async def only_the_first(purpose: str) -> Any:
        if purpose.endswith(" 1"):
            raise asyncpg.TooManyConnectionsError("remaining connection slots are reserved")
        return await dedicated(purpose)

    consumer = begun(db, kafka, "full", topic, shards=2)
    async with leases.hold(db, "consumer full 1"):
        with monkeypatch.context() as full:
            full.setattr(db, "dedicated", only_the_first)
            async with running(consumer.run):
                await until(lambda: _soon(lambda: consumer._shards[0].reading.lag == 0))
                await until(lambda: _shows(shown, -1, 1))
                assert (consumer.health().state, consumer.health().lag) == ("failing", None)
                full.undo()
                await until(lambda: _shows(shown, 0, 0))
                assert consumer.health().state == "reading", "another process has the other shard"


async def _shows(shown: Shown, lag: float, deaf: float) -> bool:
    return (shown.get("consumer_lag"), shown.get("consumer_deaf")) == (lag, deaf)


async def _is(consumer: Consumer, state: str) -> bool:
    return consumer.health().state == state


async def _noted(db: Database, name: str) -> bool:
    return await caught_up(db, name) is not None


async def _soon(so: Callable[[], bool]) -> bool:
    return so()


async def test_what_waited_in_a_log_that_was_replaced_does_not_grow_older_for_ever() -> None:
    """The broker was replaced; its topics keep little, and may never reach so far again: what waits there is young."""
    one, other = TopicPartition("notes", 0), TopicPartition("notes", 1)

    class Client:
        """A new one after each failure; it knows nothing of the one before."""

        ends = {one: 1000, other: 7}  # noqa: RUF012 - what the broker says by now

        def assignment(self) -> set[TopicPartition]:
            return set(self.ends)

        def highwater(self, _partition: TopicPartition) -> None:
            return None

        async def end_offsets(self, asked: list[TopicPartition]) -> dict[TopicPartition, int]:
            return {partition: self.ends[partition] for partition in asked}

        async def call(self, _what: str, answer: Any, _seconds: float) -> Any:
            return await answer

    reader = Reading(
        cast("Any", SimpleNamespace(progress_at=0.0)), name="r", kafka=KafkaSettings("nowhere:1"), topics=[]
    )
    reader._client, reader._assigned, reader._next = cast("Any", Client()), True, {one: 990, other: 7}
    await reader.measure()
    await asyncio.sleep(0.2)
    reader._client = cast("Any", Client())  # the same log by a new client: it waits on
    await reader.measure()
    assert (reader.lag, reader.behind_s() > 0.2) == (10, True)
    reader._next, Client.ends = {one: 990, other: 4}, {one: 1000, other: 7}
    reader._mark = None
    await reader.measure()
    await asyncio.sleep(0.2)
    reader._next, Client.ends = {one: 0, other: 4}, {one: 3, other: 7}
    await reader.measure()
    assert (reader.lag, reader.behind_s() > 0.2) == (6, True), "in the other, which is what it was, it waits on"
    reader._next = {one: 0, other: 7}
    await reader.measure()
    assert reader.lag == 3
    assert reader.behind_s() < 0.2, "since it was first seen in the new log"
    reader._next = {one: 3, other: 7}
    await reader.measure()
    assert (reader.lag, reader.behind_s()) == (0, 0.0)


async def test_a_partition_that_is_given_up_while_the_broker_is_asked_how_far_it_reaches_counts_for_nothing() -> None:
    kept, given_up = TopicPartition("notes", 0), TopicPartition("notes", 1)

    class Client:
        """Knows only what is assigned to it, as aiokafka's."""

        def assignment(self) -> set[TopicPartition]:
            return {kept}

        def highwater(self, partition: TopicPartition) -> int:
            assert partition == kept
            return 3

        async def end_offsets(self, asked: list[TopicPartition]) -> dict[TopicPartition, int]:
            del reader._next[given_up]
            return dict.fromkeys(asked, 5)

        async def call(self, _what: str, answer: Any, _seconds: float) -> Any:
            return await answer

    reader = Reading(
        cast("Any", SimpleNamespace(progress_at=0.0)), name="r", kafka=KafkaSettings("nowhere:1"), topics=[]
    )
    reader._client, reader._assigned, reader._next = cast("Any", Client()), True, {kept: 1, given_up: 2}
    assert await reader.measure() == {kept: 5}
    assert reader.lag == 4
