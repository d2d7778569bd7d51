"""The agent's way to access-control over HTTP: keys, orders, receipts, state."""

import asyncio
import contextlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self

import httpx

from concord.sdk.answers import json_object
from concord.sdk.auth import TokenSource
from concord.sdk.client import CLOSED, KEPT_S
from concord.sdk.errors import ConcordError, Unreachable

_CONNECT_S: Final = 5.0
_READ_S: Final = 30.0


class Door:
    """One provider's calls. Each raises ConcordError when refused and Unreachable when nobody answers."""

    def __init__(self, access_url: str, provider_id: object, tokens: TokenSource, http: httpx.AsyncClient) -> None:
        self._base = f"{access_url.rstrip('/')}/providers/{provider_id}"
        self._tokens = tokens
        self._http = http
        self.skew_s = 0.0
        """How far this machine's clock is ahead of access-control's, by the last answer that said what time it is."""

    @classmethod
    def open(cls, config: Any, transport: httpx.AsyncBaseTransport | None = None) -> Self:
        """The door a configuration describes."""
        http = httpx.AsyncClient(
            timeout=httpx.Timeout(_READ_S, connect=_CONNECT_S),
            limits=httpx.Limits(keepalive_expiry=KEPT_S),
            transport=transport,
            trust_env=False,
        )
        tokens = TokenSource.machine(config.issuer_url, config.client_id, config.client_secret, http)
        return cls(config.access_url, config.provider_id, tokens, http)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def keys(self, jwks_url: str) -> dict[str, Any]:
        """The public keys orders are signed with."""
        return json_object(await self._ask("GET", jwks_url, timeout=_READ_S))

    async def orders(self, after: int, *, wait: float = 0, limit: int = 200) -> dict[str, Any]:
        """Signed orders after a place in the sequence; waits up to ``wait`` seconds for one."""
        query = {"after": after, "wait": wait, "limit": limit}
        return await self._call("GET", "/orders", params=query, timeout=_READ_S + wait)

    async def hand_in(self, batch: str) -> dict[str, Any]:
        """Hand in a signed batch of receipts; a result for each, and the counter-receipt."""
        return await self._call("POST", "/receipts", json={"jws": batch})

    async def taken(self, digest: str) -> dict[str, Any]:
        """A batch that was taken by either door, by its SHA-256, and its counter-receipt."""
        return await self._call("GET", f"/receipts/{digest}")

    async def state(self) -> dict[str, Any]:
        """The last number given out, and the hash over what is in force."""
        return await self._call("GET", "/state")

    async def snapshot(self) -> dict[str, Any]:
        """The orders in force and those still open, of one moment."""
        return await self._call("GET", "/snapshot")

    async def _call(self, method: str, path: str, *, timeout: float = _READ_S, **options: Any) -> dict[str, Any]:
        for again in (False, True):
            headers = {"Authorization": f"Bearer {await self._tokens.token()}"}
            answer = await self._ask(method, self._base + path, timeout=timeout, headers=headers, **options)
            if answer.status_code != httpx.codes.UNAUTHORIZED or again:
                break
            self._tokens.forget()
        return _object(answer)

    async def _ask(self, method: str, url: str, *, timeout: float, **options: Any) -> httpx.Response:
        """One answer within ``timeout`` seconds per step, and twice that in all.

        A kept connection that was closed meanwhile is tried once more. That is safe: orders are only read, and a
        receipt that arrives twice is the same receipt.
        """
        for again in (False, True):
            try:
                async with asyncio.timeout(2 * timeout):
                    answer = await self._http.request(
                        method, url, timeout=httpx.Timeout(timeout, connect=_CONNECT_S), **options
                    )
            except (httpx.RequestError, TimeoutError) as error:
                if again or not isinstance(error, CLOSED):
                    raise Unreachable(f"{url} does not answer: {error!r}") from error
            else:
                self._note_time(answer)
                return answer
        raise AssertionError("unreachable")

    def _note_time(self, answer: httpx.Response) -> None:
        if str(answer.request.url).startswith(self._base) and (said := answer.headers.get("Date")):
            with contextlib.suppress(ValueError):
                self.skew_s = (datetime.now(UTC) - parsedate_to_datetime(said)).total_seconds()


def _object(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer. Raises ConcordError; ``Retry-After`` is ``retry_after_s`` in its problem."""
    try:
        return json_object(answer)
    except ConcordError as error:
        after = answer.headers.get("Retry-After", "")
        if after.isdecimal():
            error.problem["retry_after_s"] = float(after)
        raise
