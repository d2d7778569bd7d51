"""A webhook; for a notice as Standard Webhooks has it, with its asymmetric signature (v1a: Ed25519)."""

import asyncio
import base64
import hashlib
import hmac
from datetime import datetime
from typing import Final
from uuid import UUID

import httpx

from shared.runtime.post.outside import NotOutside, addresses_of, pinned, place_of
from shared.signing import Signer

TIMEOUT_S: Final = 10.0
WHOLE_S: Final = 30.0
"""How long a webhook may take, however many addresses its name has."""


USER_AGENT: Final = "Concord (webhook)"
"""So that a receiver can write a rule for it; what is posted proves itself by its signature."""


WebhookRefused = NotOutside
"""The receiver did not take it."""


def headers(notice_id: UUID, body: bytes, signer: Signer, at: datetime, secret: bytes | None = None) -> dict[str, str]:
    """The headers of Standard Webhooks; the id is the notice's, so that a second try is known as the same.

    ``secret``: shared with the receiver, who then can also check the symmetric signature (v1: HMAC-SHA256).
    """
    stamp = str(int(at.timestamp()))
    signed = f"{notice_id}.{stamp}.".encode() + body
    signatures = [f"v1a,{base64.b64encode(signer.raw(signed)).decode()}"]
    if secret is not None:
        signatures.append(f"v1,{base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}")
    return {
        "content-type": "application/json",
        "webhook-id": str(notice_id),
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }


async def send(
    http: httpx.AsyncClient, url: str, notice_id: UUID, body: bytes, signer: Signer, at: datetime, *, private: bool,
    secret: bytes | None = None,
) -> str:  # fmt: skip
    """Post the notice's bytes; gives the answer's status. Raises WebhookRefused."""
    return await post(http, url, body, headers(notice_id, body, signer, at, secret), private=private)


async def post(http: httpx.AsyncClient, url: str, body: bytes, own: dict[str, str], *, private: bool) -> str:
    """Post bytes with these headers; gives the answer's status. Raises WebhookRefused.

    The name is resolved once: the addresses that were looked at are those that are connected to, under the name's Host
    and certificate. ``private`` allows http and addresses of private networks: for the local stack and tests only.
    """
    place = place_of(url, private=private)
    try:
        async with asyncio.timeout(WHOLE_S):
            status = await _post(http, place, own, body, private=private)
    except TimeoutError as error:
        raise WebhookRefused(f"no answer in {WHOLE_S:g} s", final=False) from error
    if httpx.codes.is_success(status):
        return str(status)
    raise WebhookRefused(f"HTTP {status}", final=status == httpx.codes.GONE)


async def _post(http: httpx.AsyncClient, place: httpx.URL, own: dict[str, str], body: bytes, *, private: bool) -> int:
    """The answer's status; what else it says is not read."""
    pins, extensions = pinned(place)
    refused: httpx.HTTPError | None = None
    for address in await addresses_of(place, private=private):
        try:
            async with http.stream(
                "POST",
                place.copy_with(host=address),
                content=body,
                headers=own | pins | {"user-agent": USER_AGENT},
                timeout=TIMEOUT_S,
                follow_redirects=False,
                extensions=extensions,
            ) as answer:
                return answer.status_code
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            refused = error
        except Exception as error:  # whatever a stranger answers, also a Location that httpx cannot read, is a refusal
            raise WebhookRefused(_words(error), final=False) from error
    raise WebhookRefused(_words(refused), final=False) from refused


def _words(error: Exception | None) -> str:
    """What went wrong, for whoever set the address."""
    match error:
        case httpx.ConnectTimeout():
            said = "no connection in time"
        case httpx.ConnectError():
            said = "no connection"
        case httpx.TimeoutException():
            said = "no answer in time"
        case _:
            said = f"no answer that HTTP knows: {type(error).__name__}"
    return f"{said}: {error}" if str(error) else said
