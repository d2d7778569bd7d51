"""Pieces of the HTTP door: what an endpoint asks for by annotation, and routers whose POSTs are idempotent.

Everything an endpoint depends on is ``async def``: FastAPI runs other callables, classes too, on a thread, and that
costs more than a whole request.
"""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase

from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import BadRequest, PreconditionRequired
from shared.runtime.web.idempotency import IdempotentRoute
from shared.runtime.web.requests import authenticate, runtime_of

_LONGEST_VERSION: Final = 18


class IfMatchMalformed(BadRequest):
    """If-Match must be the ETag of the version you read, such as "3": one strong tag in double quotes."""


class Bearer(SecurityBase):
    """Dependency that recognises the caller and shows in OpenAPI as the security scheme ``bearer``."""

    def __init__(self) -> None:
        self.model = BearerModel(bearerFormat="JWT (RFC 9068)", description="Access token of the configured issuer.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> Caller:
        """The caller."""
        return await authenticate(request)


async def if_match(
    given: Annotated[
        str | None,
        Header(alias="If-Match", description='The ETag of the version you read, such as `"3"`.', examples=['"3"']),
    ] = None,
) -> int:
    """The version the caller read. Raises PreconditionRequired (428), IfMatchMalformed (400)."""
    if given is None:
        raise PreconditionRequired
    tag = given.strip()
    digits = tag[1:-1]
    quoted = len(tag) > 2 and tag[0] == tag[-1] == '"'
    if not quoted or not digits.isascii() or not digits.isdigit() or len(digits) > _LONGEST_VERSION:
        raise IfMatchMalformed
    return int(digits)


async def runtime(request: Request) -> Runtime:
    """The service this request reached. Raises NotReady (503) until it is up."""
    return runtime_of(request)


async def stopping_of(request: Request) -> asyncio.Event:
    """The event that is set when this process is to stop."""
    event: asyncio.Event = request.app.state.supervisor.stopping
    return event


Rt = Annotated[Runtime, Depends(runtime)]
"""The service: database, clock, rules, settings."""
Who = Annotated[Caller, Depends(Bearer())]
"""The caller, recognised by its bearer token; without one the answer is 401."""
IfMatch = Annotated[int, Depends(if_match)]
"""The version the caller read; a verb raises PreconditionFailed when it is not the present one."""
Stopping = Annotated[asyncio.Event, Depends(stopping_of)]
"""Set when the process is to stop: streams and long polls must end on it."""


def etag(response: Response, version: int) -> None:
    """State which version of the record the answer shows."""
    response.headers["ETag"] = f'"{version}"'


def router(**options: Any) -> APIRouter:
    """A router whose POST routes require an Idempotency-Key and run in one transaction.

    For POSTs that stream, or that carry their own identity, use a plain APIRouter.
    """
    return APIRouter(route_class=IdempotentRoute, **options)
