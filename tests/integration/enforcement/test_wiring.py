"""The service as it runs: facts come in from the broker, and what it decides goes out to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from enforcement.main import SERVICE
from local_stack.broker import Broker
from shared.contracts.base import Fact
from shared.contracts.registry import RevocationRequestReceivedV1
from shared.contracts.topics import ENFORCEMENT_EVENTS
from shared.runtime.acts import envelope
from shared.runtime.base.clock import SystemClock
from shared.runtime.base.ids import uuid7
from shared.runtime.events.kafka import KafkaSettings, start_producer
from tests.integration.enforcement.office import Office, site
from tests.support.fixtures import FreshBroker, MakeDatabase
from tests.support.service import running_service

Send = Callable[[Fact], Awaitable[None]]


@pytest.fixture
def broker_of_its_own(fresh_broker: FreshBroker) -> Broker:
    return fresh_broker()


@pytest.fixture
async def send(broker_of_its_own: Broker) -> AsyncIterator[Send]:
    kafka = KafkaSettings(broker_of_its_own.bootstrap, idempotence=broker_of_its_own.idempotence)
    producer: AIOKafkaProducer = await start_producer(kafka)

    async def tell(fact: Fact) -> None:
        value = envelope.encode(fact, event_id=uuid7(), at=SystemClock().now(), trace={})
        headers = [("content-type", envelope.CONTENT_TYPE.encode())]
        await producer.send_and_wait(fact.TOPIC.name, value, key=fact.key.encode(), headers=headers)

    yield tell
    await producer.stop()


async def until(read: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> Any:
    """Ask again until the answer is as it should be."""
    async with asyncio.timeout(20):
        while not holds(answer := await read()):  # noqa: ASYNC110 -- it changes in another process
            await asyncio.sleep(0.1)
    return answer


async def test_from_a_site_on_the_broker_to_a_request_on_the_broker(
    make_database: MakeDatabase, broker_of_its_own: Broker, send: Send, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "roles_run": "http,relay,consumer,ticks",
        "evidence_path": tmp_path,
        "kafka_bootstrap_servers": broker_of_its_own.bootstrap,
        "kafka_idempotence": broker_of_its_own.idempotence,
        "topic_partitions": 2,
    }
    async with running_service(SERVICE, await make_database("enforcement"), **settings) as api:
        office = Office(api, SystemClock())  # type: ignore[arg-type] # the tests here let time pass
        await send(site("stage.example"))
        opened = await until(lambda: office.open_case("stage.example"), lambda answer: answer.status_code == 201)
        released = await office.released(opened.json()["id"])
        async with AIOKafkaConsumer(
            ENFORCEMENT_EVENTS.name, bootstrap_servers=broker_of_its_own.bootstrap, auto_offset_reset="earliest"
        ) as reader:
            async with asyncio.timeout(20):
                facts = [orjson.loads((await reader.getone()).value) for _ in range(3)]
        assert [fact["type"] for fact in facts] == ["case.opened.v1", "decision.released.v1", "revocation.requested.v1"]
        about = {"decision_id": released["id"], "case_id": released["case_id"]}
        await send(RevocationRequestReceivedV1.model_validate({**RevocationRequestReceivedV1.EXAMPLE, **about}))
        await until(lambda: office.decision(released["id"]), lambda decision: decision["status"] == "requested")
