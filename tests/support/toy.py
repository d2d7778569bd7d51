"""A small service that uses every piece of the doors, for their own tests."""

import asyncio
import errno
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar
from uuid import UUID

import asyncpg
from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, Field

from shared.contracts.base import Body, Day, Fact, Moment, Topic
from shared.runtime.acts import outbox
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import ActionRefused, Conflict, Forbidden, NotFound, PreconditionFailed, Unavailable
from shared.runtime.process.app import Service
from shared.runtime.web.door import PUBLIC, IfMatch, Rt, Stopping, Who, etag, router
from shared.runtime.web.paging import Page, Paging, page_of

TABLE = "CREATE TABLE thing (id uuid PRIMARY KEY, name text NOT NULL, version bigint NOT NULL DEFAULT 1)"
TOPIC = Topic("toy-things", "toy", "Things of the toy service.", partitions=2)


class ThingMadeV1(Fact):
    """A thing was made."""

    TYPE: ClassVar[str] = "thing.made.v1"
    TOPIC: ClassVar[Topic] = TOPIC
    KEY: ClassVar[str] = "thing_id"
    EXAMPLE: ClassVar[dict[str, Any]] = {"thing_id": "0192f1c2-6b1e-7cc3-9d52-1a2b3c4d5e6f", "name": "a"}

    thing_id: UUID
    name: str


class NameTaken(Conflict):
    """There is a thing called {name} already."""


class Part(Body):
    """A part of a thing."""

    size: Annotated[int, Field(ge=1)]


class NewThing(Body):
    """What a thing is made of."""

    name: str
    parts: tuple[Part, ...] = ()
    since: Moment | None = None
    day: Day | None = None


class Thing(BaseModel):
    """A thing as it is."""

    id: UUID
    name: str
    version: int


things = router(tags=["things"])
streams = router(idempotent=False, tags=["streams"])


