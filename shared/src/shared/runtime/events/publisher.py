"""Hands outbox rows to the broker, in order per partition, and says which of them it acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from aiokafka import errors as kafka_errors
from aiokafka.partitioner import murmur2

from shared.contracts.base import Topic
from shared.runtime.events import kafka as broker
from shared.runtime.events.kafka import BROKER_ERRORS, BrokerUnavailable, KafkaSettings, Producer, TopicRefused

if TYPE_CHECKING:
    import asyncpg

log = structlog.get_logger(__name__)

HOLD_TOPIC_S: Final = 30.0
FOREVER_S: Final = 3600.0
"""The relay has a limit of its own around each batch."""
# Errors that concern one topic or one record; everything else means that the broker is not well.
OF_ONE_TOPIC: Final = (
    TopicRefused,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.InvalidTopicError,
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
)


@dataclass(slots=True)
class Outcome:
    """What became of some rows: acknowledged in full, or up to the first failure of each partition."""

    acknowledged: list[asyncpg.Record] = field(default_factory=list)
    failure: Exception | None = None
    """The broker is not well."""


class Publisher:
    """Sends rows of ``topic, key, value, headers`` through producers that come and go."""

    def __init__(self, kafka: KafkaSettings, topics: Sequence[Topic], on_lost: Callable[[], None]) -> None:
        """``on_lost`` is called when the producer loses its connection: ``check`` will raise then."""
        self._kafka = kafka
        self._on_lost = on_lost
        self._topics = {topic.name: topic for topic in topics}
        self._seen: set[str] = set()
        self._held: dict[str, float] = {}
        self.refused: dict[str, str] = {}
        """Topics that could not be published to when it was last tried, and why."""
        self._producer: Producer | None = None

    async def open(self) -> None:
        """Make a producer. Nothing is sent to a topic before ``ensure`` has seen it."""
        self._producer = await broker.start_producer(self._kafka, self._on_lost)

    async def close(self) -> None:
        """Throw the producer away. A broker that comes back may have forgotten its topics: look again then."""
        producer, self._producer = self._producer, None
        self._seen.clear()
        if producer is not None:
            await broker.abandon(producer)

    def check(self) -> None:
        """Raise BrokerUnavailable if the producer has lost its connection."""
        if self._producer is None or self._producer.lost.done():
            raise BrokerUnavailable("the connection to the broker was lost")

    def held(self) -> list[str]:
        """Topics left alone for a while, because the broker refuses them or something in them."""
        now = time.monotonic()
        self._held = {topic: until for topic, until in self._held.items() if until > now}
        return list(self._held)

    def settle(self, untried: Collection[str]) -> None:
        """Everything else that could be sent was: what neither failed nor was left untried is not refused any more."""
        kept = {*untried, *self.held()}
        self.refused = {topic: why for topic, why in self.refused.items() if topic in kept}

    async def send(self, rows: Iterable[asyncpg.Record]) -> Outcome:
        """Send rows and wait for the acknowledgements. A partition stops at its first failure."""
        by_topic: dict[str, list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            by_topic[row["topic"]].append(row)
        outcome = Outcome()
        partitions: list[tuple[str, int, list[asyncpg.Record]]] = []
        for topic in by_topic.keys() - self._held.keys():
            partitions += await self._split(topic, by_topic[topic])
        await self._unless_lost(outcome, [self._send_partition(outcome, *part) for part in partitions])
        return outcome

    async def _unless_lost(self, outcome: Outcome, sends: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Wait for the sends, or for the connection to break: what was not acknowledged by then never will be."""
        assert self._producer is not None
        sending = asyncio.gather(*sends)
        try:
            await self._producer.call("acknowledgement of a batch", sending, FOREVER_S)
        except BrokerUnavailable as error:
            outcome.failure = error

    async def _split(self, topic: str, rows: list[asyncpg.Record]) -> list[tuple[str, int, list[asyncpg.Record]]]:
        """Rows by partition, by the hash every Kafka client uses."""
        assert self._producer is not None
        try:
            there = len(await self._producer.partitions_for(topic))
        except OF_ONE_TOPIC as error:
            self._hold(topic, error, rows[0])
            return []
        # A broker that makes topics for whoever asks may have made this one with more partitions than the contract
        # says, and its readers, a provider say, look only into those they know of.
        wanted = self._topics.get(topic) or broker.topic_of(topic)
        count = min(there, wanted.partitions or there)
        parts: dict[int, list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            parts[_hash(row["key"]) % count].append(row)
        return [(topic, number, part) for number, part in parts.items()]

    async def _send_partition(self, outcome: Outcome, topic: str, partition: int, rows: list[asyncpg.Record]) -> None:
        """Whole record batches, built by ourselves: a future per record would cost more than everything else."""
        assert self._producer is not None
        place = 0
        while place < len(rows):
            batch, first = self._producer.create_batch(), place
            while place < len(rows):
                row = rows[place]
                headers = _headers(row["headers"])
                if batch.append(timestamp=None, key=row["key"].encode(), value=row["value"], headers=headers) is None:
                    break
                place += 1
            batch.close()
            try:
                await (await self._producer.send_batch(batch, topic, partition=partition))
            except OF_ONE_TOPIC as error:
                self._hold(topic, error, rows[first])
                return
            except BROKER_ERRORS as error:
                outcome.failure = outcome.failure or error
                return
            outcome.acknowledged += rows[first:place]

    async def ensure(self, names: Iterable[str]) -> list[str]:
        """Make the topics not looked at yet, if they are missing; returns the names of those that can be had."""
        specs: dict[str, Topic] = {}
        for name in names:
            if name not in self._seen and name not in self._held:
                try:
                    specs[name] = self._topics.get(name) or broker.topic_of(name)
                except TopicRefused as error:
                    self._hold(name, error)
        if not specs:
            return []
        for name, reason in (await broker.ensure_topics(self._kafka, specs.values())).items():
            self._hold(name, TopicRefused(name, reason))
            del specs[name]
        self._seen |= specs.keys()
        return list(specs)

    def _hold(self, topic: str, error: Exception, row: asyncpg.Record | None = None) -> None:
        self._held[topic] = time.monotonic() + HOLD_TOPIC_S
        self.refused[topic] = f"{type(error).__name__}: {error}" + (f" (outbox {row['id']})" if row else "")
        log.error("relay_topic_held", topic=topic, outbox_id=row and row["id"], error=repr(error))


@lru_cache(maxsize=65_536)
def _hash(key: str) -> int:
    return int(murmur2(key.encode())) & 0x7FFF_FFFF


@lru_cache(maxsize=4096)
def _headers(text: str) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in orjson.loads(text).items()]
