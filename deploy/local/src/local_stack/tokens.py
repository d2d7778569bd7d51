"""Access tokens of the stack's issuer, kept until they are half used up."""

import time
from collections.abc import Mapping

import httpx


class Tokens:
    """By whom they speak for."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, float]] = {}

    async def of_person(self, issuer: str, person: str) -> str:
        """For somebody in people.toml (RFC 6749, section 4.3)."""
        return await self._of(issuer, person, {"grant_type": "password", "username": person, "password": person})

    async def of_client(self, issuer: str, client_id: str, secret: str) -> str:
        """For a program (RFC 6749, section 4.4)."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return await self._of(issuer, client_id, form)

    async def _of(self, issuer: str, subject: str, form: Mapping[str, str]) -> str:
        token, until = self._kept.get(subject, ("", 0.0))
        if time.monotonic() < until:
            return token
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            answer = await http.post(f"{issuer}/token", data=dict(form))
        answer.raise_for_status()
        token = str(answer.json()["access_token"])
        self._kept[subject] = (token, time.monotonic() + int(answer.json()["expires_in"]) / 2)
        return token

    def forget(self) -> None:
        """Ask for new ones from now on."""
        self._kept.clear()
