"""From the fact that a decision was carried out to its signed order before the provider, with a thousand that listen.

Every provider holds a consumer of its own topic and a long-poll at its feed, both all the time; each order is one
decision about one site, and orders come at a fixed pace. The floor is a bare record on the same topic, read by the same
consumers at the same pace.
"""

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from joserfc.util import urlsafe_b64decode

from access_control.main import SERVICE
from concord.sdk import until
from local_stack.broker import Broker
from local_stack.kafka import ApacheKafka
from local_stack.postgres import EmbeddedPostgres
from local_stack.tansu import Tansu
from shared.contracts.registry import ExecutionCarriedOutV1
from shared.contracts.topics import FACT_TOPICS, orders_topic
from shared.runtime.acts import envelope
from shared.runtime.base.clock import SystemClock
from shared.runtime.base.ids import uuid7
from shared.runtime.db import migrations
from shared.runtime.events.kafka import KafkaSettings, admin, ensure_topics
from shared.runtime.process.app import spare_collector
from tests.bench.chain import paced
from tests.bench.result import Result, percentile
from tests.bench.served import issuer, served
from tests.bench.waits import within
from tests.bench.wire import Wire
from tests.integration.access_control.desk import Host, carried_out, licence
from tests.support import people
from tests.support.fixtures import seed_directory
from tests.support.service import running_service

SIZES: Final = {"small": (100, 10, 10), "full": (1_000, 20, 60)}
"""Providers, orders a second, and seconds of that."""
KAFKA_MS, POLL_MS = 2_000.0, 5_000.0
WARM_UP: Final = 20
AT_ONCE: Final = 50
"""Connections that are opened at the same time."""
POLL_S: Final = 60
FETCH_WAIT_MS: Final = 5_000
"""As a patient provider sets it: the broker answers at once when there is something."""
FLOOR: Final = "floor"
"""Key of the records of the floor; an order has its site for a key."""


async def run(size: str, broker: str) -> list[Result]:
    """How long until an order is read, in ms, by either way."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        server: Broker = ApacheKafka(Path(folder) / "kafka") if broker == "kafka" else Tansu(Path(folder) / "tansu")
        postgres.start()
        server.start()
        try:
            return await _measured(await postgres.ensure_database("access"), Path(folder), server, size)
        finally:
            server.kill()
            postgres.stop()


async def _measured(dsn: str, folder: Path, broker: Broker, size: str) -> list[Result]:
    count, pace, seconds = SIZES[size]
    assert SERVICE.migrations is not None, "access-control has migrations"
    await migrations.upgrade(dsn, SERVICE.migrations)
    await seed_directory(dsn)
    keys: dict[str, Any] = {"signing_keys_file": folder / "keys.json", "signing_keys_generate": True}
    async with running_service(SERVICE, dsn, **keys) as api:
        hosts = [await _registered(api, number) for number in range(count)]
    kafka = KafkaSettings(broker.bootstrap, idempotence=broker.idempotence, partitions=2)
    await ensure_topics(kafka, FACT_TOPICS)
    with issuer() as keys_url, served(
        "access_control", dsn, roles_run="http,relay,consumer,ticks", withdraw_window_s=0, oidc_jwks_url=keys_url,
        kafka_bootstrap_servers=broker.bootstrap, kafka_idempotence=broker.idempotence, topic_partitions=2,
        kafka_fetch_wait_ms=broker.fetch_wait_ms, **keys,
    ) as service:  # fmt: skip
        spare_collector()
        watch = _Watch()
        await _topics_made(kafka, hosts)
        async with _consumers(broker, hosts, watch), _long_polls(service.url, hosts, watch):
            floor = await _bare(broker, hosts, watch, pace, min(seconds, 20))
            before = service.cpu_s()
            by_kafka, by_poll = await _orders(broker, hosts, watch, pace, seconds)
            spent = (service.cpu_s() - before) / len(by_kafka) * 1000
    note = (
        f"{len(by_kafka):,} orders at {pace}/s to {count:,} providers, each with a consumer and a long-poll;"
        f" {spent:.1f} ms of the service's core each, readers included; all on one machine"
    )
    return [
        _row("order before its provider, Kafka p99", by_kafka, floor, KAFKA_MS, note),
        _row("order before its provider, long-poll p99", by_poll, floor, POLL_MS, note),
    ]


def _row(name: str, took: list[float], floor: list[float], most: float, note: str) -> Result:
    value, least = percentile(took, 0.99), percentile(floor, 0.99)
    said = f"p50 {percentile(took, 0.5):.0f} ms, floor's {percentile(floor, 0.5):.0f}; {note}"
    return Result(name, value, "ms", least, value / least, f"≤ {most:,.0f} ms", value <= most, said)


async def _registered(api: Any, number: int) -> Host:
    body = {
        "name": f"Bench Hosting {number}", "licence": licence(f"京ICP证{900000 + number}号"), "region": "110000",
        "kind": "access_provider", "contact": "filings@hosting.example",
    }  # fmt: skip
    answer = await api.post("/providers", json=body, who="desk-a")
    if answer.status_code != 201:
        raise AssertionError(answer.text)
    return Host(answer.json()["id"], {})


async def _topics_made(kafka: KafkaSettings, hosts: list[Host]) -> None:
    """The service makes the topic of each new provider, so that it can subscribe before its first order."""
    wanted = {orders_topic(UUID(host.id)).name for host in hosts}
    async with admin(kafka) as client:
        await until(client.list_topics, lambda found: wanted <= set(found), timeout_s=60 + len(hosts) / 5)


class _Watch:
    """Who waits for which record, by which way."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], asyncio.Future[float]] = {}

    @contextmanager
    def of(self, way: str, name: object) -> Iterator["asyncio.Future[float]"]:
        """Done with the time when it arrived."""
        key = (way, str(name))
        self._waiting[key] = future = asyncio.get_running_loop().create_future()
        try:
            yield future
        finally:
            del self._waiting[key]

    def arrived(self, way: str, name: str) -> None:
        future = self._waiting.get((way, name))
        if future is not None and not future.done():
            future.set_result(time.perf_counter())


