"""How many complaints are taken from one source and about one name: in memory, bounded, and nothing of it is kept.

Each process counts for itself. Who wrote is known here as a keyed hash that ends with the process.
"""

import hashlib
import ipaddress
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from enforcement.errors import TooManyComplaints

MOST_KEPT: Final = 50_000
"""Sources, or names, that are told apart; the others share one allowance until there is room again."""
HOUR_S: Final = 3600.0
_OTHERS: Final = b""


@dataclass(slots=True)
class _Allowance:
    left: float
    at: float


class Limiter:
    """So many in an hour for each of very many keys: that many at once, and again as time passes."""

    def __init__(self, per_hour: int, *, most: int = MOST_KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_hour, self._most, self._clock = per_hour, most, clock
        self._kept: OrderedDict[bytes, _Allowance] = OrderedDict()
        self._key = secrets.token_bytes(32)

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, key: str) -> int:
        """Take one; 0 if there was one, else after how many seconds there will be."""
        now, name = self._clock(), self._named(key)
        found = self._kept.pop(name, None)
        if found is None and not self._room(now):
            name, found = _OTHERS, self._kept.pop(_OTHERS, None)
        left = float(self._per_hour) if found is None else self._now(found, now)
        taken = left >= 1
        self._kept[name] = _Allowance(left - 1 if taken else left, now)
        return 0 if taken else math.ceil((1 - left) * HOUR_S / self._per_hour)

    def _named(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode("utf-8", "replace"), key=self._key, digest_size=16).digest()

    def _now(self, allowance: _Allowance, now: float) -> float:
        return min(float(self._per_hour), allowance.left + (now - allowance.at) * self._per_hour / HOUR_S)

    def _room(self, now: float) -> bool:
        """Whether one more can be told apart. Only who has its whole allowance again is forgotten: a flood of new
        sources resets nobody's.
        """
        while len(self._kept) >= self._most:
            oldest = next(iter(self._kept))
            if self._now(self._kept[oldest], now) < self._per_hour:
                return False
            del self._kept[oldest]
        return True


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
