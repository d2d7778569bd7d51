"""Which handler gets an event: reads a Kafka record, finds the fact's class, calls what the service listed for it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from uuid import UUID, uuid5

from shared.contracts.base import Fact
from shared.contracts.topics import A_CENTURY, STRANGERS_DAYS
from shared.runtime.acts import envelope
from shared.runtime.acts.envelope import BadEnvelope, Envelope
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.db.postgres import Tx
from shared.runtime.events.inbox import Parked

Handler: TypeAlias = Callable[[Runtime, Tx, Any, EventMeta], Awaitable[None]]
"""Applies one fact, inside the transaction that claims it."""
Projection: TypeAlias = Callable[[Runtime, Tx, Sequence[Any]], Awaitable[None]]
"""Takes over a batch of facts in one transaction; must be idempotent, by the version each record carries."""


class Raw(NamedTuple):
    """A record that is no fact of ours, such as a signed receipt."""

    value: bytes
    meta: EventMeta


RawHandler: TypeAlias = Callable[[Runtime, Tx, Sequence[Raw]], Awaitable[None]]
"""Applies raw records of one topic that came together, in their order, inside the transaction that claims them."""

LONGEST_KEY: Final = 500
"""Characters of a stranger's key that count: an index of PostgreSQL cannot hold any length."""
LATE: Final = timedelta(days=30)
"""How much longer than its retention a topic may hold an event: brokers delete by the segment."""
REPLACEMENT: Final = "\ufffd"

_RAW_NAMESPACE: Final = UUID("6f0f4d3e-3f52-4b53-9d0c-2f4c0a0e8f51")


class Record(Protocol):
    """What a Kafka client gives."""

    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...  # noqa: D102


class Kind(Enum):
    """What is to be done with an event."""

    HANDLER = "handler"
    PROJECTION = "projection"
    RAW = "raw"
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event as it came, with what it is."""

    kind: Kind
    type: str
    meta: EventMeta
    value: bytes
    headers: Mapping[str, str]
    data: Any = None
    """The CloudEvent's data, not validated yet; of one that cannot be read or is foreign, what is known of it."""


class ForeignFact(ValueError):
    """A fact of a type we know, on a topic or from a source that is not its own: its writer has no say in it."""


def raw_event_id(record: Record) -> UUID:
    """The same record always has the same id. Its time and content count too: after a wipe, offsets start again."""
    digest = hashlib.sha256(record.value or b"").hexdigest()
    return uuid5(_RAW_NAMESPACE, f"{record.topic}|{record.partition}|{record.offset}|{record.timestamp}|{digest}")


def _text(value: bytes) -> str:
    """As PostgreSQL can keep it: it has no NUL in texts."""
    return value.decode("utf-8", "replace").replace("\0", REPLACEMENT)


def _time_of(record: Record) -> datetime:
    """Whoever writes a record chooses its time: one that no calendar knows counts as the beginning of 1970."""
    try:
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