class Gate:
    """Lets a test hold an endpoint in the middle of its work."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()


gate = Gate()


@things.post("/things", status_code=201)
async def make(rt: Rt, who: Who, body: NewThing, response: Response) -> Thing:
    """Make a thing."""
    async with rt.db.transaction() as tx:
        if await tx.fetchval("SELECT 1 FROM thing WHERE name = $1", body.name):
            raise NameTaken(name=body.name)
        thing = Thing(id=uuid7(), name=body.name, version=1)
        await tx.execute("INSERT INTO thing (id, name) VALUES ($1, $2)", thing.id, thing.name)
        outbox.add(tx, ThingMadeV1(thing_id=thing.id, name=thing.name), at=rt.clock.now())
    gate.entered.set()
    await gate.open.wait()
    if body.name == "crash":
        raise RuntimeError("a secret of the inside")
    etag(response, 1)
    response.headers["Location"] = f"/things/{thing.id}"
    response.headers["X-Private"] = "not kept"
    return thing


@things.get("/things")
async def listed(rt: Rt, who: Who, paging: Paging, name: Annotated[str | None, Query()] = None) -> Page[Thing]:
    """Things, newest first."""
    async with rt.db.connection() as tx:
        rows = await tx.fetch(
            """SELECT id, name, version FROM thing
                WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR name = $3) ORDER BY id DESC LIMIT $2""",
            paging.after,
            paging.fetch,
            name,
        )
    return page_of(rows, paging, view=lambda row: Thing(**dict(row)), key=lambda row: row["id"])


@things.get("/things/{thing_id}")
async def one(rt: Rt, who: Who, thing_id: UUID, response: Response) -> Thing:
    """One thing."""
    async with rt.db.connection() as tx:
        row = await tx.fetchrow("SELECT id, name, version FROM thing WHERE id = $1", thing_id)
    if row is None:
        raise NotFound(what="thing", id=thing_id)
    etag(response, row["version"])
    return Thing(**dict(row))


@things.put("/things/{thing_id}")
async def rename(rt: Rt, who: Who, thing_id: UUID, version: IfMatch, body: NewThing, response: Response) -> Thing:
    """Rename a thing."""
    async with rt.db.transaction() as tx:
        now = await tx.fetchval("SELECT version FROM thing WHERE id = $1 FOR UPDATE", thing_id)
        if now is None:
            raise NotFound(what="thing", id=thing_id)
        if now != version:
            raise PreconditionFailed(version=now)
        await tx.execute("UPDATE thing SET name = $2, version = version + 1 WHERE id = $1", thing_id, body.name)
    etag(response, version + 1)
    return Thing(id=thing_id, name=body.name, version=version + 1)


@things.post("/things/{thing_id}/breaking")
async def break_it(who: Who, thing_id: UUID) -> Thing:
    """Refused always."""
    raise ActionRefused(aggregate="thing", status="broken", action="break", allowed_actions=["mend"])


@things.get("/open", openapi_extra=PUBLIC)
async def for_everybody() -> dict[str, str]:
    """Says it to everybody."""
    return {"said": "hello"}


@streams.post("/open", openapi_extra=PUBLIC)
async def told_by_anybody(body: NewThing) -> NewThing:
    """Hears it from anybody."""
    return body


@things.get("/unguarded")
async def unguarded() -> dict[str, str]:
    """Names no caller, and does not say that it is public."""
    return {"said": "hello"}


@things.get("/slow")
async def slow(rt: Rt) -> dict[str, str]:
    """Waits for its database longer than anybody would."""
    async with rt.db.transaction() as tx:
        await tx.execute("SELECT pg_sleep(40)")
    return {"said": "hello"}


@things.get("/secrets")
async def secrets(who: Who) -> Thing:
    """Forbidden to everybody."""
    raise Forbidden


@things.post("/refusing")
async def refusing() -> Response:
    """Answers with a refusal instead of raising one."""
    return Response(status_code=409)


@things.post("/nothing", status_code=204)
async def nothing(who: Who) -> None:
    """Answers without a body."""


@things.get("/failures/{kind}", openapi_extra=PUBLIC)
async def fail(rt: Rt, kind: str) -> Thing:
    """Fails in the way asked for."""
    errors: dict[str, BaseException] = {
        "connection": asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        "refused": ConnectionRefusedError(111, "Connect call failed"),
        "timeout": TimeoutError(),
        "starting": asyncpg.CannotConnectNowError("the database system is starting up"),
        "deadlock": asyncpg.DeadlockDetectedError("deadlock detected"),
        "lock": asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        "statement": asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
        "misuse": asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        "syntax": asyncpg.PostgresSyntaxError("a secret of the inside"),
        "readonly": asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        "demoted": asyncpg.TargetServerAttributeNotMatched("no primary"),
        "group": ExceptionGroup("of a task group", [ConnectionRefusedError(111, "Connect call failed")]),
        "mixed": ExceptionGroup("of a task group", [ConnectionRefusedError(111, "x"), KeyError("a secret")]),
        "connections": asyncpg.TooManyConnectionsError("too many clients already"),
        "full": asyncpg.DiskFullError("could not extend file"),
        "nospace": OSError(errno.ENOSPC, "No space left on device"),
        "own": Unavailable(retry_after=9),
        "unforeseen": RuntimeError("a secret of the inside"),
    }
    raise errors[kind]


@streams.post("/streams", status_code=200)
async def stream(who: Who, request: Request) -> StreamingResponse:
    """Gives a stream; no Idempotency-Key."""
    taken = await request.body()

    async def lines() -> AsyncIterator[bytes]:
        yield taken.upper()

    return StreamingResponse(lines(), media_type="text/plain")


@streams.get("/events", response_class=EventSourceResponse, openapi_extra=PUBLIC)
async def events(stopping: Stopping) -> AsyncIterator[dict[str, str]]:
    """Says one thing, then waits until the process stops."""
    yield {"said": "hello"}
    await stopping.wait()


SERVICE = Service(name="toy", router=(things, streams), publishes=(TOPIC,), description="A service for tests.")
