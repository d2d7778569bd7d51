"""What a name shows of whose it is: the texts in its DNS, and a file below /.well-known/."""

import asyncio
from typing import Final, Protocol

import httpx
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.nameserver import Do53Nameserver
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration

from shared.runtime.post.outside import NotOutside, addresses_of, pinned, place_of

TIMEOUT_S: Final = 5.0
WHOLE_S: Final = 15.0
"""How long a file may take, whatever its server sends now and then."""
LARGEST: Final = 4096
"""Bytes of a file that are read."""
_LATER: Final = frozenset({408, 425, 429})


class NotAnswered(Exception):
    """Nobody said what the name shows: that proves nothing either way."""


class Looks(Protocol):
    """How a name is looked at."""

    async def texts(self, name: str) -> list[str]:
        """The TXT records of a name; none if there are none. Raises NotAnswered."""

    async def file(self, url: str) -> str | None:
        """The file at an address; none if there is none. Raises NotAnswered."""


def resolver_of(name_servers: str) -> Resolver | None:
    """Who asks these (a comma list of ``address:port``); none for those of this machine."""
    places = [each.strip().rpartition(":") for each in name_servers.split(",") if each.strip()]
    if not places:
        return None
    resolver = Resolver(configure=False)
    resolver.nameservers = [Do53Nameserver(address.strip("[]"), int(port)) for address, _, port in places]
    return resolver


class Internet:
    """Looks at names in the DNS of this machine and on the internet, never into our own network."""

    def __init__(self, http: httpx.AsyncClient, *, private: bool, resolver: Resolver | None = None) -> None:
        self._http, self._private, self._resolver = http, private, resolver

    async def texts(self, name: str) -> list[str]:
        """The TXT records of a name."""
        try:
            resolver = self._resolver or Resolver()
            found = await resolver.resolve(f"{name}.", "TXT", lifetime=TIMEOUT_S, search=False)
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, NoResolverConfiguration, OSError) as error:
            raise NotAnswered(f"DNS: {error}") from error
        return [b"".join(record.strings).decode(errors="replace") for record in found]

    async def file(self, url: str) -> str | None:
        """The file at an address. A redirect is none: who can move it there need not hold the name."""
        try:
            place = place_of(url, private=self._private)
            addresses = await addresses_of(place, private=self._private)
        except NotOutside as refused:
            if refused.final:
                return None
            raise NotAnswered(str(refused)) from refused
        why = ""
        try:
            async with asyncio.timeout(WHOLE_S):
                for address in addresses:
                    try:
                        return await self._read(place, address)
                    except httpx.HTTPError as error:
                        why = repr(error)
        except TimeoutError:
            why = f"no whole answer in {WHOLE_S:g} s"
        raise NotAnswered(why)

    async def _read(self, place: httpx.URL, address: str) -> str | None:
        headers, extensions = pinned(place)
        async with self._http.stream(
            "GET", place.copy_with(host=address), headers=headers | {"accept-encoding": "identity"},
            timeout=TIMEOUT_S, follow_redirects=False, extensions=extensions,
        ) as answer:  # fmt: skip
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code in _LATER:
                raise NotAnswered(f"HTTP {answer.status_code}")
            if answer.status_code != httpx.codes.OK:
                return None
            read = b""
            async for part in answer.aiter_raw():
                read += part
                if len(read) > LARGEST:
                    return None
        return read.decode(errors="replace")
