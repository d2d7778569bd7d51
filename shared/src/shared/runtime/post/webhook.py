"""A notice as a webhook, as Standard Webhooks has it, with its asymmetric signature (v1a: Ed25519)."""

import base64
import ipaddress
import socket
from asyncio import get_running_loop
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from shared.signing import Signer

TIMEOUT_S: Final = 10.0


class WebhookRefused(Exception):
    """The receiver did not take it. ``final``: it never will."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def headers(notice_id: UUID, body: bytes, signer: Signer, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks; the id is the notice's, so that a second try is known as the same."""
    stamp = str(int(at.timestamp()))
    signature = signer.raw(f"{notice_id}.{stamp}.".encode() + body)
    return {
        "content-type": "application/json",
        "webhook-id": str(notice_id),
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1a,{base64.b64encode(signature).decode()}",
    }


async def send(
    http: httpx.AsyncClient, url: str, notice_id: UUID, body: bytes, signer: Signer, at: datetime, *, private: bool
) -> str:
    """Post the notice's bytes; gives the answer's status. Raises WebhookRefused.

    ``private`` allows http and addresses of private networks: for the local stack and tests only.
    """
    await _outside(url, private=private)
    try:
        answer = await http.post(
            url, content=body, headers=headers(notice_id, body, signer, at), timeout=TIMEOUT_S, follow_redirects=False
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WebhookRefused(repr(error), final=isinstance(error, httpx.InvalidURL)) from error
    if answer.is_success:
        return str(answer.status_code)
    raise WebhookRefused(f"HTTP {answer.status_code}", final=answer.status_code == httpx.codes.GONE)


async def _outside(url: str, *, private: bool) -> None:
    """An operator names this address: it must not lead into our own network."""
    parts = urlsplit(url)
    if (parts.scheme != "https" and not (private and parts.scheme == "http")) or not parts.hostname:
        raise WebhookRefused("the address must begin with https://", final=True)
    if private:
        return
    try:
        found = await get_running_loop().getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise WebhookRefused(f"{parts.hostname} cannot be resolved", final=False) from error
    if any(not ipaddress.ip_address(place[4][0]).is_global for place in found):
        raise WebhookRefused(f"{parts.hostname} is not a public address", final=True)
