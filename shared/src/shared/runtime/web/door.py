"""Pieces of the HTTP door: what an endpoint asks for by annotation, and routers whose POSTs are idempotent.

Everything an endpoint depends on is ``async def``: FastAPI runs other callables, classes too, on a thread, and that
costs more than a whole request.
"""

import asyncio
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response

from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import BadRequest, PreconditionRequired
from shared.runtime.web.idempotency import IdempotentRoute
from shared.runtime.web.requests import runtime_of
from shared.runtime.web.route import BEARER, PUBLIC, DoorRoute

__all__ = ["PUBLIC", "IfMatch", "Rt", "Stopping", "Who", "etag", "router"]

VERSION_TAG: Final = re.compile(r'(?:W/)?"([0-9]{1,18})(?:[-;]{1,2}(?:gzip|br|zstd|deflate))?"')
"""Our tags name versions, not bytes: what a compressing proxy makes of one (weak, or with a suffix) is as good."""


class IfMatchMalformed(BadRequest):
    """If-Match must be the ETag of the version you read, such as "3": one tag in double quotes."""


async def if_match(
    given: Annotated[
        str | None,
        Header(alias="If-Match", description='The ETag of the version you read, such as `"3"`.', examples=['"3"']),
    ] = None,
) -> int:
    """The version the caller read. Raises PreconditionRequired (428), IfMatchMalformed (400)."""
    if given is None:
        raise PreconditionRequired
    tag = VERSION_TAG.fullmatch(given.strip())
    if tag is None:
        raise IfMatchMalformed
    return int(tag[1])


async def runtime(request: Request) -> Runtime:
    """The service this request reached. Raises NotReady (503) until it is up."""
    return runtime_of(request)


async def stopping_of(request: Request) -> asyncio.Event:
    """The event that is set when this process is to stop."""
    event: asyncio.Event = request.app.state.supervisor.stopping
    return event


Rt = Annotated[Runtime, Depends(runtime)]
"""The service: database, clock, rules, settings."""
Who = Annotated[Caller, Depends(BEARER)]
"""The caller, recognised by its bearer token; without one the answer is 401."""
IfMatch = Annotated[int, Depends(if_match)]
"""The version the caller read; a verb raises PreconditionFailed when it is not the present one."""
Stopping = Annotated[asyncio.Event, Depends(stopping_of)]
"""Set when the process is to stop: streams and long polls must end on it."""


def etag(response: Response, version: int) -> None:
    """State which version of the record the answer shows."""
    response.headers["ETag"] = f'"{version}"'


def router(*, idempotent: bool = True, **options: Any) -> APIRouter:
    """A router whose endpoints need a bearer token, other than those with ``openapi_extra=PUBLIC``.

    Its POSTs require an Idempotency-Key and run in one transaction; ``idempotent=False`` is for POSTs that stream, or
    that carry their own identity.
    """
    return APIRouter(route_class=IdempotentRoute if idempotent else DoorRoute, **options)
