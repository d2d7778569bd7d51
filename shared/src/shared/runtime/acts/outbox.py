"""What a service has to tell, written in the transaction that makes it true.

Lock the aggregate (SELECT … FOR UPDATE, a guarded UPDATE, or its INSERT) in that transaction: ids are drawn at its end,
and the relay publishes in id order, so that is what keeps the facts of one aggregate in the order in which they became
true. Facts of two aggregates under one key (two orders about one site) are in no order that anybody may rely on.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from shared.contracts.base import Fact
from shared.runtime.acts import envelope
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Conflict
from shared.runtime.db.at_commit import AppendOnly, insert_at_commit, notify_at_commit
from shared.runtime.db.postgres import Tx

CHANNEL: Final = "outbox"
MOST_BYTES: Final = 4_000_000
"""Of a fact with its envelope, key and headers. Topics take batches of 4 MiB: what is around a record has room."""

OUTBOX: Final = AppendOnly(
    "outbox",
    {"event_id": "uuid", "topic": "text", "key": "text", "type": "text", "value": "bytea", "headers": "jsonb"},
)


class FactTooLarge(Conflict):
    """The fact that would have to be told, {fact}, has {bytes} bytes, and at most {limit} can be published.

    Nothing was changed: a register that said one thing while nobody can be told of it would be worse than a refusal.
    """

    members = frozenset({"fact", "bytes", "limit"})


_Row = tuple[UUID, str, str, str, bytes, dict[str, str]]


def _rows(facts: Iterable[Fact], at: datetime) -> list[_Row]:
    trace = envelope.trace_headers()
    headers = {"content-type": envelope.CONTENT_TYPE, **trace}
    rows = []
    for fact in facts:
        event_id = uuid7()
        value = envelope.encode(fact, event_id=event_id, at=at, trace=trace)
        rows.append((event_id, fact.TOPIC.name, fact.key, fact.TYPE, value, headers))
    return rows


def add(tx: Tx, *facts: Fact, at: datetime) -> None:
    """Tell facts, in this order, as structured-mode CloudEvents. ``at`` is when they became true.

    Raises FactTooLarge, and with it the whole transaction is taken back.
    """
    if facts:
        _tell(tx, _rows(facts, at))


def add_raw(
    tx: Tx,
    *,
    topic: str,
    key: str,
    type: str,  # noqa: A002 -- the CloudEvents attribute
    value: bytes,
    event_id: UUID,
    at: datetime,
    producer: str = "access-control",
    content_type: str = "application/jose",
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """Send bytes exactly as they are (a signed order), as a binary-mode CloudEvent. Raises FactTooLarge."""
    all_headers = envelope.binary_headers(
        event_id=event_id,
        producer=producer,
        event_type=type,
        key=key,
        at=at,
        content_type=content_type,
        trace=envelope.trace_headers(),
    )
    all_headers.update(headers)
    _tell(tx, [(event_id, topic, key, type, value, all_headers)])


def _tell(tx: Tx, rows: Sequence[_Row]) -> None:
    for _, _, key, kind, value, headers in rows:
        size = len(value) + len(key.encode()) + len(orjson.dumps(headers))
        if size > MOST_BYTES:
            raise FactTooLarge(fact=kind, bytes=size, limit=MOST_BYTES)
    insert_at_commit(tx, OUTBOX, *rows)
    notify_at_commit(tx, CHANNEL)
