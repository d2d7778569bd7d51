"""From a released decision to the order the provider can read, against empty requests, bare commits and bare hops.

Path: release (POST, commit) → registry hears of it (hop, commit) → the regulator's desk hears (hop) → accept (POST,
commit) → confirm (POST, commit) → access-control hears (hop, commit) → the provider's topic (hop). Three POSTs, five
commits and four hops; people answer at once. The floor does three empty authenticated POSTs, five one-row commits and
four produce → consume hops at the same pace, on the same broker and PostgreSQL, while the services idle.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from joserfc.util import urlsafe_b64decode

from local_stack.child import Child
from local_stack.ports import free_port, wait_until_listening
from local_stack.supervisor import PARTITIONS, LocalStack
from shared.contracts.http.registry import Signing
from tests.bench.result import Result, at_most, percentile
from tests.bench.waits import within
from tests.bench.wire import Wire
from tests.support.office import Case, Office

SIZES = {"small": (5, 12), "full": (20, 60)}
POSTS, COMMITS, HOPS = 3, 5, 4
WHY = "The grounds of the authority hold."
WARM_UP = 20


async def run(size: str, broker: str) -> list[Result]:
    """Latencies in ms at a fixed pace."""
    pace, seconds = SIZES[size]
    count = pace * seconds
    environment = {"*": {"CONCORD_LOG_LEVEL": "WARNING"}, "access-control": {"CONCORD_WITHDRAW_WINDOW_S": "0"}}
    with tempfile.TemporaryDirectory() as folder:
        async with LocalStack(root=Path(folder), broker=broker, env=environment) as stack, Office.of(stack) as office:
            await stack.stop("agent")  # the orders pile up at the provider's door; that is where we measure
            cases = await _prepare(office, count + WARM_UP)
            floor = await _floor(stack, office, pace, min(count, pace * 20))
            chain, stages = await _chain(stack, office, cases, pace)
    note = f"{pace}/s for {seconds} s on {broker}, {POSTS} POSTs + {COMMITS} commits + {HOPS} hops"
    return [
        at_most("chain p50", percentile(chain, 0.5), "ms", percentile(floor, 0.5), 3, note),
        at_most("chain p99", percentile(chain, 0.99), "ms", percentile(floor, 0.99), 6, note),
        *(Result(f"  {stage} p50", percentile(times, 0.5), "ms") for stage, times in stages.items()),
    ]


async def _prepare(office: Office, count: int) -> list[Case]:
    """Decisions that a second person may release: drafted, told, and the time to put things right is over."""
    domains = [f"bench{n}.example" for n in range(count)]
    await office.enter(*domains)
    gate = asyncio.Semaphore(8)

    async def draft(domain: str) -> Case:
        async with gate:
            case = await office.draft(domain)
            await office.tell(case)
            return case

    return list(await asyncio.gather(*(draft(domain) for domain in domains)))


async def paced(pace: int, items: list[Any], act: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Start ``act`` for each item at a fixed pace, whatever the ones before take; wait for all."""
    began = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for number, item in enumerate(items):
        await asyncio.sleep(max(0.0, began + number / pace - time.perf_counter()))
        tasks.append(asyncio.create_task(act(item)))
    await asyncio.gather(*tasks)


