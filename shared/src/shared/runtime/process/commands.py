"""What the operator of a service types, other than serve. Each answers in one line and says what to exit with."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from shared.contracts.base import Fact
from shared.runtime.base.clock import SystemClock
from shared.runtime.base.context import Caller
from shared.runtime.base.settings import Settings
from shared.runtime.db import migrations
from shared.runtime.db.postgres import Database
from shared.runtime.events import delivery, relay
from shared.runtime.events.dispatch import Handler, Projection, RawHandler
from shared.runtime.process.service import Service
from shared.runtime.process.supervisor import boot

Handlers: TypeAlias = Mapping[type[Fact], Handler]
Projections: TypeAlias = Mapping[type[Fact], Projection]
RawHandlers: TypeAlias = Mapping[str, RawHandler]

SHORTEST_REASON: Final = 10


async def migrate(service: Service, settings: Settings, given: argparse.Namespace) -> int:
    """Apply the schema files that are missing."""
    if service.migrations is None:
        _say(f"{service.name} has no database tables")
        return 0
    done = await migrations.upgrade(settings.dsn, service.migrations, post=given.post)
    _say(f"{service.name}: " + (", ".join(file.name for file in done) or "nothing to apply"))
    return 0


async def replay(service: Service, settings: Settings, given: argparse.Namespace) -> int:
    """Mark facts unpublished again; the running relay publishes them."""
    db = await Database.connect(settings.dsn, application_name=f"{service.name} replay", max_size=2)
    try:
        count = await relay.replay(
            db, first_id=given.first, last_id=given.last, topic=given.topic, topics=service.publishes
        )
    finally:
        await db.close()
    _say(f"{service.name}: {count} facts will be published again")
    return 0


async def unpark(service: Service, settings: Settings, given: argparse.Namespace) -> int:
    """Try parked events again, in order; exit 1 if some are still refused."""
    rt = await boot(service, settings, SystemClock())
    waiting = 0
    try:
        for name, handlers, projections, raw in _consumers(service):
            done = await delivery.unpark(rt, name, handlers, given.key, projections=projections, raw=raw)
            _say(f"{name}: {done.applied} events applied, {done.waiting} still parked")
            waiting += done.waiting
    finally:
        await rt.db.close()
    return 1 if waiting else 0


async def set_aside(service: Service, settings: Settings, given: argparse.Namespace) -> int:
    """Give up one parked event for good and try those behind it; exit 1 if it is not there or some still wait."""
    reason, by = given.reason.strip(), given.by.strip()
    if len(reason) < SHORTEST_REASON or not by:
        _say(f"a reason of at least {SHORTEST_REASON} characters and a name are needed: both are kept")
        return 1
    rt = await boot(service, settings, SystemClock())
    who = Caller(f"operator:{by}", by, service.name, frozenset())
    try:
        for name, handlers, projections, raw in _consumers(service):
            key = await delivery.set_aside(rt, name, given.event_id, reason=reason, who=who)
            if key is not None:
                done = await delivery.unpark(rt, name, handlers, key, projections=projections, raw=raw)
                _say(f"{name}: {given.event_id} set aside, {done.applied} events applied, {done.waiting} still parked")
                return 1 if done.waiting else 0
    except delivery.NotFirst as error:
        _say(str(error))
        return 1
    finally:
        await rt.db.close()
    _say(f"{service.name}: no event {given.event_id} is parked")
    return 1


def _consumers(service: Service) -> Iterator[tuple[str, Handlers, Projections, RawHandlers]]:
    """The tables of every consumer this service has."""
    yield service.name, service.handlers, service.projected, {}
    for feed in service.raw:
        yield feed.name, {}, {}, feed.handlers


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
