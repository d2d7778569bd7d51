"""What each role of ROLES_RUN runs, other than the HTTP door."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import asyncpg
import structlog

from shared.runtime.acts import audit, notices
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base import metrics
from shared.runtime.base.problems import Unavailable
from shared.runtime.clocks.ticks import TickWorker
from shared.runtime.events import inbox
from shared.runtime.events.consumer import Consumer
from shared.runtime.events.kafka import KafkaSettings
from shared.runtime.events.relay import Relay
from shared.runtime.post.sender import Sender, health_of
from shared.runtime.process.service import Forget, Service
from shared.runtime.process.supervisor import Job
from shared.runtime.web import idempotency

HOUSEKEEPING_S: Final = 3600.0

_log = structlog.get_logger(__name__)


def jobs_of(service: Service, rt: Runtime) -> list[Job]:
    """The workers of this service that its settings ask for."""
    roles = rt.settings.roles_run
    kafka = KafkaSettings.of(rt.settings, client_id=service.name)
    jobs: list[Job] = []
    if "relay" in roles:
        relay = Relay(rt.db, kafka, topics=service.publishes)
        jobs.append(Job("relay", relay.run, partial(_report, relay.health)))
    if "consumer" in roles:
        if service.handlers or service.projected:
            consumer = Consumer(
                rt,
                service.name,
                topics=partial(service.topics, rt),
                handlers=service.handlers,
                projections=service.projected,
                kafka=kafka,
                shards=service.shards,
            )
            jobs.append(Job("consumer", consumer.run, partial(_report, consumer.health)))
        for feed in service.raw:
            reader = Consumer(rt, feed.name, partial(feed.topics, rt), {}, raw=feed.handlers, refresh_s=feed.refresh_s)
            jobs.append(Job(feed.name, reader.run, partial(_report, reader.health)))
        jobs += [Job(_name(worker), partial(worker, rt)) for worker in service.workers]
    if "ticks" in roles:
        if service.notifies:
            sender = Sender(rt, owner=service.name)
            jobs.append(Job("notices", sender.run, partial(health_of, sender)))
        deadlines = {**service.deadlines, **({notices.DEEMED: notices.deem} if service.notifies else {})}
        for name, behind in (("ticks", False), ("ticks-behind", True)):
            if some := {kind: act for kind, act in deadlines.items() if (kind in service.behind) is behind}:
                ticks = TickWorker(rt, some, name=name, skew_limit_s=rt.settings.clock_skew_limit_s)
                jobs.append(Job(name, ticks.run, partial(_report, ticks.health)))
        jobs.append(Job("housekeeping", partial(housekeeping, rt, service.forgets)))
    return jobs


async def housekeeping(rt: Runtime, forgets: Sequence[Forget] = (), every_s: float = HOUSEKEEPING_S) -> None:
    """Every hour: forget old answers to POSTs, events that no topic holds any more, and what is too old to be kept.

    One that fails keeps none of the others back.
    """
    parts = (idempotency.purge, inbox.forget, audit.forget, *forgets)
    for each in parts:  # its age must grow also if not even the first time comes to an end
        metrics.housekeeping_finished.set(time.time(), {"part": _part(each)})
    while True:
        _log.info("housekeeping.done", done={_part(each): await _done(each, rt) for each in parts})
        await asyncio.sleep(every_s)


async def _done(forget: Forget, rt: Runtime) -> int | None:
    """Of how many; None if it failed and is tried again the next time."""
    try:
        forgotten = await forget(rt)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable) as error:
        _log.warning("housekeeping.failed", part=_part(forget), error=repr(error))
        return None
    metrics.housekeeping_finished.set(time.time(), {"part": _part(forget)})
    return forgotten


def _part(forget: Forget) -> str:
    return f"{forget.__module__.rpartition('.')[2]}.{_name(forget)}"


def _report(health: Callable[[], Any]) -> Mapping[str, Any]:
    report = asdict(health())
    return {"ok": report.get("state") != "failing", **report}


def _name(worker: Callable[[Runtime], Awaitable[Any]]) -> str:
    return getattr(worker, "__name__", "worker").replace("_", "-")
