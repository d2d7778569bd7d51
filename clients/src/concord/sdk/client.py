"""The client: sends a call as somebody, tries again where that is safe, and says clearly what went wrong."""

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from json import loads
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from uuid import uuid4

import httpx

from concord.sdk.answers import checked, json_object, model_in
from concord.sdk.auth import TokenSource
from concord.sdk.calendar import merged
from concord.sdk.departments import (
    Access,
    Approval,
    Complaints,
    Coordination,
    Enforcement,
    Query,
    Registry,
    Reviews,
)
from concord.sdk.departments.base import CALL_S, Department, Id, M
from concord.sdk.errors import BadArgument, ConcordError, NoStack, Unreachable
from concord.sdk.places import Places, find
from shared.contracts.http.notices import NoticeCounts, NoticeItem

PATIENCE_S: Final = 5.0
"""How long a call is tried again when nobody answers; less than it takes a person to give up."""
RETRIED: Final = frozenset({429, 502, 503, 504})
UNDONE: Final = frozenset({429, 503})
"""Those of them that say that nothing was done; the others come from something in between that does not know."""
KEPT_S: Final = 2.0
"""How long an idle connection is used again: less than the 5 s after which servers close it."""
NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
CLOSED: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""What asking on a kept connection that the server has closed meanwhile looks like."""
T = TypeVar("T")


class Concord:
    """Every department, as one person or machine. Use as an async context manager."""

    def __init__(
        self, places: Places, http: httpx.AsyncClient, tokens: TokenSource | None, patience_s: float = PATIENCE_S
    ) -> None:
        self.places = places
        self._patience_s = patience_s
        self._http = http
        self._tokens = tokens
        self.approval = Approval(self)
        self.registry = Registry(self)
        self.reviews = Reviews(self)
        self.enforcement = Enforcement(self)
        self.complaints = Complaints(self)
        self.access = Access(self)
        self.query = Query(self)
        self.coordination = Coordination(self)

    @classmethod
    def connect(
        cls,
        *,
        person: str | None = None,
        password: str | None = None,
        client: tuple[str, str] | None = None,
        places: Places | None = None,
        folder: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        patience_s: float = PATIENCE_S,
    ) -> Self:
        """As ``person`` (locally the password is the name), as a machine ``client`` (id, secret), or as the public."""
        found = places or find(folder)
        http = httpx.AsyncClient(
            timeout=httpx.Timeout(30.0, connect=5.0),
            limits=httpx.Limits(keepalive_expiry=KEPT_S),
            transport=transport,
            trust_env=False,
        )
        tokens = None
        if person is not None:
            tokens = TokenSource.person(found.issuer, person, password or person, http)
        elif client is not None:
            tokens = TokenSource.machine(found.issuer, *client, http)
        return cls(found, http, tokens, patience_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        timeout_s: float = CALL_S,
    ) -> httpx.Response:
        """One logical call; it is tried again when nobody answers or the service is unavailable.

        A POST keeps its Idempotency-Key through all tries, so it takes effect once; what could take effect twice (a
        PUT) is tried again only if it was not done. A try takes ``timeout_s`` at most. Raises ConcordError,
        Unreachable, BadArgument.
        """
        sent: dict[str, Any] = dict(headers or {})
        if method == "POST":
            sent.setdefault("Idempotency-Key", str(uuid4()))
        repeatable = method in {"GET", "HEAD"} or "Idempotency-Key" in sent
        given = {name: value for name, value in (params or {}).items() if value is not None}
        url = self._address(service) + path
        end = time.monotonic() + self._patience_s
        for attempt in count(1):
            late = time.monotonic() > end
            try:
                request = self._http.build_request(
                    method, url, json=json, content=content, params=given, headers=sent | await self.authorization()
                )
            except (UnicodeEncodeError, RecursionError, httpx.InvalidURL) as error:
                raise BadArgument(f"this cannot be sent to {service}: {error}") from error
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await self._http.send(request)
            except (httpx.RequestError, TimeoutError) as error:
                if not repeatable and not isinstance(error, NEVER_SENT):
                    raise Unreachable(
                        f"{service} at {url} did not answer ({error!r}); whether it was done is not known: look first"
                    ) from error
                if attempt == 1 and isinstance(error, CLOSED):
                    continue
                if late:
                    raise Unreachable(f"{service} at {url} does not answer: {error!r}") from error
                await asyncio.sleep(_pause(attempt, None))
                continue
            if answer.status_code == httpx.codes.UNAUTHORIZED and self._tokens and attempt == 1:
                self._tokens.forget()
            elif answer.status_code not in (RETRIED if repeatable else UNDONE) or late:
                return checked(answer)
            else:
                await asyncio.sleep(_pause(attempt, answer.headers.get("Retry-After")))
        raise AssertionError("unreachable")

    def _address(self, service: str) -> str:
        try:
            return self.places.services[service]
        except KeyError:
            raise NoStack(f"it is not known where {service} is: this stack runs without it") from None

    async def pages(self, service: str, path: str, model: type[M], /, **params: Any) -> AsyncIterator[M]:
        """Every item of a list, page after page."""
        after: str | None = None
        while True:
            answer = await self.call(service, "GET", path, params={**params, "after": after})
            page = json_object(answer)
            for item in page.get("items", ()):
                yield model_in(item, model, answer)
            after = page.get("next")
            if after is None:
                return

    def telling(self, service: str | None = None) -> list[Department]:
        """The departments that issue notices, or the one that is asked for. Raises BadArgument."""
        known: list[Department] = [self.approval, self.registry, self.enforcement, self.access]
        found = [each for each in known if service in {None, each.service}]
        if not found:
            names = ", ".join(each.service for each in known)
            raise BadArgument(f"{service!r:.60} issues no notices; those that do: {names}")
        return found

    async def inbox(
        self, *, service: str | None = None, unread: bool = False, kind: str | None = None, about: Id | None = None
    ) -> AsyncIterator[tuple[str, NoticeItem]]:
        """What every department told the caller, newest first, each with the name of its service."""
        streams = [
            _named(each.service, each.notices(unread=unread, kind=kind, about=about)) for each in self.telling(service)
        ]
        waiting = [(stream, await anext(stream, None)) for stream in streams]
        while left := [(stream, found) for stream, found in waiting if found is not None]:
            stream, newest = max(left, key=lambda entry: entry[1][1].issued_at)
            yield newest
            waiting = [(each, await anext(each, None) if each is stream else found) for each, found in left]

    async def inbox_counts(self) -> dict[str, NoticeCounts]:
        """How many notices there are from each department."""
        return {
            each.service: found for each in self.telling() if (found := await _if_any(each.notice_counts())) is not None
        }

    async def deadlines(self) -> bytes:
        """The caller's time limits of all departments as one calendar file."""
        return merged([found for each in self.telling() if (found := await _if_any(each.deadlines())) is not None])

    async def authorization(self) -> dict[str, str]:
        """The header that says who calls; none for the public."""
        return {"Authorization": f"Bearer {await self._tokens.token()}"} if self._tokens else {}

    async def whoami(self) -> dict[str, Any] | None:
        """What the caller's own token says; none for the public. The services check it, this only reads it."""
        if self._tokens is None:
            return None
        payload = (await self._tokens.token()).split(".")[1]
        claims: dict[str, Any] = loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    @asynccontextmanager
    async def stream(
        self, service: str, method: str, path: str, content: AsyncIterator[bytes] | bytes, **options: Any
    ) -> AsyncIterator[httpx.Response]:
        """A call whose body is sent as it is made; not tried again. Raises ConcordError, Unreachable."""
        headers = {**options.pop("headers", {}), **await self.authorization()}
        url = self._address(service) + path
        timeout = httpx.Timeout(600.0, connect=5.0)
        try:
            async with self._http.stream(
                method, url, content=content, headers=headers, timeout=timeout, **options
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                yield checked(answer)
        except httpx.RequestError as error:
            raise Unreachable(f"the connection to {service} broke: {error!r}") from error


async def _named(service: str, notices: AsyncIterator[NoticeItem]) -> AsyncIterator[tuple[str, NoticeItem]]:
    """Nothing for a service that issues no notices."""
    try:
        async for notice in notices:
            yield service, notice
    except ConcordError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise


async def _if_any(asked: Awaitable[T]) -> T | None:
    """None from a service that issues no notices."""
    try:
        return await asked
    except ConcordError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return None


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait: what the service asks for, else doubling from 0.1 s; 2 s at most."""
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.05 * 2**attempt
    return min(asked, 2.0)


async def until(fetch: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, timeout_s: float = 30.0) -> T:
    """Fetch again and again until what comes ``holds``; ConcordError 404 counts as not yet.

    Raises TimeoutError, which says what was last seen.
    """
    end, pause = time.monotonic() + timeout_s, 0.01
    while True:
        seen: Any
        try:
            seen = await fetch()
            if holds(seen):
                return seen  # type: ignore[no-any-return]
        except ConcordError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            seen = error
        if time.monotonic() > end:
            raise TimeoutError(f"did not come true within {timeout_s:g} s; last seen: {seen}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.2)
