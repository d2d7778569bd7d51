"""Turns records of the topics into facts: only the fields that look-ups need, and only the types they know."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from query.readmodel import acts
from query.readmodel.acts import Act
from query.readmodel.layout import Batch, Place, Unreadable
from query.readmodel.lifecycle import STEPS, OrderFact
from query.readmodel.records import SiteFact
from shared.contracts.access import ORDER_FACTS
from shared.contracts.base import Fact
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.acts import envelope
from shared.runtime.events.dispatch import ForeignFact


class _Event(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent in structured JSON mode, its data still to be read."""

    type: str
    source: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class Heard(NamedTuple):
    """A type of fact: the one topic and the one source it is believed from, and how it is read."""

    topic: str
    source: str
    read: Callable[[Any], Any]


_event = msgspec.json.Decoder(_Event).decode


def _heard(facts: Mapping[type[Fact], type[Any]]) -> dict[str, Heard]:
    return {
        fact.TYPE: Heard(fact.TOPIC.name, envelope.source(fact.TOPIC.producer), msgspec.json.Decoder(kept).decode)
        for fact, kept in facts.items()
    }


FACTS: Final[Mapping[str, Heard]] = MappingProxyType(
    _heard({SiteRecordedV1: SiteFact, **dict.fromkeys(ORDER_FACTS, OrderFact), **acts.KINDS})
)
"""Every type that look-ups know; all others are passed over."""


@dataclass
class Decoded:
    """What a poll of the broker brought."""

    sites: list[SiteFact] = field(default_factory=list)
    orders: list[OrderFact] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    offsets: dict[Place, int] = field(default_factory=dict)
    seals: dict[Place, str] = field(default_factory=dict)
    skipped: int = 0
    """Facts that look-ups have no use for."""

    def take(self, topic: str, value: bytes | None) -> None:
        """Read one record. Raises ValueError if it cannot be read, and for a fact that is not its topic's (foreign).

        The broker's access list says who may write to a topic; a type alone is what anybody may put into an envelope.
        """
        if not value:  # a tombstone
            self.skipped += 1
            return
        event = _event(value)
        heard = FACTS.get(event.type)
        if heard is None:
            self.skipped += 1
            return
        if topic != heard.topic or event.source != heard.source:
            raise ForeignFact(f"{event.type} on {topic} from {event.source}; it comes on {heard.topic} alone")
        fact = heard.read(event.data)
        if isinstance(fact, SiteFact):
            fact.check()
            self.sites.append(fact)
        elif isinstance(fact, OrderFact):
            self.orders.append(msgspec.structs.replace(fact, step=STEPS[event.type]))
        elif _concerns_a_site(fact):
            self.acts.append(fact)
        else:
            self.skipped += 1

    def batch(self) -> Batch:
        """What is to be applied."""
        return Batch(self.sites, self.orders, self.acts, self.unreadable, self.offsets, self.seals)


def _concerns_a_site(fact: Any) -> bool:
    """Whether a site's entry can ever tell of this: not of measures against operators, nor of other appeals."""
    if isinstance(fact, acts.CarriedOut):
        return fact.place is not None
    appealed = getattr(fact, "act", None)
    return appealed is None or (appealed.service, appealed.kind) in acts.APPEALED


def decode(polled: Iterable[tuple[Place, Iterable[Any]]]) -> Decoded:
    """Read what a poll brought: ``(place, records)``. What cannot be read is kept with the reason, never dropped."""
    decoded = Decoded()
    take = decoded.take
    for place, records in polled:
        topic = place.topic
        for record in records:
            try:
                take(topic, record.value)
            except ValueError as error:  # msgspec's errors are ValueErrors too
                decoded.unreadable.append(Unreadable(place, record.offset, record.value, repr(error)))
            decoded.offsets[place] = record.offset + 1
    return decoded
