"""What is known about the request being answered: its service, its caller, its route."""

from typing import Any, Final

from fastapi import Request

from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import TokenMissing, Unauthorized, Unavailable
from shared.runtime.web.identity import TokenValidator

CALLER: Final = "concord.caller"
"""Key of the request's scope under which whoever was recognised is kept."""


class NotReady(Unavailable):
    """This service is starting, or stopping."""


def runtime_of(request: Request) -> Runtime:
    """The service this request reached. Raises NotReady (503) until it is up."""
    runtime: Runtime | None = request.app.state.supervisor.runtime
    if runtime is None:
        raise NotReady(retry_after=1)
    return runtime


def caller_of(request: Request) -> Caller | None:
    """Whoever was recognised while this request was answered, if anybody was."""
    caller = request.scope.get(CALLER)
    return caller if isinstance(caller, Caller) else None


async def authenticate(request: Request) -> Caller:
    """Who sent this request. Raises TokenMissing or Unauthorized (401), IdentityUnavailable (503)."""
    known = caller_of(request)
    if known is not None:
        return known
    header = request.headers.get("authorization")
    if not header:
        raise TokenMissing
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized(reason="the Authorization header does not hold a bearer token")
    validator: TokenValidator = request.app.state.validator
    caller = await validator.validate(token.strip())
    request.scope[CALLER] = caller
    return caller


def route_of(scope: Any) -> str | None:
    """The template of the route that was matched, such as ``/sites/{site_id}``; none when there is none."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    route = included if included is not None else scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None
