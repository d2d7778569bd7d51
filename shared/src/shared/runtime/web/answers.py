"""Where every error becomes an answer: a problem document, and for a refused act a line in the audit."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import asyncpg
import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import Scope

from shared.runtime.acts.history import trace_id
from shared.runtime.base import problems
from shared.runtime.base.problems import Problem
from shared.runtime.db.postgres import CONTENDED, TookTooLong, is_full, is_transient
from shared.runtime.web.refusals import Refusals
from shared.runtime.web.requests import caller_of, route_of, runtime_of

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_FIELDS: Final = 100
LONGEST_WORD: Final = 200

_log = structlog.get_logger(__name__)
_KNOWN: Final[Mapping[int, type[Problem]]] = {
    400: problems.BadRequest,
    404: problems.RouteNotFound,
    413: problems.TooLarge,
}


class TextUnstorable(problems.Invalid):
    """A text holds a character that cannot be stored, such as NUL."""

    code = "invalid"


class OtherRefusal(Problem):
    """{said}."""

    code = "refused"

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said=said.rstrip("."))
        self.status = status  # type: ignore[misc]  # only what Starlette refuses


def install(app: FastAPI) -> None:
    """Let this module answer for every error an endpoint raises."""
    app.state.refusals = Refusals()
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for error in (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, ExceptionGroup):
        app.add_exception_handler(error, _on_database)


def render(problem: Problem, instance: str) -> Response:
    """A problem as the answer to a request."""
    document = problem.document(instance=instance, trace_id=trace_id())
    return Response(
        orjson.dumps(document, default=str), problem.status, headers=problem.headers, media_type=problems.MEDIA_TYPE
    )


def internal(scope: Scope, error: BaseException) -> Response:
    """The answer to an error nobody foresaw: the log has all of it, the caller the trace id."""
    _log.error("http.error", method=scope["method"], route=route_of(scope), exc_info=error)
    return render(problems.Internal(), scope["path"])


def classify(error: BaseException) -> Problem | None:
    """The problem that an error of the database means; none if it is a mistake of ours."""
    if isinstance(error, ExceptionGroup) and is_transient(error):
        return classify(error.exceptions[0])
    problem: Problem | None = None
    if is_full(error):
        problem = problems.StorageFull()
    elif isinstance(error, CONTENDED):
        problem = problems.TryAgain(retry_after=1)
    elif isinstance(error, asyncpg.QueryCanceledError | TookTooLong):
        problem = problems.DatabaseSlow(retry_after=1)
    elif isinstance(error, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError):
        problem = TextUnstorable()
    elif is_transient(error):
        problem = problems.DatabaseUnavailable()
    return problem


def fields_of(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What is wrong with a request, by dotted path. What was sent is not repeated: it may be personal."""
    listed: dict[tuple[str, str], dict[str, str]] = {}
    for error in errors:
        where, *path = error["loc"]
        name = _cut(".".join(str(part) for part in path) or str(where))
        message = _cut(str(error["msg"]).removeprefix("Value error, "))
        listed.setdefault((name, message), {"field": name, "message": message})
        if len(listed) == MOST_FIELDS:
            break
    return list(listed.values())


def _cut(text: str) -> str:
    """So much of a text that strangers may have chosen the length of."""
    return text if len(text) <= LONGEST_WORD else f"{text[:LONGEST_WORD]}…"


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    await _audit_refusal(request, error)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("http.unavailable", code=error.code, route=route_of(request.scope), error=error.detail)
    return render(error, request.url.path)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _on_problem(request, problems.Invalid(fields_of(error.errors())))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        problem: Problem = problems.MethodNotAllowed(method=request.method, allow=_allowed(request))
    elif error.status_code in _KNOWN:
        problem = _KNOWN[error.status_code]()
    else:
        problem = OtherRefusal(error.status_code, error.detail)
    return await _on_problem(request, problem)


async def _on_database(request: Request, error: Exception) -> Response:
    problem = classify(error)
    if problem is None:
        return internal(request.scope, error)
    if isinstance(problem, problems.StorageFull):
        runtime_of(request).db.note_full()
    _log.warning("database.failed", error=repr(error), answer=problem.code)
    return await _on_problem(request, problem)


async def _audit_refusal(request: Request, problem: Problem) -> None:
    """Record that somebody known was refused an act: any write, and a read that was forbidden."""
    who = caller_of(request)
    if who is None or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    if request.method in SAFE and problem.status != HTTPStatus.FORBIDDEN:
        return
    if request.app.state.supervisor.runtime is None:
        return
    act = f"{request.method} {route_of(request.scope) or '(no such address)'}"
    refusals: Refusals = request.app.state.refusals
    await refusals.note(runtime_of(request), who=who, act=act, resource=request.url.path, problem=problem)


def _allowed(request: Request) -> str:
    """Every method this address takes; Starlette names those of one route alone."""
    routes = iter_route_contexts(request.app.routes)
    here = [
        route for route in routes if getattr(route, "path_regex", None) and route.path_regex.match(request.url.path)
    ]
    methods = {method for route in here for method in route.methods or ()}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
