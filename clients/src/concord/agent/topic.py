"""The agent's topics: orders read from Kafka without a group, receipts written to it."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.helpers import create_ssl_context

from concord.agent.config import Config
from concord.agent.door import Door
from concord.agent.intake import Keys, Receipts, Unproven
from concord.agent.journal import Journal, Sent, Written
from concord.agent.outbox import ACCEPTED, HttpOutbox, Settled
from concord.sdk.errors import ConcordError, Unreachable
from shared.contracts.topics import orders_topic, receipts_topic

BOUND_S: Final = 15.0
"""No call to the broker may take longer: aiokafka can wait for ever for one that is away."""
STOP_S: Final = 3.0
ANSWER_S: Final = 120.0
"""What has no counter-receipt for so long is handed in over HTTP, where there is an answer."""
UNANSWERED: Final = "unanswered"
"""Of a receipt that was on the topic, of which access-control knows nothing."""
T = TypeVar("T")
_log = logging.getLogger(__name__)


class OrdersTopic:
    """Reads a provider's orders. The offset is only a hint; the sequence in the orders is what counts."""

    def __init__(self, config: Config, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self._partition = TopicPartition(orders_topic(config.provider_id).name, 0)

    async def follow(self, accept: Callable[[list[bytes]], Awaitable[None]]) -> None:
        """Hand over every batch; a broker that is away is waited for."""
        pause = 0.5
        while True:
            consumer = AIOKafkaConsumer(
                **connection(self._config),
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=50,
            )
            try:
                await limited(self._open(consumer), BOUND_S)
                pause = 0.5
                await self._read(consumer, accept)
            except (KafkaError, TimeoutError, OSError) as error:
                _log.warning("the topic %s: %r; again in %g s", self._partition.topic, error, pause)
            finally:
                await bounded_stop(consumer)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 15.0)

    async def _open(self, consumer: AIOKafkaConsumer) -> None:
        """Go on after the last record read, if the topic still has that place; else read it from its beginning."""
        await consumer.start()
        consumer.assign([self._partition])
        begin = (await consumer.beginning_offsets([self._partition]))[self._partition]
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        stored = self._journal.fact("offset")
        consumer.seek(self._partition, stored if stored is not None and begin <= stored <= end else begin)

    async def _read(self, consumer: AIOKafkaConsumer, accept: Callable[[list[bytes]], Awaitable[None]]) -> None:
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=1000, max_records=500)
            except OffsetOutOfRangeError:
                self._journal.remember("offset", None)  # the topic was made anew
                raise
            for records in batches.values():
                await accept([record.value for record in records if record.value is not None])
                self._journal.remember("offset", records[-1].offset + 1)


