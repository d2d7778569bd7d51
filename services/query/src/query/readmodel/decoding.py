"""Turns records of the topics into facts: only the fields that look-ups need, and only the types they know."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from query.readmodel.layout import Batch, Place, Unreadable
from query.readmodel.lifecycle import STEPS, OrderFact
from query.readmodel.records import SiteFact

RECORDED: Final = "site.recorded.v1"


class _Event(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent in structured JSON mode, its data still to be read."""

    type: str
    data: msgspec.Raw = msgspec.Raw(b"null")


_event = msgspec.json.Decoder(_Event).decode
_site = msgspec.json.Decoder(SiteFact).decode
_order = msgspec.json.Decoder(OrderFact).decode


@dataclass
class Decoded:
    """What a poll of the broker brought."""

    sites: list[SiteFact] = field(default_factory=list)
    orders: list[OrderFact] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    offsets: dict[Place, int] = field(default_factory=dict)
    skipped: int = 0
    """Facts of types that look-ups have no use for."""

    def take(self, value: bytes) -> None:
        """Read one record. Raises ValueError if it cannot be read."""
        event = _event(value)
        if event.type == RECORDED:
            fact = _site(event.data)
            fact.check()
            self.sites.append(fact)
        elif (step := STEPS.get(event.type)) is not None:
            self.orders.append(msgspec.structs.replace(_order(event.data), step=step))
        else:
            self.skipped += 1

    def batch(self) -> Batch:
        """What is to be applied."""
        return Batch(self.sites, self.orders, self.unreadable, self.offsets)


def decode(polled: Iterable[tuple[Place, Iterable[Any]]]) -> Decoded:
    """Read what a poll brought: ``(place, records)``. What cannot be read is kept with the reason, never dropped."""
    decoded = Decoded()
    take = decoded.take
    for place, records in polled:
        for record in records:
            try:
                take(record.value)
            except (ValueError, TypeError) as error:  # msgspec's errors are ValueErrors; a tombstone has no value
                decoded.unreadable.append(Unreadable(place, record.offset, record.value or b"", repr(error)))
            decoded.offsets[place] = record.offset + 1
    return decoded
