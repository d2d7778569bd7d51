"""What is known about the request being answered: its service, its caller, its route."""

from typing import Any, Final

from fastapi import Request

from shared.runtime.acts.directory import Directory
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import TokenMissing, Unauthorized, Unavailable
from shared.runtime.web.identity import TokenValidator

CALLER: Final = "concord.caller"
"""Key of the request's scope under which whoever was recognised is kept."""
CLAIMED: Final = "concord.claimed"
"""The same for what the token alone says: known already when the directory refuses the organisation."""


class NotReady(Unavailable):
    """This service is starting, or stopping."""


def runtime_of(request: Request) -> Runtime:
    """The service this request reached. Raises NotReady (503) until it is up."""
    runtime: Runtime | None = request.app.state.supervisor.runtime
    if runtime is None:
        raise NotReady(retry_after=1)
    return runtime


def caller_of(request: Request) -> Caller | None:
    """Whoever was recognised while this request was answered, also if their organisation was refused."""
    caller = request.scope.get(CALLER) or request.scope.get(CLAIMED)
    return caller if isinstance(caller, Caller) else None


async def authenticate(request: Request) -> Caller:
    """Who sent this request, with what the directory says of the organisation at this moment.

    Raises TokenMissing or Unauthorized (401), OrganisationUnknown (403), IdentityUnavailable or NotReady (503).
    """
    known: Caller | None = request.scope.get(CALLER)
    if known is not None:
        return known
    header = request.headers.get("authorization")
    if not header:
        raise TokenMissing
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized(reason="the Authorization header does not hold a bearer token")
    validator: TokenValidator = request.app.state.validator
    claimed = request.scope[CLAIMED] = await validator.validate(token.strip())
    caller = request.scope[CALLER] = _directory(request).caller(claimed)
    return caller


def _directory(request: Request) -> Directory:
    """The directory of organisations. Raises NotReady (503) while nothing is in it: nobody could be judged by it."""
    directory = runtime_of(request).directory
    if not len(directory):
        raise NotReady(retry_after=1)
    return directory


def route_of(scope: Any) -> str | None:
    """The template of the route that was matched, such as ``/sites/{site_id}``; none when there is none."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    route = included if included is not None else scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None
