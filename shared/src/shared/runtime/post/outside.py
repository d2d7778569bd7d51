"""Asking an address that a stranger named: its name is looked up once, and never leads into our own network."""

import ipaddress
import socket
from asyncio import get_running_loop
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class NotOutside(Exception):
    """The address cannot be asked. ``final``: it never can."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def place_of(url: str, *, private: bool) -> httpx.URL:
    """The address, if it is one that may be asked. Raises NotOutside."""
    try:
        place = httpx.URL(url)
        scheme, host, user = place.scheme, place.host, place.userinfo
    except (httpx.InvalidURL, ValueError) as error:  # a name that IDNA refuses is a ValueError
        raise NotOutside(repr(error), final=True) from error
    if scheme not in ({"https", "http"} if private else {"https"}) or not host:
        raise NotOutside("the address must begin with https://", final=True)
    if user:
        raise NotOutside("the address must name no user", final=True)
    if not private and not _may_be_outside(host):
        raise NotOutside(f"{host} is not a public address", final=True)
    return place


def _may_be_outside(host: str) -> bool:
    """A name leads wherever it leads when it is asked; an address, or this very machine, says it by itself."""
    try:
        return is_outside(host)
    except ValueError:
        return host.rstrip(".") != "localhost" and not host.rstrip(".").endswith(".localhost")


async def addresses_of(place: httpx.URL, *, private: bool) -> list[str]:
    """Where the name leads; not one of them may lead into our own network. Raises NotOutside."""
    host, port = place.raw_host.decode().strip("[]"), place.port or (443 if place.scheme == "https" else 80)
    try:
        found = await get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotOutside(f"{host} cannot be resolved", final=False) from error
    except (ValueError, OverflowError) as error:
        raise NotOutside(f"{host}:{port} is no address", final=True) from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not private and not all(is_outside(each) for each in addresses):
        raise NotOutside(f"{host} is not a public address", final=True)
    return addresses


def is_outside(address: str) -> bool:
    """Whether an address is somewhere on the internet, whatever it is wrapped in: mapped, 6to4, Teredo, NAT64."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        else:
            found = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else found)
    return found.is_global and not found.is_multicast and not found.is_reserved


def client(connections: int) -> httpx.AsyncClient:
    """A client for strangers' addresses: no proxy, no redirects, and nobody's cookie is kept or sent to another."""
    jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=connections), cookies=jar)


def pinned(place: httpx.URL) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and extensions with which one of the name's addresses is asked as the name itself."""
    # A connection is kept by its address, and its certificate was for one name: no other uses it again.
    return {"host": place.netloc.decode(), "connection": "close"}, {"sni_hostname": place.raw_host.decode()}
