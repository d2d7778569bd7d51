"""What stands where in the read model: its sub-databases, its keys, and what is written together.

``sites`` (site id → entry), ``domains`` and ``rows`` (A-label → the whole answer as a line of JSON, as a row of CSV:
one get and no work for each key of a list), ``shared`` (domains that several sites have → site ids), ``ips`` (16 bytes
→ site ids), ``numbers`` (number → site ids), ``former`` (a number that sites had, of their own or of their
registration → site ids), ``operators`` (operator id → site ids), ``categories`` (region, kind,
status and service items → site ids), ``names`` (beginning of a site's name → site ids), ``unregistered`` (host name of
a site that is in no register and was subject of a measure → what is known of it), ``orders`` (place, provider id →
orders), ``acts`` (act, kind, part → what is known of a decision and of appeals), ``measured`` (place → decisions),
``concerned`` (decision or execution → places), ``quarantine`` (records nobody could read), ``meta`` (schema, cluster
id, offsets and seals, freshness). A place is a site id, or what stands for it with a site in no register.
"""

import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from query.readmodel.acts import Act
from query.readmodel.lifecycle import OrderFact
from query.readmodel.records import SiteFact

SCHEMA: Final = b"8"
"""A file of another schema is emptied and built anew from the beginning of the topics."""
SHOWN: Final = 100
"""Further sites listed for a key that many sites have; ``total`` says how many there are."""
NAMES: Final = (
    "sites", "domains", "rows", "shared", "ips", "numbers", "former", "operators", "categories", "names",
    "unregistered", "orders", "acts", "measured", "concerned", "quarantine", "meta",
)  # fmt: skip
DUPLICATES: Final = frozenset(
    {"shared", "ips", "numbers", "former", "operators", "categories", "names", "measured", "concerned"}
)
FOUND: Final = b'{"found":true,"key":"'
THEN: Final = b'",'
ALONE: Final = b'"total":1,'
LIVE: Final = b'"status":"live"},"registration":{'
"""What only the entry of a live site holds: quotes inside a text are escaped."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ID: Final = 16
_V4: Final = bytes(10) + b"\xff\xff"


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Unreadable(NamedTuple):
    """A record that could not be read, kept for whoever will look at it."""

    place: Place
    offset: int
    value: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What is applied together: facts, records that could not be read, and where to go on afterwards."""

    sites: Sequence[SiteFact] = ()
    orders: Sequence[OrderFact] = ()
    acts: Sequence[Act] = ()
    unreadable: Sequence[Unreadable] = ()
    offsets: Mapping[Place, int] = field(default_factory=dict)
    seals: Mapping[Place, str] = field(default_factory=dict)
    """Of the record before each offset: whether a broker's log is the one that was read."""


def pack(ip: str) -> bytes | None:
    """An address as 16 bytes; none if it is not one."""
    try:
        if ":" in ip:
            return socket.inet_pton(socket.AF_INET6, ip)
        return _V4 + socket.inet_pton(socket.AF_INET, ip)
    except (OSError, ValueError):
        return None


def quarantine_key(unreadable: Unreadable) -> bytes:
    """Under which key an unreadable record is kept."""
    return f"{unreadable.place.topic}/{unreadable.place.partition}/{unreadable.offset:020}".encode()


def quarantine_value(unreadable: Unreadable) -> bytes:
    """How it is kept."""
    error = unreadable.error.encode()[:1000]
    return struct.pack(">H", len(error)) + error + unreadable.value


def unreadable_of(key: bytes, value: bytes) -> Unreadable:
    """An unreadable record as it was kept."""
    topic, partition, offset = key.decode().split("/")
    (length,) = struct.unpack_from(">H", value)
    error = value[2 : 2 + length].decode("utf-8", "replace")
    return Unreadable(Place(topic, int(partition)), int(offset), value[2 + length :], error)