def _decision(jws: bytes) -> str:
    return str(orjson.loads(urlsafe_b64decode(jws.split(b".")[1]))["decision_id"])


# --- those who read --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _reading(tasks: "list[asyncio.Task[None]]") -> AsyncIterator[None]:
    """While they read; if one of them fails, so does the measurement."""
    try:
        yield
        for task in tasks:
            if task.done():
                await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _consumers(broker: Broker, hosts: list[Host], watch: _Watch) -> AsyncIterator[None]:
    """One of each provider."""
    gate, ready = asyncio.Semaphore(AT_ONCE), asyncio.Barrier(len(hosts) + 1)

    async def read(host: Host) -> None:
        place = TopicPartition(orders_topic(UUID(host.id)).name, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=FETCH_WAIT_MS,
            enable_auto_commit=False,
        )  # fmt: skip
        try:
            async with gate:
                await consumer.start()
                consumer.assign([place])
                await consumer.position(place)
            await ready.wait()
            async for record in consumer:
                watch.arrived(*_what(record))
        finally:
            await consumer.stop()

    def _what(record: "ConsumerRecord[bytes, bytes]") -> tuple[str, str]:
        value = record.value or b""
        return (FLOOR, value.decode()) if record.key == FLOOR.encode() else ("kafka", _decision(value))

    tasks = [asyncio.create_task(read(host)) for host in hosts]
    async with _reading(tasks):
        await within(f"{len(hosts):,} consumers that read", ready.wait(), 120 + len(hosts) / 5)
        yield


@asynccontextmanager
async def _long_polls(url: str, hosts: list[Host], watch: _Watch) -> AsyncIterator[None]:
    """One of each provider, asked again as soon as it is answered."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(host: Host) -> None:
        wire = Wire(None, url, people.provider_token(host.id, lifetime_s=3_600))
        path, place = f"/providers/{host.id}/orders", 0
        try:
            async with gate:
                await wire.get(path)
            while True:
                page = await wire.get(f"{path}?after={place}&wait={POLL_S}", POLL_S + 30)
                for order in page["orders"]:
                    watch.arrived("poll", _decision(order["jws"].encode()))
                    place = order["sequence"]
        finally:
            wire.close()

    tasks = [asyncio.create_task(read(host)) for host in hosts]
    async with _reading(tasks):
        yield


# --- what they read --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _producer(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, acks="all", linger_ms=0, enable_idempotence=broker.idempotence
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def _chosen(hosts: list[Host], number: int) -> list[Host]:
    """Everybody in a random order, again and again."""
    order = random.Random(3).sample(hosts, len(hosts))
    return list(itertools.islice(itertools.cycle(order), number))


async def _timed(pace: int, items: list[Any], act: Callable[[Any, list[float]], Any]) -> list[list[float]]:
    """What ``act`` notes of each item, by way; those that only warm up are left out."""
    took = list[list[float]]()

    async def one(item: Any) -> None:
        found: list[float] = []
        await act(item, found)
        took.append(found)

    await paced(pace, items[:WARM_UP], one)
    took.clear()
    await paced(pace, items[WARM_UP:], one)
    return took


async def _bare(broker: Broker, hosts: list[Host], watch: _Watch, pace: int, seconds: int) -> list[float]:
    async with _producer(broker) as producer:

        async def one(host: Host, found: list[float]) -> None:
            name = str(uuid7())
            with watch.of(FLOOR, name) as read:
                began = time.perf_counter()
                topic = orders_topic(UUID(host.id)).name
                await producer.send_and_wait(topic, name.encode(), key=FLOOR.encode())
                found.append((await within(f"record {name} of the floor", read) - began) * 1000)

        return [took for (took,) in await _timed(pace, _chosen(hosts, pace * seconds + WARM_UP), one)]


async def _orders(
    broker: Broker, hosts: list[Host], watch: _Watch, pace: int, seconds: int
) -> tuple[list[float], list[float]]:
    async with _producer(broker) as producer:

        async def one(host: Host, found: list[float]) -> None:
            fact: ExecutionCarriedOutV1 = carried_out(host)
            value = envelope.encode(fact, event_id=uuid7(), at=SystemClock().now(), trace={})
            with watch.of("kafka", fact.decision_id) as by_kafka, watch.of("poll", fact.decision_id) as by_poll:
                began = time.perf_counter()
                await producer.send_and_wait(fact.TOPIC.name, value, key=fact.key.encode())
                for way in (by_kafka, by_poll):
                    arrived = await within(f"the order of decision {fact.decision_id}", way)
                    found.append((arrived - began) * 1000)

        both = await _timed(pace, _chosen(hosts, pace * seconds + WARM_UP), one)
    return [each[0] for each in both], [each[1] for each in both]
