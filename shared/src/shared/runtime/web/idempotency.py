"""Idempotency-Key: a POST that is sent twice happens once, and the second time gets the answer of the first."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any, Final

from fastapi import Request, Response
from opentelemetry import trace

from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import BadRequest, Conflict, Problem
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit
from shared.runtime.web.requests import authenticate, route_of, runtime_of
from shared.runtime.web.route import Asked, DoorRoute, Handler

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
KEEP: Final = timedelta(days=7)
KEPT_HEADERS: Final = frozenset({"content-type", "etag", "location"})
VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")

PARAMETER: Final = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "description": "Chosen by the caller, new for every act: the same key with the same request acts once and gets "
    "the first answer again, marked `Idempotency-Replayed: true`. Kept for 7 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "0192f1c2-6b1e-7cc3-9d52-1a2b3c4d5e6f",
}

CLAIM: Final = "SELECT locked, request_hash, status, headers, body FROM idempotency_claim($1, $2)"
ANSWERS: Final = AppendOnly(
    "idempotency",
    {
        "subject": "text", "key": "text", "route": "text", "request_hash": "bytea", "status": "integer",
        "headers": "jsonb", "body": "bytea",
    },
)  # fmt: skip
PURGE = """
DELETE FROM idempotency
 WHERE (subject, key) IN (SELECT subject, key FROM idempotency WHERE created_at < now() - $1::interval
                          ORDER BY created_at LIMIT $2)
"""
"""By the database's time on both sides: by a process's own clock, one that is ahead would forget fresh answers."""

RIGHTS: Final = tuple(field.name for field in fields(Caller) if field.name not in {"subject", "name"})


class IdempotencyKeyRequired(BadRequest):
    """This needs an Idempotency-Key header, so that sending it twice does not do it twice."""


class IdempotencyKeyMalformed(BadRequest):
    """Idempotency-Key must be 1 to 255 visible ASCII characters."""


class IdempotencyInFlight(Conflict):
    """The first request with this Idempotency-Key is still being carried out."""

    @property
    def headers(self) -> dict[str, str]:
        """Ask again shortly: the answer of the first will be there."""
        return {"Retry-After": "1"}


class IdempotencyKeyReused(Problem):
    """This Idempotency-Key was already used for another request; choose a new one."""

    status = 422


class AnswerWithheld(Conflict):
    """This was carried out the first time; its answer is not repeated, because your rights have changed since."""


class IdempotentRoute(DoorRoute):
    """A route whose POST runs in one transaction together with the record of its answer."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            extra = dict(options.get("openapi_extra") or {})
            extra["parameters"] = [*extra.get("parameters", ()), PARAMETER]
            options["openapi_extra"] = extra
        super().__init__(path, endpoint, **options)

    async def answer(self, request: Asked, handler: Handler) -> Response:
        """The endpoint's answer; for a POST, the one answer there will ever be."""
        if request.method != "POST":
            return await super().answer(request, handler)
        key = key_of(request)
        await self.read(request)
        return await answer_once(request, key, handler)


async def answer_once(request: Request, key: str, handler: Handler) -> Response:
    """Carry the request out, or give the stored answer of the first time.

    A stored answer is given only to somebody whose rights are what they were, for policy was asked with those.
    Whatever the endpoint raises rolls everything back and stores nothing.
    Raises IdempotencyInFlight, AnswerWithheld (409), IdempotencyKeyReused (422).
    """
    who = await authenticate(request)
    asked, rights = fingerprint_of(request, await request.body()), rights_of(who)
    async with runtime_of(request).db.transaction() as tx:
        stored = await tx.fetchrow(CLAIM, who.subject, key)
        if stored is None or not stored["locked"]:
            raise IdempotencyInFlight
        if stored["request_hash"] is not None:
            if stored["request_hash"][: len(asked)] != asked:
                raise IdempotencyKeyReused
            if stored["request_hash"][len(asked) :] != rights:
                raise AnswerWithheld
            return replayed(stored["status"], stored["headers"], stored["body"])
        response = await handler(request)
        if 200 <= response.status_code < 300:
            route = route_of(request.scope)
            insert_at_commit(tx, ANSWERS, (who.subject, key, route, asked + rights, *_kept(response)))
        return response


def key_of(request: Request) -> str:
    """The key the caller chose."""
    given = request.headers.getlist(HEADER)
    if not given:
        raise IdempotencyKeyRequired
    if len(given) > 1 or not VISIBLE.fullmatch(given[0]):
        raise IdempotencyKeyMalformed
    return given[0]


def fingerprint_of(request: Request, body: bytes) -> bytes:
    """What tells one request from another: method, address and body."""
    digest = hashlib.sha256()
    for part in (request.method, request.url.path, request.url.query):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\n")
    digest.update(body)
    return digest.digest()


def rights_of(who: Caller) -> bytes:
    """What tells the rights of a caller from those of another: everything known but account and name."""
    digest = hashlib.sha256()
    for name in RIGHTS:
        value = getattr(who, name)
        digest.update(f"{name}={sorted(value) if isinstance(value, frozenset) else value!r}\n".encode())
    return digest.digest()


def replayed(status: int, headers: Mapping[str, str], body: bytes) -> Response:
    """The stored answer, marked as one."""
    trace.get_current_span().set_attribute("concord.idempotency_replayed", True)
    return Response(body, status, headers={**headers, REPLAYED: "true"})


async def purge(rt: Runtime, *, batch: int = 5_000) -> int:
    """Forget answers older than 7 days; says how many. Part of the ticks."""
    total = 0
    while True:
        async with rt.db.transaction() as tx:
            forgotten = int((await tx.execute(PURGE, KEEP, batch)).split()[-1])
        total += forgotten
        if forgotten < batch:
            return total


def _kept(response: Response) -> tuple[int, dict[str, str], bytes]:
    body = getattr(response, "body", None)
    if not isinstance(body, bytes):
        raise TypeError("a streamed answer cannot be kept: put this POST on a plain APIRouter")
    headers = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
    return response.status_code, headers, body
