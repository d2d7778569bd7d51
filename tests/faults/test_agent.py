"""Between a provider's agent and access-control anything may break: what was decided happens there, once, in order."""

import asyncio
import tempfile
from functools import partial
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer

from access_control.main import SERVICE
from local_stack.postgres import EmbeddedPostgres
from shared.contracts.base import Fact
from shared.runtime.acts import envelope
from shared.runtime.base.ids import uuid7
from shared.runtime.db import migrations
from tests.faults.rig import Rig, rig, seeded
from tests.integration.access_control.desk import NOON
from tests.integration.access_control.test_access_kafka import client
from tests.integration.runtime.test_database_faults import read_only
from tests.integration.runtime.world import until
from tests.support.fixtures import FreshBroker, MakeDatabase, seed_directory
from tests.support.proxy import Proxy, Weather


async def _more(found: Rig, before: int) -> bool:
    return len(found.facts) > before


async def _met(proxy: Proxy, weather: Weather, before: int) -> bool:
    return proxy.seen[weather] > before


async def test_whatever_the_network_does_every_order_is_carried_out_once_and_in_order(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    chance = seeded()
    async with rig(await make_database("access-control"), tmp_path) as found, Proxy(found.port).listening() as proxy:
        await found.start(proxy.port)
        bad = [weather for weather in Weather if weather is not Weather.CLEAR] * 2
        async with found.busy(chance):
            for weather in chance.sample(bad, len(bad)):
                await asyncio.sleep(chance.uniform(0.2, 0.8))
                await until(partial(_more, found, len(found.facts)), what="an order is given out just now")
                # What is cut while it was swallowed is tried once more at once: that must be swallowed as well.
                for _ in range(2 if weather is Weather.BLACK_HOLE else 1):
                    proxy.turn(weather)
                    await until(partial(_met, proxy, weather, proxy.seen[weather]), what=f"{weather} meets somebody")
                    await asyncio.sleep(chance.uniform(0.2, 0.5))
                proxy.turn(Weather.CLEAR)
                # Whoever has failed waits longer each time: let it find out that it can speak again.
                await until(partial(_met, proxy, Weather.CLEAR, proxy.seen[Weather.CLEAR] + 3), what="it speaks again")
        await found.settled()
        await found.check(again=False)


async def test_an_agent_killed_at_any_moment_carries_out_every_order_and_answers_once(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    chance = seeded()
    async with rig(await make_database("access-control"), tmp_path) as found:
        async with found.busy(chance):
            for _ in range(8):
                await found.start()
                await asyncio.sleep(chance.uniform(0.6, 2.0))
                await found.kill()
            await found.start()
        await found.settled()
        await found.check(again=True)


async def test_a_database_that_takes_no_writes_for_a_while_loses_nothing_and_the_service_says_that_it_is_not_ready(
    session_folder: Path, fresh_broker: FreshBroker, tmp_path: Path
) -> None:
    chance, broker = seeded(), fresh_broker()
    cluster = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="demoted-", dir=session_folder)), durable=False)
    cluster.start()
    dsn = await cluster.ensure_database("access-control")
    await migrations.upgrade(dsn, SERVICE.migrations)
    await seed_directory(dsn)
    kafka = {"kafka_bootstrap_servers": broker.bootstrap, "kafka_idempotence": broker.idempotence}
    roles = {"roles_run": "http,relay,consumer,ticks", "topic_partitions": 3}
    async with rig(dsn, tmp_path, **kafka, **roles) as found, client(AIOKafkaProducer, broker) as producer:

        async def tell(fact: Fact) -> None:
            value = envelope.encode(fact, event_id=uuid7(), at=NOON, trace={})
            await producer.send_and_wait(fact.TOPIC.name, value, key=fact.key.encode())

        async def ready() -> bool:
            return bool((await web.get("/readyz")).status_code == 200)

        async def unready() -> bool:
            return not await ready()

        async def published() -> bool:
            (row,) = await found.desk.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            return bool(row[0] == 0)

        found.tell = tell
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{found.port}", trust_env=False) as web:
            await until(ready, what="it is ready")
            await found.start()
            async with found.busy(chance):
                await asyncio.sleep(2)
                async with read_only(cluster):
                    await until(unready, what="it says that it is not ready")
                    await asyncio.sleep(4)
                    assert not await ready(), "as long as nothing can be written"
                await until(ready, what="it is ready again")
                await asyncio.sleep(1)
        await found.settled()
        await until(published, what="everything is published")
        assert await found.desk.rows("SELECT FROM parked") == []
        await found.check(again=False)
    cluster.stop()
