"""A notice as a webhook, as Standard Webhooks has it, with its asymmetric signature (v1a: Ed25519)."""

import base64
import ipaddress
import socket
from asyncio import get_running_loop
from datetime import datetime
from typing import Final
from uuid import UUID

import httpx

from shared.signing import Signer

TIMEOUT_S: Final = 10.0
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


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

    The name is resolved once: the addresses that were looked at are those that are connected to, under the name's Host
    and certificate. ``private`` allows http and addresses of private networks: for the local stack and tests only.
    """
    place = _url(url, private=private)
    refused: httpx.HTTPError | None = None
    for address in await _addresses(place, private=private):
        try:
            answer = await http.post(
                place.copy_with(host=address),
                content=body,
                # A connection is kept by its address, and its certificate was for one name: no other uses it again.
                headers={**headers(notice_id, body, signer, at), "host": place.netloc.decode(), "connection": "close"},
                timeout=TIMEOUT_S,
                follow_redirects=False,
                extensions={"sni_hostname": place.raw_host.decode()},
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            refused = error
            continue
        except httpx.HTTPError as error:
            raise WebhookRefused(repr(error), final=False) from error
        if answer.is_success:
            return str(answer.status_code)
        raise WebhookRefused(f"HTTP {answer.status_code}", final=answer.status_code == httpx.codes.GONE)
    raise WebhookRefused(repr(refused), final=False) from refused


def _url(url: str, *, private: bool) -> httpx.URL:
    try:
        place = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise WebhookRefused(repr(error), final=True) from error
    if place.scheme not in ({"https", "http"} if private else {"https"}) or not place.host:
        raise WebhookRefused("the address must begin with https://", final=True)
    return place


async def _addresses(place: httpx.URL, *, private: bool) -> list[str]:
    """Where the name leads. An operator names this address: not one of them may lead into our own network."""
    host, port = place.raw_host.decode().strip("[]"), place.port or (443 if place.scheme == "https" else 80)
    try:
        found = await get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise WebhookRefused(f"{host} cannot be resolved", final=False) from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not private and not all(_is_outside(each) for each in addresses):
        raise WebhookRefused(f"{host} is not a public address", final=True)
    return addresses


def _is_outside(address: str) -> bool:
    """Whether an address is somewhere on the internet, whatever it is wrapped in: mapped, 6to4, Teredo, NAT64."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        else:
            found = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else found)
    return found.is_global and not found.is_multicast and not found.is_reserved
