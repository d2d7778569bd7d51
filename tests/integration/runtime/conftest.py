"""A database with the runtime's tables, and a broker, per test."""

from collections.abc import AsyncIterator

import pytest

from local_stack.broker import Broker
from shared.runtime.db.postgres import Database
from shared.runtime.events.kafka import KafkaSettings
from tests.integration.runtime.world import EFFECT, kafka_of
from tests.support.fixtures import MakeDatabase


@pytest.fixture
async def dsn(make_database: MakeDatabase) -> str:
    return await make_database("runtime", EFFECT)


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(dsn, application_name="test")
    yield database
    await database.close()


@pytest.fixture
def kafka(broker: Broker) -> KafkaSettings:
    return kafka_of(broker)
