"""Kafka clients: how to make them, how long to wait for them, and how to be rid of them when they hang."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from shared.contracts import topics as known
from shared.contracts.base import Topic
from shared.contracts.topics import PROVIDER
from shared.runtime.events.places import Kept

if TYPE_CHECKING:
    from shared.runtime.base.settings import Settings

log = structlog.get_logger(__name__)
T = TypeVar("T")

CALL_S: Final = 10.0
"""How long any one call to the broker may take."""
LEAVE_S: Final = 2.0
"""How long a client may take to leave in good order."""
REQUEST_MS: Final = 8_000
EAGER_S: Final = 2.0
"""How long after the last record fetches are as short as the settings say."""
RESTING_MS: Final = 250
"""How long a fetch may wait when nothing comes, where the settings say less."""
_MS_PER_DAY: Final = 86_400_000
_BY_NAME: Final = {topic.name: topic for topic in known.FACT_TOPICS}
_PER_PROVIDER: Final = {"access-orders.": known.orders_topic, "access-receipts.": known.receipts_topic}


class BrokerUnavailable(Exception):
    """The broker did not answer in time."""


class TopicRefused(Exception):
    """The broker will not make a topic."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"{topic}: {reason}")
        self.topic = topic


BROKER_ERRORS: Final[tuple[type[Exception], ...]] = (BrokerUnavailable, KafkaError, ConnectionError)


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where the brokers are and how to speak to them."""

    bootstrap_servers: str
    client_id: str = "concord"
    idempotence: bool = True
    security: str = "PLAINTEXT"
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    partitions: int = 24
    replication: int = 1
    fetch_wait_ms: int = 500
    """How long the broker may hold a fetch that finds nothing, while records come; longer when none came for a while
    (Reader.rest)."""

    @classmethod
    def of(cls, settings: Settings, client_id: str = "concord") -> KafkaSettings:
        """What the environment says."""
        password = settings.kafka_password
        return cls(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            client_id=client_id,
            idempotence=settings.kafka_idempotence,
            security=settings.kafka_security,
            user=settings.kafka_user,
            password=password.get_secret_value() if password else None,
            ca_file=settings.kafka_ca,
            partitions=settings.topic_partitions,
            replication=settings.topic_replication,
            fetch_wait_ms=settings.kafka_fetch_wait_ms,
        )

    def options(self) -> dict[str, Any]:
        """What every client is made with."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "security_protocol": self.security,
            "request_timeout_ms": REQUEST_MS,
            "metadata_max_age_ms": 60_000,
        }
        if self.security.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.security.startswith("SASL"):
            options["sasl_mechanism"] = "SCRAM-SHA-512"
            options["sasl_plain_username"] = self.user
            options["sasl_plain_password"] = self.password
        return options


