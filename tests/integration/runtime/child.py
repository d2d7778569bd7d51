"""A process of its own that a test can kill -9: arguments relay or consumer, DSN, bootstrap server, topic."""

import asyncio
import os
import sys

from shared.contracts.base import Topic
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Database, Tx
from shared.runtime.events.consumer import Consumer
from shared.runtime.events.kafka import KafkaSettings
from shared.runtime.events.relay import Relay
from tests.integration.runtime.world import Note, note_on, runtime_of, write_effect


async def _slow_effect(rt: Runtime, tx: Tx, fact: Note, meta: EventMeta) -> None:
    """Writes the effect, says so, and leaves the test time to kill us before the commit."""
    await write_effect(rt, tx, fact, meta)
    sys.stdout.write(f"between {fact.n}\n")
    sys.stdout.flush()
    await asyncio.sleep(float(os.environ.get("CHILD_SLEEP_S", "0")))


async def main(what: str, dsn: str, bootstrap: str, topic_name: str) -> None:
    db = await Database.connect(dsn, application_name="child")
    kafka = KafkaSettings(bootstrap, idempotence=os.environ["CHILD_IDEMPOTENCE"] == "1", partitions=3)
    topic = Topic(topic_name, "test", "Of one test.", partitions=3)
    if what == "relay":
        await Relay(db, kafka, topics=[topic]).run()
    else:
        await Consumer(runtime_of(db), "child", [topic], {note_on(topic): _slow_effect}, kafka=kafka).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
