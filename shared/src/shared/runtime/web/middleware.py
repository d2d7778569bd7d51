"""The outermost layer of the HTTP door: no error gets past it, every request leaves one line in the log."""

import asyncio
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.base.context import Caller
from shared.runtime.base.problems import MEDIA_TYPE, TooLarge
from shared.runtime.web.answers import internal, render
from shared.runtime.web.requests import CALLER, route_of

PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Addresses that machines ask every few seconds; they leave no line and no span."""

METHOD: Final = "concord.method"
"""Key of the request's scope: the method that was asked with, where it is answered like another one."""
_SECRET: Final = re.compile(r"(?<=/)[A-Za-z0-9_-]{43}(?=/|$)")
"""A part of a path that is 256 bits in base64url: whoever holds it may open something."""
_DEFAULT_HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_PROBLEM: Final = MEDIA_TYPE.encode()
_log = structlog.get_logger("shared.runtime.access")


def is_probe(scope: Any) -> bool:
    """Whether a request is a probe's."""
    return scope.get("path") in PROBES


def masked(path: str) -> str:
    """A path as logs and traces have it: whoever reads those must not open what a secret in it opens."""
    return _SECRET.sub("REDACTED", path)


def _is_problem(start: Message) -> bool:
    return any(name == b"content-type" and value == _PROBLEM for name, value in start["headers"])


class Head:
    """Pure ASGI: HEAD is answered wherever GET is, with the head alone. A stream ends there: nobody would."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start" and not begun.done():
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                begun.set_result(None)

        asked = {**scope, "method": "GET", METHOD: "HEAD"}
        answering = asyncio.ensure_future(self._app(asked, receive, out))
        try:
            await asyncio.wait({answering, begun}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            answering.cancel()
            await asyncio.wait({answering})


class Door:
    """Pure ASGI: answers 500 for what nobody caught, adds the headers every answer has, writes the access log."""

    def __init__(self, app: ASGIApp, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock()
        status = 0
        replaced = False

        async def out(message: Message) -> None:
            nonlocal status, replaced
            if replaced:
                return  # the rest of an answer that a problem took the place of
            if message["type"] == "http.response.start":
                status = message["status"]
                if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not _is_problem(message):
                    # Starlette's own limit answers in plain text, whatever the exception handlers say.
                    await render(TooLarge(), scope["path"])(scope, receive, out)
                    replaced = True
                    return
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"], *(header for header in _DEFAULT_HEADERS if header[0] not in present)
                ]  # fmt: skip
            await send(message)

        try:
            await self._app(scope, receive, out)
        except Exception as error:  # the last line of defence: whatever it is becomes a 500 with a trace id
            answer = internal(scope, error)
            if status:
                raise  # half an answer is out; the server must break the connection
            await answer(scope, receive, out)
        finally:
            if not is_probe(scope):
                self._write(scope, status, began)

    def _write(self, scope: Scope, status: int, began: float) -> None:
        caller = scope.get(CALLER)
        _log.info(
            "http.request",
            method=scope.get(METHOD, scope["method"]),
            path=masked(scope["path"]),
            route=route_of(scope),
            status=status,
            ms=round((self._clock() - began) * 1000, 2),
            subject=caller.subject if isinstance(caller, Caller) else None,
        )
