"""What makes one department's service: its doors, the facts it tells and hears, and its clocks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts

from shared.contracts.base import Fact, Topic
from shared.contracts.directory import OrganisationRecordedV1
from shared.contracts.topics import DIRECTORY_ORGANISATIONS
from shared.rules import Needs
from shared.runtime.acts import directory
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.settings import Settings
from shared.runtime.db.postgres import Tx
from shared.runtime.events.dispatch import Handler, Projection, RawHandler
from shared.runtime.web import calendar, inbox, returned
from shared.runtime.web.route import DoorRoute

LARGEST_BODY: Final = 1024 * 1024
"""Bytes a request body may have; a route that takes more says so with ``max_body_size=``."""

Topics = tuple[Topic, ...] | Callable[[Runtime], Awaitable[Sequence[Topic | str]]]
"""Topics that are known beforehand, or a question to be asked again every few seconds."""
Deadlines = Mapping[str, Callable[[Runtime, Tx, UUID], Awaitable[Any]]]
"""Kind of clock → verb ``(rt, tx, aggregate_id)``, run once when it runs out."""
Worker = Callable[[Runtime], Awaitable[None]]
"""A loop of the service's own; it ends only when it is cancelled."""

Forget = Callable[[Runtime], Awaitable[int]]
"""Deletes, in batches, rows of the service's own that are beyond what is kept; says how many."""


@dataclass(frozen=True)
class RawFeed:
    """Topics that carry no facts, read by a consumer of their own."""

    name: str
    """Its group id, its name in the inbox and in /readyz."""
    topics: Callable[[Runtime], Awaitable[Sequence[Topic | str]]]
    """Asked again every ``refresh_s`` seconds."""
    handlers: Mapping[str, RawHandler]
    """Beginning of a topic's name → ``(rt, tx, records)``."""
    refresh_s: float = 5.0


@dataclass(frozen=True)
class Service:
    """The table of contents of a service; its main.py fills one in."""

    name: str
    router: APIRouter | Sequence[APIRouter] = ()
    settings: type[Settings] = Settings
    migrations: Path | None = None
    """Folder of its schema files; none: it has no tables of its own."""
    handlers: Mapping[type[Fact], Handler] = field(default_factory=dict)
    """Fact type → verb ``(rt, tx, fact, meta)``, run in the transaction that claims the event."""
    projections: Mapping[type[Fact], Projection] = field(default_factory=dict)
    """Fact type → ``(rt, tx, facts)``, a batch at a time."""
    raw: Sequence[RawFeed] = ()
    notifies: bool = False
    """Whether it issues notices: then it has an inbox, and sends what is queued."""
    deadlines: Deadlines = field(default_factory=dict)
    behind: frozenset[str] = frozenset()
    """Kinds of clocks that a worker of their own acts on, so that none of the others waits behind them."""
    needs: Needs = field(default_factory=Needs)
    """The words of the rule profile that stand in its code; a profile without them does not start it."""
    publishes: tuple[Topic, ...] = ()
    listens: Topics = ()
    shards: int = 1
    """Into how many parts the topics are divided, each read by one process."""
    workers: Sequence[Worker] = ()
    """Further loops; they run where ``consumer`` is among ROLES_RUN."""
    forgets: Sequence[Forget] = ()
    """Run every hour where ``ticks`` is among ROLES_RUN."""
    start: Callable[[Runtime], Awaitable[Any]] | None = None
    """Run once the database is reachable, before anything else; what it returns is ``rt.state``."""
    stop: Callable[[Runtime], Awaitable[None]] | None = None
    """Run when everything else has stopped."""
    description: str = ""
    """What the service is for; heads its API documentation."""

    @property
    def follows_directory(self) -> bool:
        """Whether its copy of the directory of organisations comes by the topic: everywhere but where it is written."""
        return DIRECTORY_ORGANISATIONS not in self.publishes

    @property
    def projected(self) -> Mapping[type[Fact], Projection]:
        """Its projections, and the runtime's own of the directory of organisations."""
        own: dict[type[Fact], Projection] = (
            {OrganisationRecordedV1: directory.project} if self.follows_directory else {}
        )
        return own | dict(self.projections)

    async def topics(self, rt: Runtime) -> Sequence[Topic | str]:
        """What its consumer reads: what it listens to, and the directory of organisations."""
        listens = await self.listens(rt) if callable(self.listens) else self.listens
        return (*listens, *((DIRECTORY_ORGANISATIONS,) if self.follows_directory else ()))

    @property
    def routers(self) -> tuple[APIRouter, ...]:
        """Its routers, however many."""
        own = (self.router,) if isinstance(self.router, APIRouter) else tuple(self.router)
        return (*own, inbox.ROUTER, calendar.ROUTER, returned.ROUTER) if self.notifies else own

    @cached_property
    def doors(self) -> APIRouter:
        """All its doors in one. What FastAPI slowly works out about each is kept here, not in one application."""
        doors = APIRouter(generate_unique_id_function=_operation_id)
        for router in self.routers:
            require_door_routes(router)
            doors.include_router(router, max_body_size=LARGEST_BODY)
        return doors


def require_door_routes(router: APIRouter) -> None:
    """Raise TypeError for an endpoint that FastAPI would read a stranger's body for."""
    for context in iter_route_contexts(router.routes):
        if not isinstance(context.original_route, DoorRoute):
            raise TypeError(f"{context.path} is on a plain APIRouter: make it with shared.runtime.web.door.router()")


def _operation_id(route: APIRoute) -> str:
    return route.name