class Table:
    """What a consumer does with each type of fact, and with the topics that carry something else.

    A fact is believed by its type, its topic and its source together. The broker's access list says who may write to a
    topic; a type alone is what anybody may put into an envelope. A fact that does not fit is parked, not skipped, so
    that somebody looks at who wrote it; under a key and an id of its own, so that nothing genuine waits behind it or
    counts as known because of it.
    """

    def __init__(
        self,
        handlers: Mapping[type[Fact], Handler] | None = None,
        projections: Mapping[type[Fact], Projection] | None = None,
        raw: Mapping[str, RawHandler] | None = None,
    ) -> None:
        """``raw`` maps the beginning of a topic's name to its handler."""
        self._handlers = {fact.TYPE: (fact, handler) for fact, handler in (handlers or {}).items()}
        self._projections = {fact.TYPE: (fact, projection) for fact, projection in (projections or {}).items()}
        self._raw = dict(raw or {})
        if both := self._handlers.keys() & self._projections.keys():
            raise ValueError(f"both handled and projected, so in no order: {', '.join(sorted(both))}")

    def read(self, record: Record) -> Incoming:
        """What a record is. Never raises, whatever was written: what makes no sense is parked, nothing is dropped."""
        headers = {name.lower().replace("\0", REPLACEMENT): _text(value or b"") for name, value in record.headers}
        value = record.value or b""
        kind, name, event = self._classified(record.topic, value)
        place = (record.topic, record.partition, record.offset)
        traceparent = headers.get("traceparent")
        if isinstance(event, Envelope) and kind is not Kind.FOREIGN:
            meta = EventMeta(event.event_id, event.key, *place, event.at, event.traceparent or traceparent)
            return Incoming(kind, name, meta, value, headers, event.data)
        key = _text(record.key)[:LONGEST_KEY] if record.key else record.topic
        if kind in (Kind.RAW, Kind.FOREIGN):  # of its topic alone: nobody's wait behind those of another writer
            key = f"{record.topic} {key}"
        meta = EventMeta(raw_event_id(record), key, *place, _time_of(record), traceparent)
        return Incoming(kind, name, meta, value, headers, event)

    def reread(self, parked: Parked) -> Incoming:
        """The same for an event that was parked."""
        kind, name, event = self._classified(parked.meta.topic, parked.value)
        data = event.data if isinstance(event, Envelope) and kind is not Kind.FOREIGN else event
        return Incoming(kind, name, parked.meta, parked.value, parked.headers, data)

    def _classified(self, topic: str, value: bytes) -> tuple[Kind, str, Envelope | BadEnvelope | None]:
        prefix = max((start for start in self._raw if topic.startswith(start)), key=len, default=None)
        if prefix is not None:
            return Kind.RAW, f"raw:{prefix}", None
        if not value:
            return Kind.SKIP, "tombstone", None
        try:
            event = envelope.decode(value)
        except BadEnvelope as error:
            return Kind.UNREADABLE, "unreadable", error
        handled = event.type in self._handlers
        known = self._handlers.get(event.type) or self._projections.get(event.type)
        if known is None:
            return Kind.SKIP, event.type, event
        own = known[0].TOPIC
        if (topic, event.source) != (own.name, envelope.source(own.producer)):
            return Kind.FOREIGN, event.type, event
        return Kind.HANDLER if handled else Kind.PROJECTION, event.type, event

    def keep(self, event: Incoming) -> timedelta | None:
        """How long it is remembered that an event was applied: longer than its topic can hold it; none is for ever."""
        if event.kind is not Kind.HANDLER:
            return timedelta(days=STRANGERS_DAYS) + LATE
        topic = self._handlers[event.type][0].TOPIC
        if topic.compacted or topic.retention_days >= A_CENTURY:
            return None
        return timedelta(days=topic.retention_days) + LATE

    def fact(self, event: Incoming) -> Fact:
        """The validated fact of an event."""
        known = self._handlers if event.kind is Kind.HANDLER else self._projections
        return known[event.type][0].model_validate(event.data)

    async def apply(self, rt: Runtime, tx: Tx, event: Incoming) -> None:
        """Call what is listed for one event."""
        if event.kind is Kind.UNREADABLE:
            raise BadEnvelope(str(event.data))
        if event.kind is Kind.FOREIGN:
            own = (self._handlers.get(event.type) or self._projections[event.type])[0].TOPIC
            found = f"{event.type} on {event.meta.topic} from {event.data.source}"
            raise ForeignFact(f"{found}; it is written to {own.name} by {envelope.source(own.producer)} alone")
        if event.kind is Kind.HANDLER:
            await self._handlers[event.type][1](rt, tx, self.fact(event), event.meta)
        elif event.kind is Kind.PROJECTION:
            await self._projections[event.type][1](rt, tx, [self.fact(event)])
        elif event.kind is Kind.RAW:
            await self.take(rt, tx, [event])

    async def take(self, rt: Runtime, tx: Tx, events: Sequence[Incoming]) -> None:
        """Hand over raw records of one topic."""
        handler = self._raw[events[0].type.removeprefix("raw:")]
        await handler(rt, tx, [Raw(event.value, event.meta) for event in events])

    async def project(self, rt: Runtime, tx: Tx, events: Sequence[Incoming]) -> None:
        """Hand over a batch of one type."""
        await self._projections[events[0].type][1](rt, tx, [self.fact(event) for event in events])