class KafkaOutbox:
    """Hands receipts in on the provider's own topic, and asks over HTTP for the counter-receipts.

    On the broker is not taken: a document without a counter-receipt is handed in over HTTP, and so is every receipt
    to which something was said, since only there it is said why.
    """

    def __init__(self, config: Config, door: Door, journal: Journal, keys: Keys, receipts: Receipts) -> None:
        self._config = config
        self._door = door
        self._journal = journal
        self._keys = keys
        self._receipts = receipts
        self._http = HttpOutbox(door, journal, keys, receipts)
        self._topic = receipts_topic(config.provider_id).name
        self._producer: AIOKafkaProducer | None = None

    async def send(self, receipts: list[Written]) -> list[Settled]:
        """Write one document and wait until the broker has it. Raises Unreachable; also what HttpOutbox raises."""
        new = [receipt for receipt in receipts if receipt.code is None]
        other = [receipt for receipt in receipts if receipt.code is not None]
        if new:
            try:
                await self._write(new)
            except Unreachable as error:
                _log.warning("%s; the receipts go over HTTP", error)
                other = receipts
        return await self._http.send(other) if other else []

    async def follow_up(self) -> list[Settled]:
        """Ask for each counter-receipt that is not here. Raises ConcordError, Unreachable, Unproven."""
        settled = list[Settled]()
        for sent in self._journal.unanswered():
            try:
                answer = await self._door.taken(sent.digest)
            except ConcordError as error:
                if error.code != "unknown_batch":
                    raise
                settled += self._passed_over(sent)
            else:
                settled += await self._answered(sent, answer)
        return settled

    def _passed_over(self, sent: Sent) -> list[Settled]:
        """Access-control has no such document: not yet, or it refused it."""
        if (datetime.now(UTC) - sent.at).total_seconds() < ANSWER_S:
            return []
        self._journal.alarms.ring(
            UNANSWERED, "receipts that are on the topic have no counter-receipt; they are handed in over HTTP"
        )
        return [(receipt, "queued", UNANSWERED) for receipt in sent.receipts]

    async def _answered(self, sent: Sent, answer: dict[str, Any]) -> list[Settled]:
        """What the counter-receipt says, if it is one for just this document, which is kept with it."""
        try:
            batch, proof = str(answer["jws"]), str(answer["counter_receipt"])
            counter = await self._keys.counter(proof)
            digests = {sent.digest, counter.batch, hashlib.sha256(batch.encode()).hexdigest()}
            results = list(zip(sent.receipts, counter.results, strict=True))
        except (LookupError, TypeError, ValueError) as error:
            raise Unproven(f"what came back says nothing of what was sent: {error!r}") from error
        if len(digests) > 1 or any(said.receipt_id not in {None, mine.receipt_id} for mine, said in results):
            raise Unproven("the counter-receipt is for something else than what was sent")
        self._journal.prove(sent.digest, batch, proof)
        self._journal.alarms.calm(UNANSWERED)
        settled = list[Settled]()
        for receipt, result in results:
            if result.status == "recorded" or result.code in ACCEPTED:
                settled.append((receipt, "accepted", result.code))
            else:  # what is invalid about it is said over HTTP alone
                settled.append((receipt, "queued" if result.code == "invalid" else "refused", result.code))
        return settled

    async def _write(self, receipts: list[Written]) -> None:
        document = self._receipts.sign(receipts).encode()
        try:
            await limited(self._put(document), BOUND_S)
        except (KafkaError, TimeoutError, OSError) as error:
            await self.stop()
            raise Unreachable(f"the topic {self._topic}: {error!r}") from error
        self._journal.note_sent(hashlib.sha256(document).hexdigest(), receipts)

    async def _put(self, document: bytes) -> None:
        if self._producer is None:
            producer = AIOKafkaProducer(**connection(self._config), acks="all")
            self._producer = producer
            await producer.start()
        await self._producer.send_and_wait(self._topic, document, key=str(self._config.provider_id).encode())

    async def stop(self) -> None:
        """Let go of the broker."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await bounded_stop(producer)


def connection(config: Config) -> dict[str, Any]:
    """What every Kafka client of this agent is given."""
    options: dict[str, Any] = {
        "bootstrap_servers": config.kafka_bootstrap,
        "client_id": f"concord-agent-{config.provider_id}",
        "request_timeout_ms": 10_000,
        "security_protocol": config.kafka_security,
    }
    if config.kafka_security.endswith("SSL"):
        options["ssl_context"] = create_ssl_context(cafile=str(config.kafka_ca_file) if config.kafka_ca_file else None)
    if config.kafka_security.startswith("SASL"):
        options |= {
            "sasl_mechanism": config.kafka_mechanism,
            "sasl_plain_username": config.kafka_username,
            "sasl_plain_password": config.kafka_password,
        }
    return options


async def bounded_stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stop a client, but do not wait for a broker that is away."""
    try:
        await limited(client.stop(), STOP_S)
    except (KafkaError, TimeoutError, OSError) as error:
        _log.warning("a Kafka client did not stop in good order: %r", error)


async def limited(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """What a call to the broker gives. Raises TimeoutError, and what the call raises.

    In a task of its own: aiokafka swallows a cancellation while it closes a connection, and with it a limit, or that
    the agent is told to end.
    """
    calling = asyncio.create_task(call)
    calling.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # also if nobody waits by then
    try:
        if not (await asyncio.wait({calling}, timeout=seconds))[0]:
            raise TimeoutError(f"no answer from the broker within {seconds:g} s")
        return calling.result()
    finally:
        calling.cancel()
