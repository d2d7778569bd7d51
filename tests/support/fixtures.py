"""The real parts that tests run against: a PostgreSQL cluster and a Kafka broker per test session.

- `postgres`: the cluster (an `EmbeddedPostgres`), one per pytest-xdist worker.
- `make_database(service)`: `await` it for the DSN of a fresh, migrated database whose copy of the directory of
  organisations holds what a new stack begins with; "runtime" gives the runtime's tables alone, "empty" none.
  How it can be fresh and yet not made anew is told in `tests.support.databases`.
- `broker`: a broker for the session: Tansu, or Apache Kafka with BROKER=kafka. Use topic names of your own.
- `fresh_broker`: `fresh_broker()` starts a broker that the test may stop, kill and start again.
"""

import importlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from local_stack.broker import Broker
from local_stack.kafka import ApacheKafka
from local_stack.postgres import EmbeddedPostgres
from local_stack.tansu import Tansu
from shared.rules import load
from shared.runtime.acts.directory import founding, take_over
from shared.runtime.base.clock import SystemClock
from shared.runtime.db import migrations
from shared.runtime.db.postgres import Database
from shared.runtime.process.supervisor import boot
from tests.support.databases import Databases

ROOT = Path(__file__).parents[2]
MakeDatabase = Callable[..., Awaitable[str]]
FreshBroker = Callable[[], Broker]


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """A folder for the session's servers, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="concord-tests-"))
    yield folder
    # Hundreds of databases are a hundred thousand files: nobody waits for them to go.
    subprocess.Popen(["rm", "-rf", str(folder)], start_new_session=True)


@pytest.fixture(scope="session")
def postgres(session_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL cluster of this session's own, fast rather than safe."""
    server = EmbeddedPostgres(session_folder / "postgres", durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
async def databases(postgres: EmbeddedPostgres) -> AsyncIterator[Databases]:
    """The session's databases; tests ask `make_database`, which gives back what it was lent when the test is over."""

    async def fill(role: str) -> None:
        dsn = await postgres.ensure_database(role)
        if role != "empty":
            folder = ROOT / "services" / role.replace("_", "-") / "migrations"
            await migrations.upgrade(dsn, None if role == "runtime" else folder)
        if role == "coordination":  # which founds the directory when it starts
            service = importlib.import_module("coordination.main").SERVICE
            await (await boot(service, service.settings(database_url=dsn), SystemClock())).db.close()
        elif role != "empty":
            await seed_directory(dsn)

    found = Databases(postgres, fill)
    yield found
    await found.close()


@pytest.fixture
def make_database(databases: Databases) -> Iterator[MakeDatabase]:
    """Gives databases: `dsn = await make_database("registry")`; `make_database("runtime", SQL)` has more tables.

    Each is the test's own until it ends. Then others get it, emptied: nothing a test leaves behind reaches them.
    """
    lent: list[str] = []

    async def make(service: str = "empty", tables: str = "") -> str:
        lent.append(await databases.lend(service, tables))
        return lent[-1]

    yield make
    for dsn in lent:
        databases.take_back(dsn)


async def seed_directory(dsn: str) -> None:
    """What a service has heard of the directory when it has caught up on a new stack."""
    db = await Database.connect(dsn, application_name="seed", max_size=2)
    async with db.transaction() as tx:
        await take_over(tx, founding(load("cn-2006")))
    await db.close()


def new_broker(folder: Path) -> Broker:
    """A broker of the kind asked for with BROKER, not started."""
    kind = os.environ.get("BROKER", "tansu")
    if kind == "tansu":
        return Tansu(folder)
    if kind == "kafka":
        return ApacheKafka(folder)
    pytest.exit(f"BROKER={kind}: known are tansu and kafka", returncode=4)


@pytest.fixture(scope="session")
def broker(session_folder: Path) -> Iterator[Broker]:
    """The session's broker; topics are shared by all tests, so name them with care."""
    server = new_broker(session_folder / "broker")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def fresh_broker(session_folder: Path) -> Iterator[FreshBroker]:
    """Gives brokers of the test's own, started; the test may stop, kill and start them again."""
    started: list[Broker] = []

    def start() -> Broker:
        server = new_broker(Path(tempfile.mkdtemp(prefix="broker-", dir=session_folder)))
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()
