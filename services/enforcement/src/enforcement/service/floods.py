"""How many complaints are taken from one source and about one name: in memory, bounded, and nothing of it is kept.

Each process counts for itself. Who wrote is known here as a keyed hash that ends with the process.
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable

from enforcement.errors import TooManyComplaints
from shared.runtime.base.limiter import MOST_KEPT, Limiter


class Floods:
    """The two allowances: of whoever writes, and of what is written about."""

    def __init__(
        self, *, per_source: int, per_name: int, most: int = MOST_KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Both per hour."""
        self._sources = Limiter(per_source, most=most, clock=clock)
        self._names = Limiter(per_name, most=most, clock=clock)

    def from_source(self, source: str) -> None:
        """One more from there. Raises TooManyComplaints (429)."""
        if wait := self._sources.take(source):
            raise TooManyComplaints(retry_after=wait, of_what="came from where you write")

    def about(self, registrable: str) -> None:
        """One more about a name that somebody registered, or below it. Raises TooManyComplaints (429)."""
        if wait := self._names.take(registrable):
            raise TooManyComplaints(retry_after=wait, of_what=f"were about {registrable}")


def source_of(address: str | None) -> str:
    """Who counts as one source: an IPv4 address, a network of 64 bits in IPv6."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def digest_of(secret: str) -> bytes:
    """What is kept of a secret. It has 256 random bits, so a plain hash of it tells nobody anything."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