@asynccontextmanager
async def bounded(what: str, seconds: float = CALL_S) -> AsyncIterator[None]:
    """A time limit around calls to the broker; aiokafka's own limits do not hold.

    Raises BrokerUnavailable when it passes, which says what was waited for.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise BrokerUnavailable(f"no answer from the broker within {seconds:g} s: {what}") from error


async def answered(what: str, answer: Awaitable[T], seconds: float = CALL_S) -> T:
    """The same around one call, also where aiokafka swallows the cancellation that ``bounded`` relies on."""
    asking = asyncio.ensure_future(answer)
    try:
        done, _ = await asyncio.wait({asking}, timeout=seconds)
        if not done:
            asking.add_done_callback(_forget)
            raise BrokerUnavailable(f"no answer from the broker within {seconds:g} s: {what}")
        return asking.result()
    finally:
        asking.cancel()


class _OneLife:
    """A client that lives no longer than its connections: when one breaks, ``lost`` is done for good.

    aiokafka's own clients connect again and go on. A broker that came back may have lost its topics; then nothing must
    be written to them before they are made anew (Tansu takes such records and never gives them out), and nothing
    committed at offsets of the old log.
    """

    def __init__(self, *, on_lost: Callable[[], None] = lambda: None, **options: Any) -> None:
        super().__init__(**options)
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_lost = on_lost
        client: Any = self.client if isinstance(self, AIOKafkaProducer) else self._client  # type: ignore[attr-defined]
        self._reconnect = client._on_connection_closed
        client._on_connection_closed = self._connection_closed

    def _connection_closed(self, connection: Any, reason: Any) -> None:
        if reason not in (CloseReason.SHUTDOWN, CloseReason.IDLE_DROP) and not self.lost.done():
            self.lost.set_result(None)
            sender = getattr(self, "_sender", None)
            if sender is not None and sender.sender_task is not None:
                sender.sender_task.cancel()
            self._on_lost()
        self._reconnect(connection, reason)

    async def call(self, what: str, answer: Awaitable[T], seconds: float = CALL_S) -> T:
        """What a call of this client gives; BrokerUnavailable if it takes too long or the connection breaks."""
        calling = asyncio.ensure_future(answer)
        waiting: set[asyncio.Future[Any]] = {calling, self.lost}
        try:
            async with bounded(what, seconds):
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if self.lost.done():
                raise BrokerUnavailable(f"the connection to the broker was lost: {what}")
            return calling.result()
        finally:
            calling.cancel()


class Producer(_OneLife, AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """A producer that stops sending when a connection breaks."""


class Reader(_OneLife, AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """A consumer whose ``call`` gives nothing any more once a connection broke, and whose fetches rest when it may.

    A broker that answers a waiting fetch when a record comes is asked to wait long from the start. Tansu is not such a
    broker: there the wait is a delay, so it is short (``fetch_wait_ms``) while records come and grows when none do.
    """

    def __init__(self, *, fetch_wait_ms: int, **options: Any) -> None:
        super().__init__(fetch_max_wait_ms=fetch_wait_ms, **options)
        self._shortest_ms = fetch_wait_ms
        self._busy_at = time.monotonic()

    def busy(self) -> None:
        """Something came: more may follow, so ask often."""
        self._busy_at = time.monotonic()
        self._fetcher._fetch_max_wait_ms = self._shortest_ms

    def rest(self) -> None:
        """Nothing came. After a while let the broker hold fetches longer, each time a little."""
        if time.monotonic() - self._busy_at > EAGER_S:
            longer = self._fetcher._fetch_max_wait_ms * 2
            self._fetcher._fetch_max_wait_ms = max(self._shortest_ms, min(longer, RESTING_MS))

    async def metadata(self) -> Any:
        """What topics and partitions there are, as aiokafka's ClusterMetadata, asked anew."""
        return await self.call("what topics there are", self._client.fetch_all_metadata())

    async def committed_of(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Kept]:
        """Where this group left off; partitions of which it never said so are left out."""
        asked = self._coordinator.fetch_committed_offsets(list(partitions))
        found = await self.call("where this group left off", asked)
        return {each: Kept(meta.offset, meta.metadata or None) for each, meta in found.items() if meta.offset >= 0}

    async def earliest(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset of each partition."""
        asked = list(partitions)
        if not asked:
            return {}
        found: dict[TopicPartition, int] = await self.call("where partitions begin", self.beginning_offsets(asked))
        return found

    async def cluster_id(self) -> str:
        """Which cluster this is: another one has other records under the same offsets."""
        node = self._client.get_random_node()
        answer = await self.call("which cluster it is", self._client.send(node, MetadataRequest([])))
        return str(answer.cluster_id)


async def start_producer(kafka: KafkaSettings, on_lost: Callable[[], None] = lambda: None) -> Producer:
    """A producer that waits for all replicas and sends at once (a linger would delay every batch).

    When a connection breaks it stops sending, sets ``lost`` and calls ``on_lost``: abandon it and start another.
    """
    producer = Producer(
        **kafka.options(),
        on_lost=on_lost,
        acks="all",
        enable_idempotence=kafka.idempotence,
        linger_ms=0,
        max_batch_size=256 * 1024,
        compression_type=None,
    )
    return cast("Producer", await _started(producer))


async def start_consumer(kafka: KafkaSettings, group_id: str | None) -> Reader:
    """A consumer to which partitions will be assigned by hand; it joins no group and commits only when told to."""
    consumer = Reader(
        **kafka.options(),
        group_id=group_id,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_wait_ms=kafka.fetch_wait_ms,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    return cast("Reader", await _started(consumer))


async def _started(client: Any) -> Any:
    try:
        await answered("connecting", client.start())
    except BaseException:
        await abandon(client)
        raise
    return client


@asynccontextmanager
async def admin(kafka: KafkaSettings, seconds: float = CALL_S) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client for a few calls; ``seconds``: how long it may take to connect."""
    client = AIOKafkaAdminClient(**kafka.options())
    try:
        await answered("connecting", client.start(), seconds)
        yield client
    finally:
        await _leave(client.close())


async def stop(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stop a client in good order if it can, or else by force."""
    if not await _leave(client.stop()):
        await abandon(client)


async def abandon(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Throw a client away at once. What a producer has not sent yet must not reach the broker later."""
    if isinstance(client, AIOKafkaProducer):
        await _end_sender(client)
    else:
        await _leave(client.stop())


async def _end_sender(producer: AIOKafkaProducer) -> None:
    """Cancel the task that sends. It waits for the requests under way, and they for metadata that will not come."""
    producer._closed = True
    sender = producer._sender.sender_task if producer._sender is not None else None
    if sender is not None:
        sender.cancel()
    await _leave(producer.client.close())
    for _ in range(5):
        if sender is None or sender.done():
            break
        await asyncio.wait({sender}, timeout=0.2)
        sender.cancel()
    waiting = producer._message_accumulator
    batches = [*waiting._pending_batches, *(batch for queue in waiting._batches.values() for batch in queue)]
    waiting.fail_all(BrokerUnavailable("the producer was thrown away"))
    for batch in batches:
        if batch.future.done() and not batch.future.cancelled():
            batch.future.exception()  # nobody waits for it any more


async def _leave(leaving: Any) -> bool:
    """Wait a little for a client to close; the close itself may hang, so it is cancelled and not waited for."""
    task = asyncio.ensure_future(leaving)
    done, _ = await asyncio.wait({task}, timeout=LEAVE_S)
    if not done:
        task.cancel()
        task.add_done_callback(_forget)
        return False
    _forget(task)
    return not task.cancelled() and task.exception() is None


def _forget(task: asyncio.Future[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.info("kafka_client_left_badly", error=repr(error))


def topic_of(name: str) -> Topic:
    """What the contracts say of a topic; TopicRefused for a name they do not know."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    for prefix, make in _PER_PROVIDER.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return make(name.removeprefix(prefix))
    raise TopicRefused(name, "the contracts do not know this topic")


def _new_topic(kafka: KafkaSettings, topic: Topic) -> NewTopic:
    # As we send them: a broker that packs by its own default might pack as our clients cannot unpack.
    config = {"max.message.bytes": str(4 * 1024 * 1024), "compression.type": "producer"}
    if topic.compacted:
        config["cleanup.policy"] = "compact"
    else:
        config["retention.ms"] = str(topic.retention_days * _MS_PER_DAY)
    if topic.producer == PROVIDER:  # packed how it likes, by whatever clock: the broker unpacks and says when
        config |= {"compression.type": "uncompressed", "message.timestamp.type": "LogAppendTime"}
    if kafka.replication >= 3:
        config["min.insync.replicas"] = "2"
    return NewTopic(topic.name, topic.partitions or kafka.partitions, kafka.replication, topic_configs=config)


async def ensure_topics(kafka: KafkaSettings, specs: Iterable[Topic]) -> dict[str, str]:
    """Make the topics that are missing; returns those the broker refused, with its reason."""
    wanted = {topic.name: topic for topic in specs}
    if not wanted:
        return {}
    async with admin(kafka) as client:
        missing = sorted(wanted.keys() - set(await answered("a list of topics", client.list_topics())))
        if not missing:
            return {}
        made = client.create_topics([_new_topic(kafka, wanted[name]) for name in missing])
        answer = await answered(f"making {len(missing)} topics", made)
    refused = {}
    for name, code, *message in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            refused[name] = f"{for_code(code).__name__} {next((text for text in message if text), '')}".strip()
    return refused


async def empty_topics(kafka: KafkaSettings, names: Iterable[str]) -> list[str]:
    """Which of these topics never had a record since they were made."""
    client = await start_consumer(kafka, None)
    try:
        cluster = await client.metadata()
        places = {
            name: [TopicPartition(name, number) for number in cluster.partitions_for_topic(name) or ()]
            for name in names
        }
        asked = client.end_offsets([place for of_one in places.values() for place in of_one])
        ends = await client.call("where topics end", asked)
    finally:
        await stop(client)
    return [name for name, of_one in places.items() if not any(ends[place] for place in of_one)]


async def is_reachable(kafka: KafkaSettings, seconds: float = 3.0) -> bool:
    """Whether some broker answers a client of its own."""
    with contextlib.suppress(*BROKER_ERRORS, OSError):
        async with admin(kafka, seconds) as client:
            await answered("a list of topics", client.list_topics(), seconds)
            return True
    return False
