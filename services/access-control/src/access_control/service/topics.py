"""What runs beside the doors: reading every provider's receipts, and making every provider's topics."""

import asyncio
from typing import Final
from uuid import UUID

import structlog

from access_control.service.receipts import TOPIC_PREFIX, record_heard
from access_control.store import providers, receipts
from shared.contracts.base import Topic
from shared.contracts.topics import orders_topic, receipts_topic
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import UNAVAILABLE
from shared.runtime.events.kafka import BROKER_ERRORS, KafkaSettings, ensure_topics
from shared.runtime.process.service import RawFeed

NEW_PROVIDERS_S: Final = 2.0
ALL_AGAIN_S: Final = 60.0
_log = structlog.get_logger(__name__)


async def receipts_topics(rt: Runtime) -> list[Topic]:
    """The topic of every provider there is."""
    return [receipts_topic(provider_id) for provider_id in await _providers(rt)]


RECEIPTS: Final = RawFeed(receipts.READER, receipts_topics, {TOPIC_PREFIX: record_heard}, refresh_s=NEW_PROVIDERS_S)


async def make(rt: Runtime) -> None:
    """Make the orders topic of each new provider, so that it can subscribe before its first order.

    Now and then all of them are looked at again: a broker that was wiped comes back without topics.
    """
    kafka = KafkaSettings.of(rt.settings, client_id="access-control-topics")
    loop = asyncio.get_running_loop()
    made: set[UUID] = set()
    again_at = 0.0
    while True:
        if loop.time() >= again_at:
            made.clear()
            again_at = loop.time() + ALL_AGAIN_S
        try:
            missing = set(await _providers(rt)) - made
            if missing:
                refused = await ensure_topics(kafka, [orders_topic(provider_id) for provider_id in missing])
                if refused:
                    _log.error("provider_topics.refused", topics=refused)
                made |= {each for each in missing if orders_topic(each).name not in refused}
        except (*BROKER_ERRORS, *UNAVAILABLE) as error:
            _log.warning("provider_topics.failed", error=repr(error))
        await asyncio.sleep(NEW_PROVIDERS_S)


async def _providers(rt: Runtime) -> list[UUID]:
    async with rt.db.connection() as tx:
        return await providers.ids(tx)
