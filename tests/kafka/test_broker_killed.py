"""Apache Kafka killed with -9 for a minute while a provider is ordered about: nothing lost, doubled or out of order."""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

from local_stack.kafka import ApacheKafka
from shared.contracts.topics import ACCESS_EVENTS, REGISTRY_EVENTS, orders_topic
from shared.runtime.db.postgres import Database
from shared.runtime.events.relay import Relay
from tests.faults.rig import rig, seeded
from tests.integration.runtime.world import all_published, kafka_of, read_log, running, tell, until
from tests.support.fixtures import MakeDatabase

AWAY_S: Final = 60.0
BACK_S: Final = 120.0
"""Everybody waits longer each time it fails, a minute at most."""


async def test_a_minute_without_a_broker_under_load_loses_nothing_and_both_sides_agree(
    make_database: MakeDatabase, session_folder: Path, tmp_path: Path
) -> None:
    chance, broker = seeded(), ApacheKafka(session_folder / "killed")
    broker.start()
    kafka, registry = kafka_of(broker), await Database.connect(await make_database("runtime"), application_name="test")
    settings = {
        "kafka_bootstrap_servers": broker.bootstrap, "roles_run": "http,relay,consumer,ticks", "topic_partitions": 3,
    }  # fmt: skip
    async with (
        running(Relay(registry, kafka, topics=[REGISTRY_EVENTS]).run),
        rig(await make_database("access-control"), tmp_path, **settings) as found,
    ):
        found.tell = lambda *facts: tell(registry, *facts)
        await found.start(via="kafka", receipts_via="kafka", kafka_bootstrap=broker.bootstrap)
        async with found.busy(chance):
            await asyncio.sleep(5)
            before = len(found.facts)
            broker.kill()
            await asyncio.sleep(AWAY_S)
            assert len(found.facts) > before + 20, "who writes does not wait for a broker"
            await asyncio.to_thread(broker.start)
            await asyncio.sleep(2)
        await found.settled(BACK_S)
        for db in (registry, found.desk.rt.db):
            await until(lambda db=db: all_published(db), what="everything is published")  # type: ignore[misc]
        assert await found.desk.rows("SELECT FROM parked") == []
        await found.check(again=False)
        orders = await found.desk.rows("SELECT digest FROM access_order WHERE sequence IS NOT NULL ORDER BY sequence")
        log = await read_log(kafka, orders_topic(found.host.id))
        read = [hashlib.sha256(record.value).hexdigest() for record in log.records]
        assert list(dict.fromkeys(read)) == [row["digest"] for row in orders], "each order, in its place"
        told = await found.desk.rows("SELECT value FROM outbox WHERE topic = $1", ACCESS_EVENTS.name)
        heard = {record.value for record in (await read_log(kafka, ACCESS_EVENTS)).records}
        assert heard == {row["value"] for row in told}, "every fact"
    await registry.close()
    broker.stop()