@asynccontextmanager
async def reading(stack: LocalStack, topic: str, arrived: Callable[[Any], None]) -> AsyncIterator[None]:
    """Call ``arrived`` for every new record of a topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.bootstrap,
        auto_offset_reset="latest",
        fetch_max_wait_ms=stack.broker.fetch_wait_ms,
        enable_auto_commit=False,
    )
    await consumer.start()
    partitions = [TopicPartition(topic, number) for number in range(await _partitions(stack.bootstrap, topic))]
    consumer.assign(partitions)
    await consumer.seek_to_end()

    async def loop() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    arrived(record)

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


async def _partitions(bootstrap: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (found,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return len(found["partitions"])


async def _chain(
    stack: LocalStack, office: Office, cases: list[Case], pace: int
) -> tuple[list[float], dict[str, list[float]]]:
    on_desk = {str(case.decision_id): asyncio.Event() for case in cases}
    executions: dict[str, str] = {}
    orders = {str(case.decision_id): asyncio.Event() for case in cases}
    seen: dict[str, float] = {}
    latencies: list[float] = []
    stages: dict[str, list[float]] = {
        name: [] for name in ("release", "to the desk", "accept", "confirm", "to the provider")
    }

    def execution_arrived(record: Any) -> None:
        event = orjson.loads(record.value)
        if event["type"] == "execution.received.v1":
            executions[event["data"]["decision_id"]] = event["data"]["execution_id"]
            on_desk[event["data"]["decision_id"]].set()

    def order_arrived(record: Any) -> None:
        payload = orjson.loads(urlsafe_b64decode(record.value.split(b".")[1]))
        seen[payload["decision_id"]] = time.perf_counter()
        orders[payload["decision_id"]].set()

    def way(name: str, service: str) -> Wire:
        return Wire(office.people[name], office.people[name].places.services[service])

    sector, first, second = (
        way("drugs-b", "enforcement"),
        way("regulator-a", "registry"),
        way("regulator-b", "registry"),
    )

    async def one(case: Case) -> None:
        # The regulator's preview says what the authority's says, so the same digest is signed on both sides.
        release, decision = case.release, str(case.decision_id)
        signing = Signing(reasons=WHY, signature=release.signature)
        marks = [time.perf_counter()]
        await sector.post(f"/decisions/{decision}/release", release)
        marks.append(time.perf_counter())
        await within(f"decision {decision} on the regulator's desk", on_desk[decision].wait())
        marks.append(time.perf_counter())
        await first.post(f"/executions/{executions[decision]}/acceptance", signing)
        marks.append(time.perf_counter())
        await second.post(f"/executions/{executions[decision]}/confirmation", signing)
        marks.append(time.perf_counter())
        await within(f"the order of decision {decision} on the provider's topic", orders[decision].wait())
        marks.append(seen[decision])
        latencies.append((marks[-1] - marks[0]) * 1000)
        for stage, start, end in zip(stages.values(), marks, marks[1:], strict=False):
            stage.append((end - start) * 1000)

    topic = f"access-orders.{stack.provider_id}"
    async with (
        reading(stack, "registry-events", execution_arrived),
        reading(stack, topic, order_arrived),
    ):
        await paced(pace, cases[:WARM_UP], one)
        latencies.clear()
        await paced(pace, cases[WARM_UP:], one)
    for wire in (sector, first, second):
        wire.close()
    return latencies, stages


async def _floor(stack: LocalStack, office: Office, pace: int, count: int) -> list[float]:
    """The same number of empty POSTs, of one-row commits and of hops, by bare drivers."""
    topics = [f"floor-{uuid4().hex[:8]}-{hop}" for hop in range(HOPS)]
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
    await admin.close()
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.bootstrap, acks="all", linger_ms=0, enable_idempotence=stack.broker.idempotence
    )
    await producer.start()
    pool = await asyncpg.create_pool(stack.dsn("registry"), min_size=4, max_size=8)
    await pool.execute("CREATE TABLE IF NOT EXISTS bench_floor (id text, value text)")
    port = free_port(None)
    empty = Child("empty", [sys.executable, "-m", "tests.bench.empty", str(port), stack.issuer], dict(os.environ),
                  stack.log("empty"), print)  # fmt: skip
    empty.start()
    if not await asyncio.to_thread(wait_until_listening, port, 60.0, alive=lambda: not empty.looping):
        raise RuntimeError(empty.last_lines())
    people = [
        Wire(office.people[name], f"http://127.0.0.1:{port}") for name in ("drugs-b", "regulator-a", "regulator-b")
    ]
    waiting: dict[bytes, asyncio.Event] = {}
    latencies: list[float] = []

    def arrived(record: Any) -> None:
        if (event := waiting.get(record.value)) is not None:
            event.set()

    async def one(number: int) -> None:
        began = time.perf_counter()
        for person in people:
            await person.post("/")
        for step in range(COMMITS):
            await pool.execute("INSERT INTO bench_floor VALUES ($1, $2)", f"{number}", f"{step}")
            if step < HOPS:
                value = f"{number}-{step}".encode()
                waiting[value] = asyncio.Event()
                await producer.send_and_wait(topics[step], value, key=value)
                await within(f"record {value!r} on {topics[step]}", waiting[value].wait())
                del waiting[value]
        latencies.append((time.perf_counter() - began) * 1000)

    async with (
        reading(stack, topics[0], arrived),
        reading(stack, topics[1], arrived),
        reading(stack, topics[2], arrived),
        reading(stack, topics[3], arrived),
    ):
        await paced(pace, list(range(WARM_UP)), one)
        latencies.clear()
        await paced(pace, list(range(count)), one)
    for person in people:
        person.close()
    await empty.stop()
    await pool.execute("DROP TABLE bench_floor")
    await pool.close()
    await producer.stop()
    return latencies
