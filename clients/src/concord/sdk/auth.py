"""Bearer tokens: fetched from the issuer when needed, and again before they expire."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from concord.sdk.answers import checked
from concord.sdk.errors import BadArgument, ConcordError, Unreachable

EARLY_S: Final = 30.0
LONGEST_S: Final = 60.0
"""How long fetching a token may take, however slowly the issuer trickles."""
CLIENT: Final = "concord-cli"
"""The public client of people at a command line."""


class TokenSource:
    """The token of one person or machine."""

    def __init__(self, issuer: str, form: Mapping[str, str], http: httpx.AsyncClient) -> None:
        self._issuer = issuer.rstrip("/")
        self._form = dict(form)
        self._http = http
        self._endpoint = ""
        self._token = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    @classmethod
    def person(cls, issuer: str, name: str, password: str, http: httpx.AsyncClient) -> "TokenSource":
        """Somebody who signs in with a password."""
        form = {"grant_type": "password", "username": name, "password": password, "client_id": CLIENT}
        return cls(issuer, form, http)

    @classmethod
    def machine(cls, issuer: str, client_id: str, secret: str, http: httpx.AsyncClient) -> "TokenSource":
        """A machine with client credentials (RFC 6749 section 4.4)."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return cls(issuer, form, http)

    async def token(self) -> str:
        """A token that is good for a while. Raises ConcordError if the issuer refuses, Unreachable if it is silent."""
        async with self._lock:
            if time.monotonic() >= self._until:
                await self._fetch()
        return self._token

    def forget(self) -> None:
        """The service did not take the token: fetch another next time."""
        self._until = 0.0

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                self._endpoint = self._endpoint or await self._discovered()
                answer = await self._http.post(self._endpoint, data=self._form)
        except (httpx.RequestError, TimeoutError) as error:
            raise Unreachable(f"the token issuer {self._issuer} does not answer: {error!r}") from error
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise BadArgument(f"the token issuer {self._issuer} cannot be asked: {error}") from error
        if answer.is_redirect:
            checked(answer)
        body = _object(answer)
        if answer.is_server_error or body is None or (answer.is_success and "access_token" not in body):
            raise Unreachable(f"{self._endpoint} gives no tokens at the moment: {answer.status_code}")
        if answer.status_code != httpx.codes.OK:
            detail = body.get("error_description") or body.get("error") or "the issuer gave no token"
            raise ConcordError(answer.status_code, {"code": "sign_in_refused", "detail": detail})
        self._token = str(body["access_token"])
        self._until = time.monotonic() + max(float(body.get("expires_in", 60)) - EARLY_S, 1.0)

    async def _discovered(self) -> str:
        """Where the issuer gives tokens (OpenID Connect Discovery section 4)."""
        answer = await self._http.get(f"{self._issuer}/.well-known/openid-configuration")
        if answer.is_redirect:
            checked(answer)
        endpoint = (_object(answer) or {}).get("token_endpoint")
        if answer.status_code != httpx.codes.OK or not endpoint:
            raise Unreachable(f"{self._issuer} is no token issuer: {answer.status_code} for its configuration")
        return str(endpoint)


def _object(answer: httpx.Response) -> dict[str, Any] | None:
    """The JSON object of an answer; none for anything else, such as a proxy's page."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
